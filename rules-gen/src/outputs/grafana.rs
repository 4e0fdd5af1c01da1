//! The dashboards: "The rounds" shows every check at a glance, and one per cadence has every signal's panels.

mod limits;
pub mod objects;
mod page;
mod rounds;
mod signal;

pub use limits::JUST_ABOVE;
use crate::outputs::file::File;
use crate::outputs::output::{About, Format, Input, Kind, Output};
use anyhow::Context;
use checklist::contract::CHECK_INFO;
use checklist::{Cadence, Config, Signal};
use page::{Page, datasource, link};
use serde_json::{Value, json};

/// The overview's identity in Grafana and in links.
pub const ROUNDS: &str = "checklist-rounds";
/// The tag by which the dashboards find each other.
const TAG: &str = "checklist";
/// Matchers of the variables; every query has them.
const VARIABLES: &str = "check=~\"$check\", job=~\"$job\", instance=~\"$instance\", target=~\"$target\"";

/// Matchers of the variables that the series of a process have.
const PROCESS: &str = "job=~\"$job\", instance=~\"$instance\"";

/// `dashboards/UID.json`.
pub struct Dashboards;

impl Output for Dashboards {
    fn about(&self) -> About {
        About {
            kind: Kind::Dashboards,
            formats: Format::ALL,
            paths: &["dashboards/*.json"],
            purpose: "the dashboards as Grafana imports and provisions them",
        }
    }

    fn files(&self, input: &Input<'_>) -> anyhow::Result<Vec<File>> {
        let file = |dashboard: &Dashboard| {
            Ok(File { path: format!("dashboards/{}.json", dashboard.uid).into(), content: dashboard.json()? })
        };
        dashboards(input.config, input.source)?.iter().map(file).collect()
    }
}

/// One dashboard.
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// Its identity, also the name of its file.
    pub uid: String,
    /// Its content.
    pub model: Value,
}

impl Dashboard {
    /// The content of its file.
    ///
    /// # Errors
    /// Never for what is generated here.
    pub fn json(&self) -> anyhow::Result<String> {
        Ok(format!("{}\n", serde_json::to_string_pretty(&self.model)?))
    }
}

/// The identity of a cadence's dashboard.
pub fn uid(cadence: Cadence) -> String {
    format!("checklist-{cadence}")
}

/// The dashboard that shows a check.
pub fn uid_of(config: &Config, check: &str) -> String {
    config.signal(check).map_or_else(|| ROUNDS.to_owned(), |signal| uid(signal.cadence))
}

/// All dashboards of a configuration.
///
/// # Errors
/// A panel whose expression is no PromQL.
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
            promql_parser::parser::parse(&expr.replace("$__rate_interval", "5m"))
                .map_err(anyhow::Error::msg)
                .with_context(|| format!("the panel {} does not parse", panel["title"]))?;
        }
    }
    Ok(all)
}

fn rounds(config: &Config, source: &str) -> Dashboard {
    let checks = format!("label_values({CHECK_INFO}{{job=~\"$job\"}}, check)");
    let about = "Every check of the operations checklist at a glance.";
    model(source, ROUNDS, "The rounds", about, &rounds::page(config), &checks)
}

fn of_cadence(config: &Config, source: &str, cadence: Cadence, signals: &[&'static Signal]) -> Dashboard {
    let mut page = Page::default();
    page.row("The rounds");
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
    let about = format!("What the {cadence} part of the operations checklist asks for.");
    let checks = format!("label_values({CHECK_INFO}{{job=~\"$job\", cadence=\"{cadence}\"}}, check)");
    model(source, &uid(cadence), &title, &about, &page, &checks)
}

fn model(source: &str, uid: &str, title: &str, about: &str, page: &Page, checks: &str) -> Dashboard {
    let variable = |name: &str, label: &str, query: &str| {
        json!({
            "name": name, "label": label, "type": "query", "datasource": datasource(), "query": query,
            "refresh": 2, "sort": 1, "multi": true, "includeAll": true, "allValue": ".+",
            "current": {"text": ["All"], "value": ["$__all"]}, "hide": 0, "regex": "", "options": [],
        })
    };
    let process = |label: &str| format!("label_values({{__name__=~\"checklist_(build|rules)_info\"}}, {label})");
    let targets = format!("label_values({CHECK_INFO}{{job=~\"$job\", check=~\"$check\"}}, target)");
    let mut rounds = link("All dashboards of the checklist", "dashboards", &[TAG]);
    rounds["asDropdown"] = json!(true);
    let model = json!({
        "uid": uid,
        "title": title,
        "description": format!("{about} Generated by rules-gen from {source}, do not edit."),
        "tags": [TAG, "generated"],
        "editable": false,
        "graphTooltip": 1,
        "schemaVersion": 39,
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "refresh": "1m",
        "links": [rounds],
        "templating": {"list": [
            {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0, "regex": "", "refresh": 1, "options": []},
            variable("job", "Job", &process("job")),
            variable("instance", "Instance", &process("instance")),
            variable("check", "Check", checks),
            variable("target", "Target", &targets),
        ]},
        "annotations": {"list": [{
            "name": "Firing alerts", "datasource": datasource(), "enable": true, "hide": false, "iconColor": "red",
            "expr": "ALERTS{alertname=~\"Checklist.*\", alertstate=\"firing\", severity=~\"critical|warning\"}",
            "titleFormat": "{{alertname}}", "textFormat": "{{check}} {{target}}", "tagKeys": "severity", "step": "60s",
        }]},
        "panels": page.panels,
    });
    Dashboard { uid: uid.to_owned(), model }
}
