//! The panels of a signal, as the catalog describes them.

use super::dashboard::{OF_TARGET, VARIABLES};
use super::limits::{Group, groups};
use super::page::{Drawn, Link, plain, whether};
use checklist::lines::lines_of;
use checklist::{Config, Drawing, Panel, Signal};

/// Every panel of a signal whose metrics any target gives.
pub(super) fn panels(config: &Config, signal: &Signal) -> Vec<Drawn> {
    let there = |panel: &&Panel| panel.query.metrics().iter().all(|metric| config.has(signal, metric));
    signal.panels.iter().filter(there).flat_map(|panel| drawn(config, signal, panel)).collect()
}

/// A panel with one query for each group of targets with its own limits. Grafana draws the lines of one group only
/// into a course, and a table of several queries has a column for each: there every group is a panel of its own.
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
        ..Drawn::of(kind, title, &text, queries, panel.unit).legend(&legend.join(" "))
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
    // Every selector of the catalog begins with its check, but for those of what another check gives.
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

/// The link to a page of the runbooks, if the configuration has their address.
pub(super) fn runbook(config: &Config, page: &str) -> Option<Link> {
    config.alerting.runbook_base_url.as_ref().map(|base| Link::Panel(format!("{base}/{page}.md")))
}
