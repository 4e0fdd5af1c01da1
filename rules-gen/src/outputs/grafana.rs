//! Generates the Grafana dashboards: "Checks by cadence" with all checks at a glance, and one for each cadence with the
//! panels of its signals.

pub mod dashboard;
mod limits;
pub mod objects;
mod page;
mod rounds;
mod signal;

use crate::outputs::file::File;
use crate::outputs::output::{About, Format, Input, Kind, Output};
use crate::rules::labels::{ROUNDS, dashboard_uid};
use checklist::self_metrics::CHECK_INFO;
use checklist::{Cadence, Config, Signal};
use dashboard::{Dashboard, model};
pub use limits::JUST_ABOVE;
use page::Page;

/// The files `dashboards/UID.json`.
pub struct Dashboards;

impl Output for Dashboards {
    fn about(&self) -> About {
        About {
            kind: Kind::Dashboards,
            formats: Format::ALL,
            paths: &["dashboards/*.json"],
            purpose: "the dashboards as JSON, for import or provisioning in Grafana",
        }
    }

    fn files(&self, input: &Input<'_>) -> anyhow::Result<Vec<File>> {
        let file = |dashboard: &Dashboard| {
            Ok(File { path: format!("dashboards/{}.json", dashboard.uid).into(), content: dashboard.json()? })
        };
        dashboards(input.config, input.source)?.iter().map(file).collect()
    }
}

/// Returns all dashboards of a configuration.
pub fn dashboards(config: &Config, source: &str) -> anyhow::Result<Vec<Dashboard>> {
    let mut all = vec![rounds(config, source)];
    for cadence in Cadence::ALL {
        let here = |signal: &&'static Signal| signal.cadence == cadence && !config.targets(signal).is_empty();
        let signals: Vec<&'static Signal> = config.signals().filter(here).collect();
        if !signals.is_empty() {
            all.push(of_cadence(config, source, cadence, &signals));
        }
    }
    for panel in all.iter().flat_map(|dashboard| dashboard.model["panels"].as_array().into_iter().flatten()) {
        for expr in panel["targets"].as_array().into_iter().flatten().filter_map(|target| target["expr"].as_str()) {
            promql::parse_with_variables(expr).map_err(|errors| {
                let why = crate::promql::mistakes(&errors, expr);
                anyhow::anyhow!("a query of the panel {} does not parse: {why}", panel["title"])
            })?;
        }
    }
    Ok(all)
}

fn rounds(config: &Config, source: &str) -> Dashboard {
    let checks = format!("label_values({CHECK_INFO}{{job=~\"$job\"}}, check)");
    let about = "The state of every check of the operations checklist.";
    model(source, ROUNDS, "Checks by cadence", about, &rounds::page(config), &checks)
}

fn of_cadence(config: &Config, source: &str, cadence: Cadence, signals: &[&'static Signal]) -> Dashboard {
    let mut page = Page::default();
    page.row("Checks by cadence");
    page.panel(&rounds::timeline(config, &format!("Every {cadence} check"), Some(signals)));
    let mut section = "";
    for signal in signals {
        if signal.section != section {
            section = signal.section;
            page.row(section);
        }
        for panel in signal::panels(config, signal) {
            page.panel(&panel);
        }
    }
    let title = format!("Checklist, {cadence}");
    let about = format!("The {cadence} checks of the operations checklist.");
    let checks = format!("label_values({CHECK_INFO}{{job=~\"$job\", cadence=\"{cadence}\"}}, check)");
    model(source, &dashboard_uid(cadence), &title, &about, &page, &checks)
}
