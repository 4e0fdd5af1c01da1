//! The routes, receivers, inhibition rules and maintenance windows of a configuration, in a form from which both the
//! Alertmanager file and the object of prometheus-operator are written.

use crate::rules::outages;
use checklist::condition::value::alternatives;
use checklist::config::{Maintenance, WEEKDAYS};
use checklist::{Config, Limits, Severity, Signal, Stake};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

/// A label matcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    pub name: &'static str,
    /// `=`, `!=`, `=~` or `!~`.
    pub operator: &'static str,
    pub value: Cow<'static, str>,
}

impl Matcher {
    fn new(name: &'static str, operator: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        Self { name, operator, value: value.into() }
    }
}

/// A route below the root.
#[derive(Debug, Clone)]
pub struct Route {
    /// The matcher of the alerts that the route takes.
    pub matcher: Matcher,
    pub receiver: &'static str,
    /// Whether the routes after it are tried too (`continue`).
    pub continues: bool,
    /// Whether maintenance windows mute the route.
    pub muted_by_maintenance: bool,
    /// For the heartbeat: the time between two notifications.
    pub pace: Option<Duration>,
}

/// An inhibition rule: while the source alerts fire, the target alerts are not notified.
#[derive(Debug, Clone)]
pub struct Inhibition {
    /// The alerts that inhibit.
    pub source: Vec<Matcher>,
    /// The alerts that are inhibited.
    pub target: Vec<Matcher>,
    /// Labels whose values must be equal on both alerts.
    pub equal: BTreeSet<&'static str>,
}

/// A part of a maintenance window within one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// The days of the week. Empty means every day.
    pub weekdays: Vec<&'static str>,
    /// Start and end, such as `22:00` and `24:00`. Empty means the whole day.
    pub times: Vec<(String, String)>,
}

/// The routing part of an Alertmanager configuration.
#[derive(Debug, Clone)]
pub struct RouteTree {
    /// The receiver of alerts that no route matches.
    pub root: &'static str,
    /// The routes in order, as the first match counts.
    pub routes: Vec<Route>,
    pub inhibitions: Vec<Inhibition>,
    /// The labels by which alerts are grouped into one notification: check, target and namespace.
    pub group_by: [&'static str; 3],
}

/// Returns the routes and inhibition rules of a configuration.
pub fn route_tree(config: &Config) -> RouteTree {
    let alerting = &config.alerting;
    let extra = [
        ("email", alerting.email.as_ref().map(|email| &email.severities)),
        ("webhook", alerting.webhook.as_ref().map(|webhook| &webhook.severities)),
    ];
    let takers = |severity| {
        let takes = move |(name, severities): &(&'static str, Option<&Vec<Severity>>)| {
            severities.is_some_and(|all| all.contains(&severity)).then_some(*name)
        };
        extra.iter().filter_map(takes).collect::<Vec<_>>()
    };
    let main = |severity: Severity| match (alerting.pagerduty.is_some(), alerting.slack.is_some()) {
        (true, true) if severity == Severity::Critical => "pagerduty",
        (true, true) => "slack",
        // A single receiver gets both severities, unless the email or webhook receiver takes the other one.
        (true, false) if severity == Severity::Critical || takers(severity).is_empty() => "pagerduty",
        (false, true) if severity == Severity::Warning || takers(severity).is_empty() => "slack",
        _ => "nobody",
    };
    let muted_by_maintenance = !alerting.maintenance.is_empty();
    let route =
        |matcher, receiver| Route { matcher, receiver, continues: false, muted_by_maintenance: false, pace: None };
    let mut routes = Vec::new();
    if let Some(heartbeat) = &alerting.heartbeat {
        let watchdog = Matcher::new("alertname", "=", "ChecklistWatchdog");
        routes.push(Route { pace: Some(heartbeat.interval), ..route(watchdog, "heartbeat") });
    }
    routes.push(route(Matcher::new("severity", "=", "none"), "nobody"));
    for severity in [Severity::Critical, Severity::Warning] {
        let muted_by_maintenance = muted_by_maintenance && severity == Severity::Warning;
        let matcher = Matcher::new("severity", "=", severity.as_str());
        for receiver in takers(severity) {
            routes.push(Route { continues: true, muted_by_maintenance, ..route(matcher.clone(), receiver) });
        }
        routes.push(Route { muted_by_maintenance, ..route(matcher, main(severity)) });
    }
    let root = match main(Severity::Warning) {
        "nobody" => takers(Severity::Warning).first().copied().unwrap_or("nobody"),
        main => main,
    };
    RouteTree { root, routes, inhibitions: inhibitions(config), group_by: ["check", "target", "namespace"] }
}

/// Returns the receiver of alerts of a severity; if there are several, the first.
pub fn receiver(config: &Config, severity: &str) -> &'static str {
    let RouteTree { root, routes, .. } = route_tree(config);
    let takes = |route: &&Route| route.matcher.name == "severity" && route.matcher.value == severity;
    let receiver_of = |route: &Route| route.receiver;
    let mut all = routes.iter().filter(takes).map(receiver_of);
    let first = all.next().unwrap_or(root);
    all.fold(first, |found, next| if found == "nobody" { next } else { found })
}

/// Pages that cover the same alerts: the names of the pages, the labels that must be equal, the covered alerts, and the
/// severity of the pages.
type Covering<'a> = (Vec<&'a str>, BTreeSet<&'static str>, &'a [&'a str], Severity);

fn inhibitions(config: &Config) -> Vec<Inhibition> {
    let is = |name, value| Matcher::new(name, "=", value);
    // Alertmanager treats a label that both alerts lack as equal. So the rules must name our alerts, or they would
    // match alerts of other teams.
    let ours = Matcher::new("alertname", "=~", "Checklist.*");
    let mut all = vec![
        Inhibition {
            // Every label of the catalog must be equal. A page about one pod, table or task then hides neither a
            // warning about another one nor another warning about the same one.
            source: vec![ours.clone(), is("severity", "critical")],
            target: vec![ours.clone(), is("severity", "warning")],
            equal: labels(config).into_iter().chain(["alertname"]).collect(),
        },
        Inhibition {
            // An emergency override inhibits all alerts except those about user impact, attacks and possible data loss.
            // The exporter's own alerts continue, because without the exporter none of these would be noticed.
            source: vec![is("alertname", "ChecklistEmergencyOverride")],
            target: vec![
                ours.clone(),
                Matcher::new("check", "!~", emergency_checks(config)),
                Matcher::new("alertname", "!~", "ChecklistOverrideLong|ChecklistWatchdog|ChecklistEmergencyOverride"),
            ],
            equal: BTreeSet::new(),
        },
        Inhibition {
            source: vec![is("alertname", "ChecklistExporterMissing")],
            target: vec![is("alertname", "ChecklistCheckMissing")],
            equal: BTreeSet::new(),
        },
    ];
    // When a target cannot be reached, its checks fail too. One alert about the target is enough.
    let unreached = |(kind, checks): (&'static str, Vec<&'static str>)| Inhibition {
        source: vec![is("alertname", "ChecklistTargetUnreachable"), is("kind", kind)],
        target: vec![ours.clone(), Matcher::new("check", "=~", checks.join("|"))],
        equal: BTreeSet::from(["target"]),
    };
    all.extend(crate::rules::generic::dependents(config).into_iter().map(unreached));
    // Several entries of checklist.yaml may name the same server. The alert of the first inhibits those of the others,
    // which still inhibit the alerts of their own checks.
    let same = config.same().into_iter().filter_map(|(kind, names)| {
        let (first, others) = names.split_first().filter(|(_, others)| !others.is_empty())?;
        let of = |target| vec![is("alertname", "ChecklistTargetUnreachable"), is("kind", kind), target];
        let source = of(Matcher::new("target", "=", (*first).to_owned()));
        let target = of(Matcher::new("target", "=~", alternatives(others)));
        Some(Inhibition { source, target, equal: BTreeSet::new() })
    });
    all.extend(same);
    all.extend(causes().into_iter().map(|(source, checks, equal)| Inhibition {
        source,
        target: vec![ours.clone(), Matcher::new("check", "=~", checks)],
        equal: equal.iter().copied().collect(),
    }));
    all.extend(workloads(config));
    all.extend(effects());
    for aftermath in outages::AFTERMATHS {
        all.extend(aftermath.held.iter().map(|(pages, later)| Inhibition {
            source: vec![is("alertname", aftermath.name), Matcher::new("page", "=~", pages.join("|"))],
            target: vec![Matcher::new("alertname", "=~", later.join("|"))],
            equal: BTreeSet::from(["target"]),
        }));
    }
    // Pages that say more than other alerts' warnings do, those that cover the same ones together.
    let judged = config.signals().filter(|signal| !config.targets(signal).is_empty());
    let mut covering: Vec<Covering> = Vec::new();
    for page in judged.flat_map(|signal| signal.alerts).filter(|page| !page.covers.is_empty()) {
        let metrics = page.when.metrics();
        let labels = metrics.iter().flat_map(|metric| metric.labels).copied();
        let equal: BTreeSet<&str> = labels.chain(["check", "target"]).collect();
        // An alert of severity warning inhibits only warnings, never a page.
        let worst = page.levels(&Limits::default()).first().map_or(page.severity, |(severity, _)| *severity);
        let same = |(_, known, covers, severity): &&mut (_, BTreeSet<&str>, &[&str], Severity)| {
            *known == equal && *covers == page.covers && *severity == worst
        };
        match covering.iter_mut().find(same) {
            Some((pages, ..)) => pages.push(page.name),
            None => covering.push((vec![page.name], equal, page.covers, worst)),
        }
    }
    let named = |names: &[&str]| Matcher::new("alertname", "=~", names.join("|"));
    all.extend(covering.into_iter().map(|(pages, equal, covers, worst)| Inhibition {
        source: vec![named(&pages), is("severity", worst.as_str())],
        target: match worst {
            Severity::Critical => vec![named(covers), Matcher::new("severity", "=~", "critical|warning")],
            Severity::Warning => vec![named(covers), is("severity", "warning")],
        },
        equal,
    }));
    all
}

/// Returns the checks that still alert during an emergency override, as a regular expression: those about user impact,
/// attacks and possible data loss, and the exporter itself.
fn emergency_checks(config: &Config) -> String {
    let continues = |signal: &&Signal| signal.stake != Stake::Routine;
    let ids = config.signals().filter(continues).map(|signal| signal.id);
    ids.chain(["exporter"]).collect::<Vec<_>>().join("|")
}

/// Returns alerts that are causes, the checks that only show their effects, and the labels that must be equal. Targets
/// with one name belong to one application: its database, its health page and its traffic.
fn causes() -> Vec<(Vec<Matcher>, &'static str, &'static [&'static str])> {
    let is = |name, value| Matcher::new(name, "=", value);
    vec![
        (
            vec![is("alertname", "ChecklistTargetUnreachable"), is("kind", "postgres")],
            "health|error_rate|latency|requests|workflows",
            &["target"],
        ),
        (
            vec![
                Matcher::new("alertname", "=~", "ChecklistHealthUnreachable|ChecklistHealthFailed"),
                is("severity", "critical"),
            ],
            "error_rate|latency|requests",
            &["target"],
        ),
        (
            vec![
                Matcher::new(
                    "alertname",
                    "=~",
                    "ChecklistRequestsFail|ChecklistErrorBudgetBurnsFast|ChecklistErrorBudgetBurns",
                ),
                is("severity", "critical"),
            ],
            "latency",
            &["target"],
        ),
    ]
}

/// Returns the rules by which an alert holds back others that only show its effects.
fn effects() -> Vec<Inhibition> {
    let is = |name, value| Matcher::new(name, "=", value);
    vec![
        Inhibition {
            // A workload without any pod leaves its services without endpoints.
            source: vec![is("alertname", "ChecklistWorkloadDown")],
            target: vec![is("alertname", "ChecklistServiceWithoutEndpoints")],
            equal: BTreeSet::from(["check", "namespace", "target"]),
        },
        Inhibition {
            // What cannot be reached is not unsteady besides.
            source: vec![is("alertname", "ChecklistTargetUnreachable")],
            target: vec![is("alertname", "ChecklistTargetUnsteady")],
            equal: BTreeSet::from(["kind", "target"]),
        },
        Inhibition {
            source: vec![Matcher::new("alertname", "=~", "ChecklistHealthUnreachable|ChecklistHealthFailed")],
            target: vec![is("alertname", "ChecklistTargetUnsteady"), is("kind", "health")],
            equal: BTreeSet::from(["target"]),
        },
        Inhibition {
            // A pod that cannot start restarts.
            source: vec![is("alertname", "ChecklistPodStuck")],
            target: vec![Matcher::new(
                "alertname",
                "=~",
                "ChecklistContainerRestarted|ChecklistContainerRestartsOften",
            )],
            equal: BTreeSet::from(["namespace", "pod", "target"]),
        },
        Inhibition {
            // An application whose requests nobody counts has no histogram of their durations either.
            source: vec![is("alertname", "ChecklistSourceMissing"), is("check", "error_rate")],
            target: vec![is("alertname", "ChecklistSourceMissing"), Matcher::new("check", "=~", "latency|requests")],
            equal: BTreeSet::from(["target"]),
        },
    ]
}

/// Returns the rules by which a page about an application holds back the page about its workload, which has the name of
/// the application in another label. The page about the application comes first, because its users notice it. The page
/// about the workload holds back that about its service.
fn workloads(config: &Config) -> impl Iterator<Item = Inhibition> {
    let pages = "ChecklistHealthUnreachable|ChecklistHealthFailed|ChecklistRequestsFail|ChecklistErrorBudgetBurnsFast";
    let health = config.health.iter().map(|one| one.name.as_str());
    let names: BTreeSet<&str> = health.chain(config.traffic.iter().map(|one| one.name.as_str())).collect();
    let names = names.into_iter().filter(|_| !config.kubernetes.is_empty());
    names.map(move |name| Inhibition {
        source: vec![
            Matcher::new("alertname", "=~", pages),
            Matcher::new("severity", "=", "critical"),
            Matcher::new("target", "=", name.to_owned()),
        ],
        target: vec![
            Matcher::new("alertname", "=", "ChecklistWorkloadDown"),
            Matcher::new("workload", "=", name.to_owned()),
        ],
        equal: BTreeSet::new(),
    })
}

/// Returns every label that the series of the configured signals can have.
fn labels(config: &Config) -> BTreeSet<&'static str> {
    let judged = config.signals().filter(|signal| !config.targets(signal).is_empty());
    let of_metrics = judged.flat_map(|signal| signal.metrics).flat_map(|metric| metric.labels).copied();
    of_metrics.chain(["check", "target"]).collect()
}

/// Splits a maintenance window into intervals within one day: a window past midnight continues on the next day.
pub fn intervals(window: &Maintenance) -> Vec<Interval> {
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let days = |shift: u8| -> Vec<&'static str> {
        let mut days: Vec<usize> = window.weekdays.iter().map(|day| usize::from((day + shift) % 7)).collect();
        days.sort_unstable();
        days.into_iter().map(|day| WEEKDAYS[day]).collect()
    };
    let mut within = Interval { weekdays: days(0), times: Vec::new() };
    let mut after = Interval { weekdays: days(1), times: Vec::new() };
    for (from, to) in &window.times {
        if from < to {
            within.times.push((clock(*from), clock(*to)));
            continue;
        }
        within.times.push((clock(*from), "24:00".to_owned()));
        if *to > 0 {
            after.times.push(("00:00".to_owned(), clock(*to)));
        }
    }
    if after.times.is_empty() { vec![within] } else { vec![within, after] }
}

/// The texts of notifications, as Alertmanager templates.
pub mod text {
    /// The headline of a page: the description of the first alert and the summaries of the others.
    pub const SUMMARY: &str = "{{ $alerts := .Alerts.Firing }}{{ if not $alerts }}{{ $alerts = .Alerts }}{{ end }}{{ range $n, $alert := $alerts }}{{ if eq $n 0 }}{{ .Annotations.description }}{{ end }}{{ end }}{{ if gt (len $alerts) 1 }} And {{ len (slice $alerts 1) }} more: {{ range slice $alerts 1 }}{{ .Annotations.summary }} {{ end }}{{ end }}";
    /// The headline of a Slack message or email.
    pub const TITLE: &str = "{{ $alerts := .Alerts.Firing }}{{ if not $alerts }}{{ $alerts = .Alerts }}{{ end }}[{{ .Status | toUpper }}{{ if eq .Status \"firing\" }} {{ .CommonLabels.severity }}{{ end }}] {{ range $n, $alert := $alerts }}{{ if eq $n 0 }}{{ .Annotations.description }}{{ end }}{{ end }}{{ if gt (len $alerts) 1 }} And {{ len (slice $alerts 1) }} more: {{ range slice $alerts 1 }}{{ .Annotations.summary }} {{ end }}{{ end }}";
    /// For each alert: its text, the time since when it fires, and the link to the runbook.
    pub const DESCRIPTIONS: &str = "{{ range .Alerts.Firing }}{{ if gt (len $.Alerts.Firing) 1 }}{{ .Annotations.description }}{{ else }}{{ .Annotations.summary }}{{ end }} Since {{ .StartsAt.Format \"Jan 2 15:04 MST\" }}. {{ .Labels.alertname }}: {{ .Annotations.runbook_url }}\n{{ end }}{{ range .Alerts.Resolved }}Resolved: {{ .Labels.alertname }}: {{ .Annotations.summary }}\n{{ end }}";
    /// Returns the text of each alert as a detail of a PagerDuty event. Since 0.30, Alertmanager parses details as
    /// YAML, and a text with a colon would arrive as a mapping. With a list in front of it, it is not YAML and stays a
    /// text.
    pub fn detail() -> String {
        format!("[{{{{ .Status }}}}] {DESCRIPTIONS}")
    }
    /// The link to the runbook.
    pub const RUNBOOK: &str = "{{ .CommonAnnotations.runbook_url }}";
    /// The severity in the values that PagerDuty defines.
    pub const SEVERITY: &str = "{{ if eq .CommonLabels.severity \"critical\" }}critical{{ else }}warning{{ end }}";
    /// PagerDuty's class of the event: the name of the alert.
    pub const CLASS: &str = "{{ .CommonLabels.alertname }}";
    /// PagerDuty's component: the check.
    pub const COMPONENT: &str = "{{ .GroupLabels.check }}";
    /// PagerDuty's client: the program that sends the event.
    pub const CLIENT: &str = "ops-checklist";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_across_midnight_continues_on_the_next_day() {
        let window = Maintenance {
            name: "night".to_owned(),
            weekdays: vec![0, 6],
            times: vec![(22 * 60, 2 * 60 + 30), (60, 120)],
            time_zone: "UTC".to_owned(),
        };
        let time = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        let first = Interval {
            weekdays: vec!["sunday", "saturday"],
            times: vec![time("22:00", "24:00"), time("01:00", "02:00")],
        };
        let second = Interval { weekdays: vec!["sunday", "monday"], times: vec![time("00:00", "02:30")] };
        assert_eq!(intervals(&window), [first, second]);
    }
}
