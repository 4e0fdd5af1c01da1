//! Generates the alerts about the exporter itself: checks that cannot be made, a missing exporter, and the Watchdog.

use crate::rules::labels::{annotations, labels};
use crate::rules::model::Rule;
use crate::rules::recordings::judged_by;
use checklist::condition::{FAILING_WINDOW, failing};
use checklist::self_metrics::{
    BUILD_INFO, CHECK_INFO, CONFIG_INFO, CONFIG_SUCCESSFUL, INTERVAL, LAST_SUCCESS, LEASE_HELD, PROBE_SUCCESS,
    RULES_INFO, SERIES_DROPPED, SHARD, SHARDS, STARTED, TARGET_REACHABLE, TARGET_UNREACHABLE, UNSEEN, WEB_CONFIG,
};
use checklist::signals::r#override::ACTIVE;
use checklist::{Config, Metric, Severity, Signal, TargetKind};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Returns the rules about the exporter itself.
pub fn rules(config: &Config) -> Vec<Rule> {
    let mut rules = Vec::new();
    for signal in config.signals() {
        if !config.probed(signal).is_empty() {
            rules.extend(overdue(config, signal));
            rules.extend(missing(config, signal));
            rules.extend(incomplete(config, signal));
        }
        rules.extend(source_missing(config, signal));
    }
    rules.extend(unreachable(config).into_iter().chain(unsteady(config)));
    let own = [
        Generic {
            name: "ChecklistExporterMissing",
            expr: format!("absent({BUILD_INFO})"),
            // A node that is drained moves the exporter within less.
            minutes: 5,
            severity: "critical",
            summary: "checklist-exporter is missing in Prometheus.",
            description: "Prometheus has no samples of checklist-exporter, so no check of the checklist is evaluated.",
            targets: Vec::new(),
        },
        Generic {
            name: "ChecklistExporterRestarts",
            expr: format!(
                "max without (instance, pod) (changes({STARTED}[2h]) and on (job, instance) {BUILD_INFO}) > 3"
            ),
            minutes: 5,
            severity: "warning",
            summary: "The exporter restarts again and again.",
            description: "The exporter was restarted {{ $value }} times within two hours. Alerts that must last for hours may not fire meanwhile.",
            targets: Vec::new(),
        },
        Generic {
            name: "ChecklistConfigBroken",
            expr: format!("max without (instance, pod) ({CONFIG_SUCCESSFUL}) == 0"),
            minutes: 15,
            severity: "warning",
            summary: "The exporter cannot load checklist.yaml.",
            description: "The exporter cannot load the changed checklist.yaml and keeps its previous configuration. Its log lists every mistake.",
            targets: Vec::new(),
        },
        Generic {
            name: "ChecklistWebConfigBroken",
            expr: format!("min without (instance, pod) ({WEB_CONFIG}) == 0"),
            minutes: 15,
            severity: "warning",
            summary: "The exporter does not use its web configuration file, or the file has become less strict.",
            description: "The exporter refused the web configuration or a file that it names, or the new one requires less of clients than before. Its log has the reason.",
            targets: Vec::new(),
        },
        Generic {
            name: "ChecklistRulesOutdated",
            expr: format!("max without (instance, pod) ({CONFIG_INFO}) unless on (fingerprint) {RULES_INFO}"),
            minutes: 60,
            severity: "warning",
            summary: "The alerting rules do not match the exporter's checklist.yaml.",
            description: "The exporter uses another checklist.yaml than the one that these rules were generated from. Generate and deploy the rules again.",
            targets: Vec::new(),
        },
        Generic {
            name: "ChecklistSeriesDropped",
            expr: format!("max without (instance, pod) (increase({SERIES_DROPPED}[1h])) > 0"),
            minutes: 15,
            severity: "warning",
            summary: "A check dropped series.",
            description: "A check{{ with $labels.target }} on {{ . }}{{ end }} returned more series than its limit, or duplicate series, and some were dropped. checklist_probe_series_dropped_total names the check.",
            targets: Vec::new(),
        },
        Generic {
            name: "ChecklistShardMissing",
            expr: format!(
                "count without (shard) (count_values without (instance, pod) (\"shard\", {SHARD})) < max without (instance, pod) ({SHARDS})"
            ),
            minutes: 5,
            severity: "critical",
            summary: "A shard of the exporter is missing.",
            description: "Only {{ $value }} shards of the exporter report; the checks of the other shards do not run.",
            targets: Vec::new(),
        },
        Generic {
            name: "ChecklistShardsDiffer",
            expr: format!("max without (instance, pod) ({SHARDS}) != min without (instance, pod) ({SHARDS})"),
            minutes: 15,
            severity: "warning",
            summary: "The exporters have different numbers of shards.",
            description: "Until every exporter is configured with the same number of shards, some checks run twice and others not at all.",
            targets: Vec::new(),
        },
        Generic {
            name: "ChecklistWatchdog",
            expr: "vector(1)".to_owned(),
            minutes: 0,
            severity: "none",
            summary: "Watchdog: the alerting pipeline works.",
            description: "This alert always fires. If its notifications stop, Prometheus or Alertmanager is broken.",
            targets: Vec::new(),
        },
    ];
    rules.extend(optional(config));
    rules.extend(own.into_iter().filter_map(|generic| generic.rule(config, "exporter", "daily")));
    rules
}

/// Returns the rules about optional parts of checklist.yaml.
fn optional(config: &Config) -> Vec<Rule> {
    let mut rules = Vec::new();
    if config.election().is_some() {
        let unheld = Generic {
            name: "ChecklistLeaseNotHeld",
            expr: format!("max without (instance, pod) ({LEASE_HELD}) == 0"),
            // An upgrade of the control plane takes ten.
            minutes: 15,
            severity: "warning",
            summary: "No exporter runs the expensive checks.",
            description: "No exporter holds the lease for the expensive checks. The logs of the exporters have the reason; checklist_lease_failures_total counts failed attempts.",
            targets: Vec::new(),
        };
        rules.extend(unheld.rule(config, "exporter", "daily"));
    }
    if config.tasks.is_some() {
        let emergency = Generic {
            name: "ChecklistEmergencyOverride",
            expr: format!("max without (instance, pod) ({ACTIVE}) == 1"),
            minutes: 0,
            severity: "none",
            summary: "An emergency override is active.",
            description: "Alerts of routine checks, also critical ones, are suppressed until the override ends.",
            targets: vec!["people".to_owned()],
        };
        rules.extend(emergency.rule(config, "override", "daily"));
    }
    rules
}

/// An alert about the exporter, from which a rule is made.
struct Generic {
    name: &'static str,
    expr: String,
    minutes: u64,
    severity: &'static str,
    summary: &'static str,
    description: &'static str,
    targets: Vec<String>,
}

impl Generic {
    fn rule(self, config: &Config, check: &str, cadence: &str) -> Option<Rule> {
        let pending = Duration::from_secs(self.minutes * 60);
        Some(Rule {
            alert: self.name.to_owned(),
            expr: self.expr,
            times: config.alert_by_name(self.name, pending, Duration::ZERO)?,
            labels: labels(config, check, cadence, self.severity),
            annotations: annotations(config, "exporter", self.name, self.summary, self.description),
            targets: self.targets,
            source: None,
            entry: None,
        })
    }
}

/// How long effects of an unreachable target still fire after it is back: five minutes for the window of a rate, ten of
/// `keep_firing_for`, and five to spare. The alerts of `outages.rs` cover longer windows.
const AFTERMATH: Duration = Duration::from_mins(20);

/// What a target of a kind is called, and after how long nobody gets through to it somebody is notified. Where users
/// are affected two minutes are enough; what runs in a cluster goes on while its control plane is upgraded, which takes
/// five to ten; a bucket, a report or an endpoint is looked at every quarter of an hour, and the internet between has
/// its moments.
fn kind(name: &str) -> (&'static str, u64) {
    match name {
        "alertmanager" => ("Alertmanager", 5),
        "backup" => ("The bucket of backup", 30),
        "certificate" => ("TLS endpoint", 15),
        "kubernetes" => ("Kubernetes cluster", 10),
        "postgres" => ("PostgreSQL", 2),
        "prometheus" => ("Prometheus", 5),
        "tasks" => ("The storage of the task records of", 60),
        _ => ("The scan report", 60),
    }
}

/// Returns, for each kind of target, the signals that are probed on it and the targets. Health pages are left out,
/// because their own signal alerts when they do not answer.
fn kinds(config: &Config) -> BTreeMap<&'static str, (Vec<&'static Signal>, Vec<String>)> {
    let mut kinds: BTreeMap<&str, (Vec<&'static Signal>, Vec<String>)> = BTreeMap::new();
    for signal in config.signals() {
        let (Some(kind), probed) = (signal.kind.reaches(), config.probed(signal)) else { continue };
        if probed.is_empty() || kind == "health" {
            continue;
        }
        let (signals, targets) = kinds.entry(kind).or_default();
        signals.push(signal);
        let new = probed.into_iter().filter(|target| !targets.contains(target)).collect::<Vec<_>>();
        targets.extend(new);
    }
    kinds
}

/// Returns the checks that fail while a target of a kind cannot be reached.
pub fn dependents(config: &Config) -> Vec<(&'static str, Vec<&'static str>)> {
    let ids = |signals: Vec<&'static Signal>| signals.iter().map(|signal| signal.id).collect();
    kinds(config).into_iter().map(|(kind, (signals, _))| (kind, ids(signals))).collect()
}

/// Returns the condition that a target of a kind cannot be reached, or only now and then.
pub fn unreached(kind: &str) -> String {
    let series = format!("{TARGET_REACHABLE}{{kind={kind:?}}}");
    let over = |function: &str| format!("max without (instance, pod) ({function}({series}[{FAILING_WINDOW}]))");
    failing(&format!("max without (instance, pod) ({series})"), &over("avg_over_time"), &over("changes"))
}

/// Returns an alert for each target that cannot be reached, as severe as the worst alert of its checks. The reason is
/// in the text and not in a label: a changed label would make a new alert, whose `for` starts again.
fn unreachable(config: &Config) -> Vec<Rule> {
    let of_kind = |(kind_of, (signals, targets)): (&'static str, (Vec<&'static Signal>, Vec<String>))| {
        let (name, minutes) = kind(kind_of);
        let worst = signals.iter().map(|signal| config.worst(signal)).max().unwrap_or(Severity::Warning);
        let rule = Generic {
            name: "ChecklistTargetUnreachable",
            expr: unreached(kind_of),
            minutes,
            severity: worst.as_str(),
            summary: "A target cannot be reached.",
            description: "",
            targets,
        };
        let why = format!(
            "{{{{ with printf \"{TARGET_UNREACHABLE}{{kind=\\\"{kind_of}\\\",target=%q}}\" $labels.target | query }}}}: \
             {{{{ . | first | label \"words\" }}}}{{{{ end }}}}"
        );
        let blind = format!(
            "{{{{ with printf \"count(max by (check) ({PROBE_SUCCESS}{{check=~\\\"{}\\\",target=%q}}) == 0)\" $labels.target | \
             query }}}} ({{{{ . | first | value }}}} checks fail){{{{ end }}}}",
            signals.iter().map(|signal| signal.id).collect::<Vec<_>>().join("|"),
        );
        // Other targets on the same server, bucket or cluster are inhibited by the first, so its text says how many
        // there are.
        let others = format!(
            "{{{{ with printf \"count(max by (target) ({TARGET_REACHABLE}{{kind=\\\"{kind_of}\\\",target!=%q}}) == 0)\" $labels.target | \
             query }}}} and {{{{ . | first | value }}}} more{{{{ end }}}}"
        );
        let mut rule = rule.rule(config, "exporter", "daily")?;
        // Keeps the alert firing while effects on other alerts last, so that it still inhibits them.
        rule.times = config.alert_by_name(&rule.alert, Duration::from_secs(minutes * 60), AFTERMATH)?;
        rule.labels.insert("kind".to_owned(), kind_of.to_owned());
        let text = format!("{name} {{{{ $labels.target }}}}{others} cannot be reached{why}{blind}.");
        rule.annotations.insert("description".to_owned(), text);
        Some(rule)
    };
    kinds(config).into_iter().filter_map(of_kind).collect()
}

/// Fires when a target that is looked at often fails one look in ten or more, for an hour: one of several servers behind
/// its name is broken, which the clients of that one notice.
fn unsteady(config: &Config) -> Option<Rule> {
    let over = |function: &str| format!("max without (instance, pod) ({function}({TARGET_REACHABLE}[1h]))");
    let reached = config.signals().filter(|signal| signal.kind.reaches().is_some());
    let targets: BTreeSet<String> = reached.flat_map(|signal| config.probed(signal)).collect();
    if targets.is_empty() {
        return None;
    }
    Generic {
        name: "ChecklistTargetUnsteady",
        expr: format!("{} < 0.9 and {} >= 8", over("avg_over_time"), over("changes")),
        minutes: 15,
        severity: "warning",
        summary: "A target cannot be reached every now and then.",
        description: "Target {{ $labels.target }} ({{ $labels.kind }}) could be reached {{ $value | humanizePercentage }} of the time within an hour. One of several servers behind it may be broken.",
        targets: targets.into_iter().collect(),
    }
    .rule(config, "exporter", "daily")
}

/// Fires when a check had no success for three intervals, or none since the start. It is as severe as the worst alert
/// of the check, which may be hidden.
fn overdue(config: &Config, signal: &'static Signal) -> Option<Rule> {
    let max = |metric: &Metric| format!("max without (instance, pod) ({metric}{{check={:?}}})", signal.id);
    // If the target cannot be reached, the alert about the target has the reason.
    let reached = signal.kind.reaches().map(|kind| {
        format!(" unless on (target) (max without (instance, pod) ({TARGET_REACHABLE}{{kind={kind:?}}}) == 0)")
    });
    let expr = format!(
        "(time() - {success} > 3 * {interval} or ({probe} == 0 unless {success})){reached}",
        success = max(&LAST_SUCCESS),
        interval = max(&INTERVAL),
        probe = max(&PROBE_SUCCESS),
        reached = reached.unwrap_or_default(),
    );
    Generic {
        name: "ChecklistCheckOverdue",
        expr,
        // A restart of the target takes less time.
        minutes: 10,
        severity: config.worst(signal).as_str(),
        summary: "A check fails.",
        description: "Check {{ $labels.check }} on {{ $labels.target }} is failing, so its current state is unknown{{ with printf \"topk(1, sum by (reason) (increase(checklist_probe_failures_total{check=%q,target=%q}[1h])) > 0)\" $labels.check $labels.target | query }}: its runs fail with the reason {{ . | first | label \"reason\" }}{{ end }}. The exporter's page /checks/{{ $labels.check }} and its log have the details.",
        targets: config.probed(signal),
    }
    .rule(config, signal.id, signal.cadence.as_str())
}

/// Fires when a check could not read some of its objects and judged the others. It is always a warning: what was read
/// is judged at its own severity, and a run without any object makes the check overdue. The reason is not a label, so
/// that it can change without restarting `for`.
fn incomplete(config: &Config, signal: &'static Signal) -> Option<Rule> {
    Generic {
        name: "ChecklistCheckIncomplete",
        // Each replica of the exporter counts for itself.
        expr: format!("max without (instance, pod) (sum without (reason) ({UNSEEN}{{check={:?}}})) > 0", signal.id),
        minutes: 15,
        severity: "warning",
        summary: "A check cannot read all of its objects.",
        description: "Check {{ $labels.check }} on {{ $labels.target }} could not read {{ $value }} objects of the kind {{ $labels.object }}; only the others are evaluated. The exporter's page /checks/{{ $labels.check }} lists each with its reason.",
        targets: config.probed(signal),
    }
    .rule(config, signal.id, signal.cadence.as_str())
}

/// A configured check that no exporter reports. For two hours after the exporter was given another checklist.yaml than
/// these rules `ChecklistRulesOutdated` reports it: whoever took a check out deploys the rules next.
fn missing(config: &Config, signal: &'static Signal) -> Option<Rule> {
    let absent = |target: String| format!("absent({CHECK_INFO}{{check={:?}, target={target:?}}})", signal.id);
    let absent = config.probed(signal).into_iter().map(absent).collect::<Vec<_>>().join(" or ");
    let other = format!("{RULES_INFO} unless on (fingerprint) {CONFIG_INFO}");
    Generic {
        name: "ChecklistCheckMissing",
        expr: format!("({absent}) unless on () ({other} and on (fingerprint) {CONFIG_INFO} offset 2h)"),
        minutes: 15,
        severity: config.worst(signal).as_str(),
        summary: "A configured check is not reported by any exporter.",
        description: "No exporter reports the check {{ $labels.check }} on {{ $labels.target }}, which checklist.yaml configures.",
        targets: config.probed(signal),
    }
    .rule(config, signal.id, signal.cadence.as_str())
}

/// Fires when metrics of other exporters are missing, because alerts on these metrics cannot fire then. For the requests
/// of an application nobody is woken unless there were some at this hour a week ago: an application that is scaled to
/// zero, or that nobody has used since it started, exposes none. Otherwise it is a warning, after a night.
fn source_missing(config: &Config, signal: &'static Signal) -> Vec<Rule> {
    let worst = config.worst(signal);
    if signal.kind != TargetKind::Traffic {
        return source(config, signal, 15, worst, |series| format!("absent({series})")).into_iter().collect();
    }
    let unusual = |series: &str| format!("absent({series}) and on () max_over_time({series}[1h] offset 167h30m) > 0");
    let page = (worst == Severity::Critical).then(|| source(config, signal, 15, worst, unusual)).flatten();
    let long = source(config, signal, 60, Severity::Warning, |series| format!("absent_over_time({series}[12h])"));
    page.into_iter().chain(long).collect()
}

/// Returns the rule that fires when a condition holds for the series of a check on one of its targets that other
/// exporters expose.
fn source(
    config: &Config,
    signal: &'static Signal,
    minutes: u64,
    severity: Severity,
    condition: impl Fn(&str) -> String,
) -> Option<Rule> {
    let mut others = config.targets(signal);
    others.retain(|target| judged_by(config, signal, target).is_some());
    let metric = judged_by(config, signal, others.first()?)?;
    let of_target = |target: &String| condition(&format!("{metric}{{check={:?}, target={target:?}}}", signal.id));
    Generic {
        name: "ChecklistSourceMissing",
        expr: others.iter().map(of_target).collect::<Vec<_>>().join(" or "),
        minutes,
        severity: severity.as_str(),
        summary: "External metrics of a check are missing.",
        description: "Prometheus has no series of the external metric that {{ $labels.check }} on {{ $labels.target }} needs. Check whether its scrape target is up, and whether the selector in checklist.yaml matches.",
        targets: others,
    }
    .rule(config, signal.id, signal.cadence.as_str())
    .map(|rule| Rule { source: Some(metric), ..rule })
}
