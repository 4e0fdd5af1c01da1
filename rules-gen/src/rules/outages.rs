//! `ChecklistRecentOutage`: an outage whose failed requests are still in the windows of burn rates. It holds back
//! alerts on burn rates, which would otherwise page again for the same cause after it is over.

use crate::rules::labels::{annotations, labels};
use crate::rules::model::{Group, Rule};
use checklist::Config;
use std::time::Duration;

pub const NAME: &str = "ChecklistRecentOutage";

/// How long an alert on a burn rate may fire after an outage: half an hour for the shorter window of the slower burn
/// rate, and ten minutes of `keep_firing_for`.
const WINDOW: Duration = Duration::from_mins(40);

/// Pages about other parts than the requests, and the alerts they hold back after they are over.
pub const OF_OTHERS: (&[&str], &[&str]) = (
    &["ChecklistHealthFailed", "ChecklistHealthUnreachable", "ChecklistTargetUnreachable"],
    &[
        "ChecklistErrorBudgetBurns",
        "ChecklistErrorBudgetBurnsFast",
        "ChecklistLatencyBudgetBurns",
        "ChecklistLatencyBudgetBurnsFast",
        "ChecklistLatencyHigh",
    ],
);

/// Pages about the requests, and the slower alerts on the same requests that they hold back.
pub const OF_REQUESTS: (&[&str], &[&str]) = (
    &[
        "ChecklistErrorBudgetBurnsFast",
        "ChecklistLatencyBudgetBurnsFast",
        "ChecklistLatencyHighNow",
        "ChecklistRequestsFail",
    ],
    &["ChecklistErrorBudgetBurns", "ChecklistLatencyBudgetBurns", "ChecklistLatencyHigh"],
);

/// Returns one rule for each of these pages, with the same condition, no receiver and a longer `keep_firing_for`. The
/// page itself can therefore resolve soon after its cause is over, and a new cause pages again.
pub fn recent(config: &Config, groups: &[Group]) -> Vec<Rule> {
    let of = |page: &Rule| {
        let name = page.alert.as_str();
        let felt = page.labels.get("kind").is_none_or(|kind| kind == "postgres");
        let of_outage = OF_OTHERS.0.contains(&name) || OF_REQUESTS.0.contains(&name);
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
            "{name} of {{{{ $labels.target }}}} is firing or has recently fired. Burn rate alerts are inhibited until the failed requests are outside of their windows."
        );
        Some(Rule {
            alert: NAME.to_owned(),
            times: config.alert_by_name(NAME, page.times.pending, WINDOW)?,
            labels,
            annotations: annotations(config, "exporter", NAME, summary, &description),
            ..page.clone()
        })
    };
    groups.iter().flat_map(|group| &group.rules).filter_map(of).collect()
}
