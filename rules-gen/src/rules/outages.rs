//! An outage that is over and still in the windows of burn rates: its failed requests burn the budget of the hour and of
//! six hours after it was mended, which is no news and no page of its own.

use crate::rules::labels::{annotations, labels};
use crate::rules::model::{Group, Rule};
use checklist::Config;
use std::time::Duration;

/// Its name.
pub const NAME: &str = "ChecklistRecentOutage";

/// How long an outage that is over may burn on: the half hour of the shorter window of the slower burn rate, and as long as
/// its page keeps firing.
const WINDOW: Duration = Duration::from_mins(40);

/// Pages that users feel through another part, and the alerts whose windows their failed requests stay in.
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

/// Pages about the requests themselves, and the slower alerts about the same ones.
pub const OF_REQUESTS: (&[&str], &[&str]) = (
    &[
        "ChecklistErrorBudgetBurnsFast",
        "ChecklistLatencyBudgetBurnsFast",
        "ChecklistLatencyHighNow",
        "ChecklistRequestsFail",
    ],
    &["ChecklistErrorBudgetBurns", "ChecklistLatencyBudgetBurns", "ChecklistLatencyHigh"],
);

/// For each of these pages an alert that nobody is told, which goes on for as long as its requests are within the windows.
/// The page itself ends when its cause does, and what happens next pages anew.
pub fn recent(config: &Config, groups: &[Group]) -> Vec<Rule> {
    let of = |page: &Rule| {
        let name = page.alert.as_str();
        let felt = page.labels.get("kind").is_none_or(|kind| kind == "postgres");
        let tells = OF_OTHERS.0.contains(&name) || OF_REQUESTS.0.contains(&name);
        if !(tells && felt && page.labels.get("severity").is_some_and(|severity| severity == "critical")) {
            return None;
        }
        let label = |name: &str| page.labels.get(name).map_or("", String::as_str);
        let mut labels = labels(config, label("check"), label("cadence"), "none");
        labels.insert("page".to_owned(), name.to_owned());
        let of_page = ["kind", "limits", "target"].into_iter().filter_map(|name| page.labels.get_key_value(name));
        labels.extend(of_page.map(|(name, value)| (name.to_owned(), value.clone())));
        let summary = "An outage is recent.";
        let description = "{{ $labels.page }} of {{ $labels.target }} fires or did within the last forty minutes: alerts on burn rates wait until its requests are out of their windows.";
        Some(Rule {
            alert: NAME.to_owned(),
            times: config.alert_by_name(NAME, page.times.pending, WINDOW)?,
            labels,
            annotations: annotations(config, "exporter", NAME, summary, description),
            ..page.clone()
        })
    };
    groups.iter().flat_map(|group| &group.rules).filter_map(of).collect()
}
