//! Alert rules from the catalog: one group per signal, one rule per level and group of targets.

pub mod generic;
pub mod unit_tests;

use checklist::config::Effective;
use checklist::contract::{CHECK_INFO, CHECK_PASSED, RULES_INFO};
use checklist::{Alert, Config, Limits, Metric, Scope, Severity, Signal, Unit};
use std::collections::BTreeMap;
use std::time::Duration;

/// A group of rules.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// What it records before it judges.
    pub records: Vec<Recording>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// One recording rule.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The metric.
    pub record: &'static str,
    /// The expression.
    pub expr: String,
    /// Labels of the recorded series.
    pub labels: BTreeMap<String, String>,
}

/// One alert rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The alert's name.
    pub alert: String,
    /// The expression.
    pub expr: String,
    /// The times.
    pub times: Effective,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// The targets within its scope; empty when it has none.
    pub targets: Vec<String>,
    /// The metric of others whose absence it tells of.
    pub source: Option<&'static Metric>,
    /// The catalog's entry, unless the rule is about the exporter itself.
    pub entry: Option<Entry>,
}

impl Rule {
    /// The kind of what its check connects to, as its expression names it.
    pub fn targets_kind(&self) -> Option<&str> {
        self.expr.split_once("{kind=\"")?.1.split('"').next()
    }
}

/// Where a rule comes from.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The signal.
    pub signal: &'static Signal,
    /// The alert.
    pub alert: &'static Alert,
    /// The level.
    pub severity: Severity,
    /// The limits that hold.
    pub limits: Limits,
}

/// All groups of a configuration.
pub fn groups(config: &Config) -> Vec<Group> {
    let of_signal = |signal: &'static Signal| {
        let (records, rules) = (recordings(config, signal), of_signal(config, signal));
        (!rules.is_empty() || !records.is_empty()).then(|| Group {
            name: format!("checklist-{}", signal.id),
            records,
            rules,
        })
    };
    let mut groups: Vec<Group> = config.signals().filter_map(of_signal).collect();
    let labels = recorded(&[("fingerprint", &config.fingerprint())]);
    let known_by = Recording { record: RULES_INFO.name, expr: "vector(1)".to_owned(), labels };
    let name = "checklist-exporter".to_owned();
    groups.push(Group { name, records: vec![known_by], rules: generic::rules(config) });
    groups
}

/// Labels of what is recorded: those of the expression are gone with its aggregation, but the variables of dashboards
/// and other people's routes go by job and instance.
fn recorded(own: &[(&str, &str)]) -> BTreeMap<String, String> {
    let common = [("job", "checklist-rules"), ("instance", "rules")];
    own.iter().chain(&common).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What Prometheus records for a signal, from the application's own metrics or those of other exporters.
fn recordings(config: &Config, signal: &Signal) -> Vec<Recording> {
    let mut recordings = Vec::new();
    for target in config.targets(signal) {
        let labels = recorded(&[("check", signal.id), ("target", &target)]);
        if let Some(elsewhere) = config.source(signal, &target) {
            let selector = config.selector(signal, &target);
            recordings.extend(elsewhere.records.iter().map(|(metric, expr)| Recording {
                record: metric.name,
                // Without matchers of its own a selector would begin with a comma.
                expr: expr.replace("{selector}", &selector).replace("{, ", "{"),
                labels: labels.clone(),
            }));
        }
        if let Some(traffic) = config.traffic.iter().find(|traffic| traffic.name == target) {
            recordings.extend(signal.records.iter().map(|record| Recording {
                record: record.metric.name,
                expr: (record.expr)(traffic),
                labels: labels.clone(),
            }));
        }
        if let Some(metric) = judged_by(config, signal, &target) {
            recordings.extend(verdict(signal, &target, metric));
        }
    }
    recordings
}

/// The metric of others whose presence tells that a check can be judged; nothing when the exporter makes the check.
pub fn judged_by(config: &Config, signal: &Signal, target: &str) -> Option<&'static Metric> {
    if config.probed(signal).iter().any(|probed| probed == target) {
        return None;
    }
    signal.metrics.iter().copied().find(|metric| !metric.sparse && config.has(signal, metric))
}

/// What the exporter says of its own checks, of one that is judged on the metrics of others: that it is there, and
/// whether it passed. No alert of its fires, and the metrics are there; without them there is no verdict.
fn verdict(signal: &Signal, target: &str, metric: &Metric) -> [Recording; 2] {
    let scope = format!("check={:?}, target={target:?}", signal.id);
    let alerts = "alertname=~\"Checklist.+\", alertname!=\"ChecklistSourceMissing\"";
    let firing = format!("ALERTS{{{alerts}, alertstate=\"firing\", severity=~\"critical|warning\", {scope}}}");
    let passed = format!("0 * max({firing}) or 0 * max({metric}{{{scope}}}) + 1");
    let (cadence, severity) = (signal.cadence.as_str(), signal.worst().as_str());
    let facts = [("cadence", cadence), ("section", signal.section), ("severity", severity)];
    let own = [("check", signal.id), ("target", target)];
    let info = own.iter().copied().chain(facts).collect::<Vec<_>>();
    [
        Recording { record: CHECK_PASSED.name, expr: passed, labels: recorded(&own) },
        Recording { record: CHECK_INFO.name, expr: "vector(1)".to_owned(), labels: recorded(&info) },
    ]
}

fn of_signal(config: &Config, signal: &'static Signal) -> Vec<Rule> {
    let mut rules = Vec::new();
    let targets = config.targets(signal);
    for alert in signal.alerts {
        let Some(times) = config.alert(alert) else { continue };
        if !alert.when.metrics().iter().all(|metric| config.has(signal, metric)) {
            continue;
        }
        let parts = apart(config.scopes(signal));
        for (n, (scope, limits)) in parts.iter().enumerate() {
            let scoped = if scope.targets.is_empty() { targets.clone() } else { scope.targets.clone() };
            for (severity, limit) in alert.levels(limits) {
                let unit = alert.when.threshold().map_or(Unit::Count, |threshold| threshold.unit);
                let description = alert
                    .description
                    .replace("{value}", unit.template())
                    .replace("{limit}", &limit.map(|limit| unit.human(limit)).unwrap_or_default());
                let mut labels = labels(config, signal.id, signal.cadence.as_str(), severity.as_str());
                match scope.targets.as_slice() {
                    [] => {}
                    [target] => {
                        labels.insert("target".to_owned(), target.clone());
                    }
                    // Large groups are told apart by a number.
                    _ if n > 0 && parts.iter().take(n).any(|(before, _)| before.targets.len() > 1) => {
                        labels.insert("limits".to_owned(), (n + 1).to_string());
                    }
                    _ => {}
                }
                rules.push(Rule {
                    alert: alert.name.to_owned(),
                    expr: alert.when.promql(scope, limits, severity),
                    times,
                    labels,
                    annotations: annotations(config, signal.id, alert.name, alert.summary, &description),
                    targets: scoped.clone(),
                    source: None,
                    entry: Some(Entry { signal, alert, severity, limits: limits.clone() }),
                });
            }
        }
    }
    rules
}

/// Groups of more targets than this stay one rule.
const MOST_APART: usize = 20;

/// Rules with one name need labels that tell them apart: all but the largest group of targets are split, so that each
/// rule can carry its target.
fn apart(scopes: Vec<(Scope, Limits)>) -> Vec<(Scope, Limits)> {
    let largest = scopes.iter().map(|(scope, _)| scope.targets.len()).max().unwrap_or_default();
    let mut kept = false;
    let mut all = Vec::new();
    for (scope, limits) in scopes {
        // Hundreds of rules for hundreds of targets would outgrow what the operator takes.
        let many = scope.targets.len() > MOST_APART;
        if many || (scope.targets.len() == largest && !kept) {
            kept |= scope.targets.len() == largest;
            all.push((scope, limits));
            continue;
        }
        let one = |target: String| (Scope { targets: vec![target], ..scope.clone() }, limits.clone());
        all.extend(scope.targets.clone().into_iter().map(one));
    }
    all
}

/// The labels of a rule: the operator's and those that routes and dashboards rely on.
pub fn labels(config: &Config, check: &str, cadence: &str, severity: &str) -> BTreeMap<String, String> {
    let mut labels = config.alerting.labels.clone();
    for (name, value) in [("check", check), ("cadence", cadence), ("severity", severity)] {
        labels.insert(name.to_owned(), value.to_owned());
    }
    labels
}

/// The annotations of a rule, with links where the operator said where to.
pub fn annotations(
    config: &Config,
    page: &str,
    alert: &str,
    summary: &str,
    description: &str,
) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::from([
        ("summary".to_owned(), summary.to_owned()),
        ("description".to_owned(), description.to_owned()),
    ]);
    if let Some(base) = &config.alerting.runbook_base_url {
        annotations.insert("runbook_url".to_owned(), format!("{base}/{page}.md#{}", alert.to_lowercase()));
    }
    if let Some(base) = &config.alerting.grafana_base_url {
        annotations
            .insert("dashboard_url".to_owned(), format!("{base}/d/{}", crate::outputs::grafana::uid_of(config, page)));
    }
    annotations
}

/// A duration as Prometheus writes it: `1h30m`, `90s` as `1m30s`.
pub fn prometheus_duration(duration: Duration) -> String {
    if duration.subsec_millis() > 0 {
        return format!("{}ms", duration.as_millis());
    }
    let mut rest = duration.as_secs();
    let mut text = String::new();
    for (unit, seconds) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        if rest >= seconds {
            text += &format!("{}{unit}", rest / seconds);
            rest %= seconds;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}
