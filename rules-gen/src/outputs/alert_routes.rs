//! The routes, receivers, inhibitions and maintenance windows of a configuration, before they are written for
//! Alertmanager or its operator.

use crate::rules::outages;
use checklist::condition::value::alternatives;
use checklist::config::{Maintenance, WEEKDAYS};
use checklist::{Config, Limits, Severity, Signal, Stake};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

/// A comparison of a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// The label.
    pub name: &'static str,
    /// `=`, `!=`, `=~` or `!~`.
    pub operator: &'static str,
    /// The value.
    pub value: Cow<'static, str>,
}

impl Matcher {
    fn new(name: &'static str, operator: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        Self { name, operator, value: value.into() }
    }
}

/// A route: the receiver of the alerts that match.
#[derive(Debug, Clone)]
pub struct Route {
    /// The alerts.
    pub matcher: Matcher,
    /// The receiver.
    pub receiver: &'static str,
    /// Whether the following routes are tried too (`continue`).
    pub continues: bool,
    /// Whether it is muted in maintenance windows.
    pub muted_by_maintenance: bool,
    /// Time between two notifications of a heartbeat.
    pub pace: Option<Duration>,
}

/// Alerts that inhibit others.
#[derive(Debug, Clone)]
pub struct Inhibition {
    /// The alerts that inhibit.
    pub source: Vec<Matcher>,
    /// The alerts that are inhibited.
    pub target: Vec<Matcher>,
    /// Labels that must be equal.
    pub equal: BTreeSet<&'static str>,
}

/// A part of a maintenance window that lies within one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// The days; every day when empty.
    pub weekdays: Vec<&'static str>,
    /// From and to, such as `22:00` and `24:00`; the whole day when empty.
    pub times: Vec<(String, String)>,
}

/// Everything that the configuration of Alertmanager says.
#[derive(Debug, Clone)]
pub struct RouteTree {
    /// Takes what no route matches.
    pub root: &'static str,
    /// In order.
    pub routes: Vec<Route>,
    /// In order.
    pub inhibitions: Vec<Inhibition>,
    /// Labels by which alerts are grouped into one message: check, target and place.
    pub group_by: [&'static str; 3],
}

/// The tree of routes of a configuration.
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
        // A single receiver gets everything, unless another one takes the severities that it is not for.
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

/// The receiver of an alert of a severity, the first of several.
pub fn receiver(config: &Config, severity: &str) -> &'static str {
    let RouteTree { root, routes, .. } = route_tree(config);
    let takes = |route: &&Route| route.matcher.name == "severity" && route.matcher.value == severity;
    let receiver_of = |route: &Route| route.receiver;
    let mut all = routes.iter().filter(takes).map(receiver_of);
    let first = all.next().unwrap_or(root);
    all.fold(first, |found, next| if found == "nobody" { next } else { found })
}

/// Pages that cover the same alerts: their names, the labels that must be equal, the alerts, and how severe they are.
type Covering<'a> = (Vec<&'a str>, BTreeSet<&'static str>, &'a [&'a str], Severity);

fn inhibitions(config: &Config) -> Vec<Inhibition> {
    let is = |name, value| Matcher::new(name, "=", value);
    // Labels that neither alert has agree, and so would those of other people's alerts.
    let ours = Matcher::new("alertname", "=~", "Checklist.*");
    let mut all = vec![
        Inhibition {
            // Every label of the catalog must agree, so that a page about one pod, table or task never hides a
            // warning about another, nor what is wrong with it beside.
            source: vec![ours.clone(), is("severity", "critical")],
            target: vec![ours.clone(), is("severity", "warning")],
            equal: labels(config).into_iter().chain(["alertname"]).collect(),
        },
        Inhibition {
            // Everything waits during an emergency but what users feel now and what may lose data. The exporter's own
            // pages go on: without them nobody would see either.
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
    // The checks of a target that cannot be reached fail with it: one cause, one page.
    let unreached = |(kind, checks): (&'static str, Vec<&'static str>)| Inhibition {
        source: vec![is("alertname", "ChecklistTargetUnreachable"), is("kind", kind)],
        target: vec![ours.clone(), Matcher::new("check", "=~", checks.join("|"))],
        equal: BTreeSet::from(["target"]),
    };
    all.extend(crate::rules::generic::dependents(config).into_iter().map(unreached));
    // One thing under several names is told by its first; the others tell the same, and go on holding back what depends on
    // them.
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
    all.push(Inhibition {
        // A workload without any pod leaves its services without endpoints.
        source: vec![is("alertname", "ChecklistWorkloadDown")],
        target: vec![is("alertname", "ChecklistServiceWithoutEndpoints")],
        equal: BTreeSet::from(["check", "namespace", "target"]),
    });
    all.push(Inhibition {
        // A pod that cannot start restarts.
        source: vec![is("alertname", "ChecklistPodStuck")],
        target: vec![Matcher::new("alertname", "=~", "ChecklistContainerRestarted|ChecklistContainerRestartsOften")],
        equal: BTreeSet::from(["namespace", "pod", "target"]),
    });
    all.push(Inhibition {
        // An application whose requests nobody counts has no histogram of their durations either.
        source: vec![is("alertname", "ChecklistSourceMissing"), is("check", "error_rate")],
        target: vec![is("alertname", "ChecklistSourceMissing"), Matcher::new("check", "=~", "latency|requests")],
        equal: BTreeSet::from(["target"]),
    });
    all.extend([outages::OF_OTHERS, outages::OF_REQUESTS].map(|(pages, later)| Inhibition {
        source: vec![is("alertname", outages::NAME), Matcher::new("page", "=~", pages.join("|"))],
        target: vec![Matcher::new("alertname", "=~", later.join("|"))],
        equal: BTreeSet::from(["target"]),
    }));
    // Pages that say more than other alerts' warnings do, those that cover the same ones together.
    let judged = config.signals().filter(|signal| !config.targets(signal).is_empty());
    let mut covering: Vec<Covering> = Vec::new();
    for page in judged.flat_map(|signal| signal.alerts).filter(|page| !page.covers.is_empty()) {
        let metrics = page.when.metrics();
        let labels = metrics.iter().flat_map(|metric| metric.labels).copied();
        let equal: BTreeSet<&str> = labels.chain(["check", "target"]).collect();
        // A warning that says more than another one hides that one, and never a page.
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

/// The checks that still alert during an emergency: what users feel now, what may lose data, and the exporter itself.
fn emergency_checks(config: &Config) -> String {
    let continues = |signal: &&Signal| signal.stake != Stake::Routine;
    let ids = config.signals().filter(continues).map(|signal| signal.id);
    ids.chain(["exporter"]).collect::<Vec<_>>().join("|")
}

/// Causes by name of the application, the checks that only show their effects, and what must agree.
/// Targets of one name are one application: its database, its health page and its traffic.
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

/// Every label that an alert of the configured signals can have beyond those of its rule.
fn labels(config: &Config) -> BTreeSet<&'static str> {
    let judged = config.signals().filter(|signal| !config.targets(signal).is_empty());
    let of_metrics = judged.flat_map(|signal| signal.metrics).flat_map(|metric| metric.labels).copied();
    of_metrics.chain(["check", "target"]).collect()
}

/// A window as intervals within days: what goes on past midnight begins again on the next day.
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

/// The texts of messages, templates of Alertmanager.
pub mod text {
    /// The headline of a page, for one glance on a phone: what is wrong, where and how bad; of several alerts what each is
    /// about.
    pub const SUMMARY: &str = "{{ $alerts := .Alerts.Firing }}{{ if not $alerts }}{{ $alerts = .Alerts }}{{ end }}{{ range $n, $alert := $alerts }}{{ if eq $n 0 }}{{ .Annotations.description }}{{ end }}{{ end }}{{ if gt (len $alerts) 1 }} And {{ len (slice $alerts 1) }} more: {{ range slice $alerts 1 }}{{ .Annotations.summary }} {{ end }}{{ end }}";
    /// The headline of a message.
    pub const TITLE: &str = "{{ $alerts := .Alerts.Firing }}{{ if not $alerts }}{{ $alerts = .Alerts }}{{ end }}[{{ .Status | toUpper }}{{ if eq .Status \"firing\" }} {{ .CommonLabels.severity }}{{ end }}] {{ range $n, $alert := $alerts }}{{ if eq $n 0 }}{{ .Annotations.description }}{{ end }}{{ end }}{{ if gt (len $alerts) 1 }} And {{ len (slice $alerts 1) }} more: {{ range slice $alerts 1 }}{{ .Annotations.summary }} {{ end }}{{ end }}";
    /// What each alert says, since when, and what to read next.
    pub const DESCRIPTIONS: &str = "{{ range .Alerts.Firing }}{{ if gt (len $.Alerts.Firing) 1 }}{{ .Annotations.description }}{{ else }}{{ .Annotations.summary }}{{ end }} Since {{ .StartsAt.Format \"Jan 2 15:04 MST\" }}. {{ .Labels.alertname }}: {{ .Annotations.runbook_url }}\n{{ end }}{{ range .Alerts.Resolved }}Resolved: {{ .Labels.alertname }}: {{ .Annotations.summary }}\n{{ end }}";
    /// The page to read.
    pub const RUNBOOK: &str = "{{ .CommonAnnotations.runbook_url }}";
    /// PagerDuty's own words for severities.
    pub const SEVERITY: &str = "{{ if eq .CommonLabels.severity \"critical\" }}critical{{ else }}warning{{ end }}";
    /// The kind of event.
    pub const CLASS: &str = "{{ .CommonLabels.alertname }}";
    /// The broken part.
    pub const COMPONENT: &str = "{{ .GroupLabels.check }}";
    /// Who sends it.
    pub const CLIENT: &str = "ops-checklist";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_past_midnight_goes_on_the_next_day() {
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
