//! Alerts that notify nobody: an outage that was reported is still in the windows of slower alerts. They hold these back,
//! which would otherwise report the same cause again after it is over.

use crate::rules::labels::{annotations, labels};
use crate::rules::model::Rule;
use checklist::Config;
use std::time::Duration;

/// Pages about other parts than the requests.
const OF_OTHERS: &[&str] = &["ChecklistHealthFailed", "ChecklistHealthUnreachable", "ChecklistTargetUnreachable"];

/// Pages about the requests.
const OF_REQUESTS: &[&str] = &[
    "ChecklistErrorBudgetBurnsFast",
    "ChecklistLatencyBudgetBurnsFast",
    "ChecklistLatencyHighNow",
    "ChecklistRequestsFail",
];

/// Warnings that judge the requests of hours or days.
const OF_DAYS: &[&str] = &[
    "ChecklistErrorBudgetBurnsSlowly",
    "ChecklistErrorBudgetRunsOut",
    "ChecklistErrorRateHigh",
    "ChecklistLatencyBudgetBurnsSlowly",
    "ChecklistLatencyHigh",
    "ChecklistLatencyWorse",
];

/// An alert that holds others back for some time after an outage.
pub struct Aftermath {
    pub name: &'static str,
    /// How long after the outage it fires.
    length: Duration,
    /// Pages, and the alerts about the same target that they hold back.
    pub held: &'static [(&'static [&'static str], &'static [&'static str])],
}

pub const AFTERMATHS: &[Aftermath] = &[
    Aftermath {
        name: "ChecklistRecentOutage",
        // Half an hour for the shorter window of the slower burn rate, and ten minutes of `keep_firing_for`.
        length: Duration::from_mins(40),
        held: &[
            (
                OF_OTHERS,
                &[
                    "ChecklistErrorBudgetBurns",
                    "ChecklistErrorBudgetBurnsFast",
                    "ChecklistLatencyBudgetBurns",
                    "ChecklistLatencyBudgetBurnsFast",
                ],
            ),
            (OF_REQUESTS, &["ChecklistErrorBudgetBurns", "ChecklistLatencyBudgetBurns"]),
        ],
    },
    Aftermath {
        name: "ChecklistOutageToday",
        // For a day the outage is in the averages of a day. What is worse meanwhile is a page.
        length: Duration::from_hours(24),
        held: &[(OF_OTHERS, OF_DAYS), (OF_REQUESTS, OF_DAYS)],
    },
];

/// Returns these alerts: one rule for each page, with the same condition, no receiver and a longer `keep_firing_for`. The
/// page itself can therefore resolve soon after its cause is over, and a new cause pages again.
pub fn rules<'a>(config: &Config, all: impl Iterator<Item = &'a Rule>) -> Vec<Rule> {
    let pages: Vec<&Rule> = all.collect();
    AFTERMATHS.iter().flat_map(|aftermath| rules_of(aftermath, config, &pages)).collect()
}

fn rules_of(aftermath: &Aftermath, config: &Config, pages: &[&Rule]) -> Vec<Rule> {
    let name_of = aftermath.name;
    let of = |page: &&Rule| {
        let name = page.alert.as_str();
        let felt = page.labels.get("kind").is_none_or(|kind| kind == "postgres");
        let of_outage = OF_OTHERS.contains(&name) || OF_REQUESTS.contains(&name);
        if !(of_outage && felt && page.labels.get("severity").is_some_and(|severity| severity == "critical")) {
            return None;
        }
        let label = |name: &str| page.labels.get(name).map_or("", String::as_str);
        let mut labels = labels(config, label("check"), label("cadence"), "none");
        labels.insert("page".to_owned(), name.to_owned());
        let of_page = ["kind", "limits", "target"].into_iter().filter_map(|name| page.labels.get_key_value(name));
        labels.extend(of_page.map(|(name, value)| (name.to_owned(), value.clone())));
        let summary = "An outage is ongoing or has just ended.";
        let description = format!(
            "{name} of {{{{ $labels.target }}}} is firing or has recently fired. Slower alerts are inhibited until the failed requests are outside of their windows."
        );
        Some(Rule {
            alert: name_of.to_owned(),
            times: config.alert_by_name(name_of, page.times.pending, aftermath.length)?,
            labels,
            annotations: annotations(config, "exporter", name_of, summary, &description),
            ..(*page).clone()
        })
    };
    pages.iter().filter_map(of).collect()
}
