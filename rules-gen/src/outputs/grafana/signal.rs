//! Builds the panels of a signal from their description in the catalog.

use super::dashboard::{OF_TARGET, VARIABLES};
use super::limits::{Group, groups};
use super::page::{Drawn, Link, plain, whether};
use checklist::lines::lines_of;
use checklist::{Config, Drawing, Panel, Signal};

/// Returns the panels of a signal whose metrics exist on some target.
pub(super) fn panels(config: &Config, signal: &Signal) -> Vec<Drawn> {
    let there = |panel: &&Panel| panel.query.metrics().iter().all(|metric| config.has(signal, metric));
    signal.panels.iter().filter(there).flat_map(|panel| drawn(config, signal, panel)).collect()
}

/// Returns the panel, with one query for each group of targets with the same limits. A time series draws the limits of
/// one group only, and a table gets a column for each query; so these kinds become one panel for each group.
fn drawn(config: &Config, signal: &Signal, panel: &Panel) -> Vec<Drawn> {
    let groups = groups(config, signal, panel);
    let kind = match panel.drawing {
        Drawing::Stat | Drawing::Whether => "stat",
        Drawing::Table => "table",
        Drawing::TimeSeries => "timeseries",
    };
    let legend: Vec<String> = panel.legend.iter().map(|label| format!("{{{{{label}}}}}")).collect();
    let text = description(config, signal, panel);
    let one = |title: &str, queries| Drawn {
        runbook: runbook(config, signal.id),
        ..Drawn::of(kind, title, &text, queries, panel.unit()).legend(&legend.join(" "))
    };
    let query = |group: &Group| (expression(signal, panel, group), group.steps.clone());
    match (panel.drawing, groups.as_slice()) {
        (Drawing::Whether, groups) => {
            let queries = groups.iter().map(|group| (expression(signal, panel, group), plain())).collect();
            vec![whether(one(panel.title, queries))]
        }
        (Drawing::Stat, groups) => vec![one(panel.title, groups.iter().map(query).collect())],
        (_, groups) => {
            let titled = |group: &Group| match group.name() {
                Some(name) => one(&format!("{}: {name}", panel.title), vec![query(group)]),
                None => one(panel.title, vec![query(group)]),
            };
            groups.iter().map(titled).collect()
        }
    }
}

fn expression(signal: &Signal, panel: &Panel, group: &Group) -> String {
    // Adds the dashboard's variables to every selector. Selectors of the signal's own metrics begin with its check;
    // those of other signals' metrics have no matchers.
    let check = format!("{{check={:?}", signal.id);
    let expr = panel.query.promql(&group.scope).replace(&check, &format!("{check}, {VARIABLES}"));
    let others = panel.query.metrics().into_iter().filter(|metric| !signal.metrics.contains(metric));
    others.fold(expr, |expr, metric| expr.replace(&format!("{metric}["), &format!("{metric}{{{OF_TARGET}}}[")))
}

fn description(config: &Config, signal: &Signal, panel: &Panel) -> String {
    let mut description = panel.description.to_owned();
    for line in lines_of(signal.id) {
        description += &format!("\n\n{line}");
    }
    if let Some(Link::Panel(url)) = runbook(config, signal.id) {
        description += &format!("\n\n[Runbook]({url})");
    }
    description
}

/// Returns the link to a runbook page. `None` when the configuration has no base address for runbooks.
pub(super) fn runbook(config: &Config, page: &str) -> Option<Link> {
    config.alerting.runbook_base_url.as_ref().map(|base| Link::Panel(format!("{base}/{page}.md")))
}
