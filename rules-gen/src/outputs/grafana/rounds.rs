//! The dashboard "The rounds": every check at a glance, checks that are late, and the state of the exporter.

use super::dashboard::{OF_TARGET, PROCESS, VARIABLES};
use super::page::{Drawn, Link, Page, WIDTH, best_is_zero, plain, whether};
use super::signal::runbook;
use checklist::self_metrics::{
    BUILD_INFO, CHECK_INFO, CHECK_PASSED, CONFIG_INFO, CONFIG_SUCCESSFUL, INTERVAL, LAST_SUCCESS, LEASE_HELD,
    PROBE_SUCCESS, RULES_INFO, SEEN, SERIES_DROPPED, SHARD, SHARDS, STARTED, TARGET_REACHABLE, TARGET_UNREACHABLE,
    UNSEEN, WEB_CONFIG,
};
use checklist::signals::tasks::DUE;
use checklist::{Config, Metric, Signal, Unit};
use serde_json::{Value, json};

/// Returns the expression for a metric of the chosen checks. The replicas of the exporter are merged by the maximum.
fn of_checks(metric: &Metric, checks: &[&str]) -> String {
    let own = if checks.is_empty() { String::new() } else { format!("check=~\"{}\", ", checks.join("|")) };
    format!("max by (check, target) ({metric}{{{own}{VARIABLES}}})")
}

/// Returns the expression for the verdict of each check: 1 passed, 0 not passed, -1 no verdict. Checks on metrics of
/// other exporters have their verdict from recording rules.
fn verdicts(checks: &[&str]) -> String {
    format!("{} or 0 * {} - 1", of_checks(&CHECK_PASSED, checks), of_checks(&CHECK_INFO, checks))
}

/// Returns the panel with the history of the verdicts, of some signals or of all.
pub(super) fn timeline(config: &Config, title: &str, signals: Option<&[&'static Signal]>) -> Drawn {
    let ids: Vec<&str> = signals.into_iter().flatten().map(|signal| signal.id).collect();
    let checks: usize = match signals {
        Some(signals) => signals.iter().map(|signal| config.targets(signal).len()).sum(),
        None => config.signals().map(|signal| config.targets(signal).len()).sum(),
    };
    let rows = u32::try_from(checks).unwrap_or(u32::MAX).min(40);
    let description = "The verdict of each check: passed, not passed, or cannot tell if its run failed.";
    let state = |text: &str, color: &str, index: u32| json!({"text": text, "color": color, "index": index});
    let mappings = json!([{"type": "value", "options": {
        "1": state("passed", "green", 0), "0": state("not passed", "red", 1), "-1": state("cannot tell", "purple", 2),
    }}]);
    let steps =
        json!([{"color": "purple", "value": null}, {"color": "red", "value": 0}, {"color": "green", "value": 1}]);
    let drawn = Drawn::new("state-timeline", title, description, verdicts(&ids), Unit::Count)
        .legend("{{check}} {{target}}")
        .steps(&steps)
        .size(WIDTH, (4 + rows * 2 / 3).clamp(6, 24));
    Drawn { mappings, runbook: of_check(config, "${__field.labels.check}"), ..drawn }
}

/// Returns a link from a value to the runbook of its check.
fn of_check(config: &Config, check: &str) -> Option<Link> {
    config.alerting.runbook_base_url.as_ref().map(|base| Link::Value(format!("{base}/{check}.md")))
}

/// Returns the panels of the dashboard.
pub(super) fn page(config: &Config) -> Page {
    let mut page = Page::default();
    page.row("Now");
    now(config, &mut page);
    page.panel(&timeline(config, "Every check", None));
    page.row("Freshness");
    freshness(config, &mut page);
    page.row("Results of the checks");
    sight(config, &mut page);
    page.row("The exporter");
    exporter(config, &mut page);
    page
}

/// Counts the series of an expression, and gives 0 when there are none.
fn or_none(expr: &str) -> String {
    format!("count({expr}) or vector(0)")
}

/// Returns a panel with one number about the checks or the exporter. It links to the exporter's runbook.
fn stat(config: &Config, title: &str, description: &str, expr: String, steps: &Value) -> Drawn {
    let drawn = Drawn::new("stat", title, description, expr, Unit::Count).steps(steps).size(4, 4);
    Drawn { runbook: runbook(config, "exporter"), ..drawn }
}

fn due() -> String {
    format!("max without (instance, pod) ({DUE}{{{VARIABLES}}})")
}

fn now(config: &Config, page: &mut Page) {
    let count = |verdict: i8| or_none(&format!("({}) == {verdict}", verdicts(&[])));
    let all = "Number of checks that pass: everything is as the checklist requires.";
    page.panel(&stat(config, "Passed", all, count(1), &plain()));
    let bad = "Number of checks that found something that the checklist does not allow.";
    page.panel(&stat(config, "Not passed", bad, count(0), &best_is_zero("red")));
    let blind = "Number of checks without a verdict: their run failed, or they have not run yet.";
    page.panel(&stat(config, "Cannot tell", blind, count(-1), &best_is_zero("purple")));
    let oldest = format!("time() - min({LAST_SUCCESS}{{{VARIABLES}}})");
    let description = "Age of the oldest last success of a check.";
    let oldest = Drawn::new("stat", "Oldest success", description, oldest, Unit::Seconds).size(6, 4);
    page.panel(&Drawn { runbook: runbook(config, "exporter"), ..oldest });
    if config.tasks.is_some() {
        let (late, description) =
            (or_none(&format!("time() - {} > 0", due())), "Number of manual tasks that are overdue.");
        let drawn = stat(config, "Overdue tasks", description, late, &best_is_zero("orange")).size(6, 4);
        page.panel(&Drawn { runbook: runbook(config, "tasks"), ..drawn });
    }
}

fn freshness(config: &Config, page: &mut Page) {
    let of_value = || of_check(config, "${__data.fields.check}");
    let (last, interval) = (of_checks(&LAST_SUCCESS, &[]), of_checks(&INTERVAL, &[]));
    let description = "Time since the last successful run of each check, the oldest first.";
    let age = format!("sort_desc(time() - {last})");
    let drawn = Drawn::new("table", "Time since the last success", description, age, Unit::Seconds);
    page.panel(&Drawn { runbook: of_value(), ..drawn });
    let description = "Time since the last successful run of each check, in intervals of the check; after three intervals it is overdue.";
    let missed = format!("sort_desc((time() - {last}) / {interval})");
    let drawn = Drawn::new("table", "Intervals since the last success", description, missed, Unit::Count)
        .steps(&json!([{"color": "green", "value": null}, {"color": "red", "value": 3}]));
    page.panel(&Drawn { runbook: of_value(), ..drawn });
    let description = "1 for each check whose last run failed; empty is good.";
    let failed = format!("1 - {} > 0", of_checks(&PROBE_SUCCESS, &[]));
    let drawn = Drawn::new("table", "Failed checks", description, failed, Unit::Count).steps(&best_is_zero("purple"));
    page.panel(&Drawn { runbook: of_value(), ..drawn });
    if config.tasks.is_some() {
        let description =
            "Time since the due date of each manual task, the latest first; negative values are not yet due.";
        let late = Drawn::new("table", "Tasks", description, format!("sort_desc(time() - {})", due()), Unit::Seconds)
            .steps(&json!([{"color": "green", "value": null}, {"color": "orange", "value": 0}]));
        page.panel(&Drawn { runbook: runbook(config, "tasks"), ..late });
    }
}

/// Adds the panels about targets and objects that the checks could not read.
fn sight(config: &Config, page: &mut Page) {
    // The same condition as the alert: a target counts as lost when no replica of the exporter reaches it.
    let lost = format!("1 - max by (kind, target) ({TARGET_REACHABLE}{{{OF_TARGET}}}) > 0");
    let why = format!("max by (kind, target, reason, words) ({TARGET_UNREACHABLE}{{{OF_TARGET}}})");
    let expr = format!("({why} and on (kind, target) ({lost})) or ({lost} unless on (kind, target) {why})");
    let description = "1 for each target that cannot be reached, with the reason; empty is good.";
    let targets = Drawn::new("table", "Unreachable targets", description, expr, Unit::Count);
    page.panel(&Drawn { runbook: runbook(config, "exporter"), ..targets }.steps(&best_is_zero("red")));
    let of_value = || of_check(config, "${__data.fields.check}");
    let description = "Objects that the last run of a check could not read, with the reason; empty is good.";
    let unseen = format!("max by (check, target, object, reason) ({UNSEEN}{{{VARIABLES}}}) > 0");
    let unseen = Drawn::new("table", "Unread objects", description, unseen, Unit::Count).steps(&best_is_zero("orange"));
    page.panel(&Drawn { runbook: of_value(), ..unseen });
    let description = "Objects that the last run of each check evaluated.";
    let seen = format!("max by (check, target, object) ({SEEN}{{{VARIABLES}}})");
    let seen = Drawn::new("table", "Evaluated objects", description, seen, Unit::Count).size(WIDTH, 8);
    page.panel(&Drawn { runbook: of_value(), ..seen });
}

fn exporter(config: &Config, page: &mut Page) {
    let of_process = |metric: &Metric| format!("max without (instance, pod) ({metric}{{{PROCESS}}})");
    let there = json!([{"color": "red", "value": null}, {"color": "green", "value": 1}]);
    let description = "Number of exporters that Prometheus scrapes.";
    page.panel(&stat(config, "Exporters", description, or_none(&format!("{BUILD_INFO}{{{PROCESS}}}")), &there));
    let description = "Restarts of the exporter within two hours. Each begins all checks anew.";
    let often = json!([{"color": "green", "value": null}, {"color": "orange", "value": 4}]);
    let restarts = format!("max(changes({STARTED}{{{PROCESS}}}[2h]) and on (job, instance) {BUILD_INFO}{{{PROCESS}}})");
    page.panel(&stat(config, "Restarts", description, restarts, &often));
    let description = "Whether the last change of checklist.yaml was loaded.";
    page.panel(&whether(stat(config, "checklist.yaml loaded", description, of_process(&CONFIG_SUCCESSFUL), &plain())));
    let description = "Whether the web configuration file is in use, and is not less strict than the one before.";
    let in_force = format!("min without (instance, pod) ({WEB_CONFIG}{{{PROCESS}}})");
    page.panel(&whether(stat(config, "Web configuration", description, in_force, &plain())));
    let description =
        "Exporters whose checklist.yaml differs from the one that the rules in Prometheus were generated from.";
    let differ = format!("{} unless on (fingerprint) {RULES_INFO}{{{PROCESS}}}", of_process(&CONFIG_INFO));
    page.panel(&stat(config, "Rules outdated", description, or_none(&differ), &best_is_zero("orange")));
    let description = "Shards that no exporter runs.";
    let parts = format!("max({SHARDS}{{{PROCESS}}}) - count(count_values(\"shard\", {SHARD}{{{PROCESS}}}))");
    page.panel(&stat(config, "Missing shards", description, parts, &best_is_zero("red")));
    let description =
        "Series that were dropped in the last hour, because a check exceeded its limit or returned duplicates.";
    let dropped = format!("sum(max without (instance, pod) (increase({SERIES_DROPPED}{{{VARIABLES}}}[1h])))");
    page.panel(&stat(config, "Dropped series", description, dropped, &best_is_zero("orange")));
    if config.election().is_some() {
        let description = "Whether an exporter holds the lease and runs the expensive checks.";
        page.panel(&whether(stat(config, "Lease held", description, of_process(&LEASE_HELD), &plain())));
    }
}
