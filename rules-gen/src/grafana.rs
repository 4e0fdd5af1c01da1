//! The dashboards: "The rounds" shows every check at a glance, and one per cadence has every signal's panels.

mod objects;
mod page;

pub use objects::{config_map, config_maps, grafana_dashboards};

use anyhow::Context;
use checklist::contract::{CHECK_INFO, CHECK_PASSED, LAST_SUCCESS, PROBE_SUCCESS};
use checklist::coverage::lines_of;
use checklist::signals::tasks::DUE;
use checklist::threshold::Direction;
use checklist::{Cadence, Config, Drawing, Metric, Panel, Scope, Shown, Signal, Unit};
use page::{Drawn, Page, WIDTH, best_is_zero, datasource, link, plain};
use serde_json::{Value, json};

/// The overview's identity in Grafana and in links.
pub const ROUNDS: &str = "checklist-rounds";
/// The tag by which the dashboards find each other.
const TAG: &str = "checklist";
/// Matchers of the variables; every query has them.
const VARIABLES: &str = "check=~\"$check\", job=~\"$job\", instance=~\"$instance\", target=~\"$target\"";

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

/// A metric of every check that the variables choose, whichever replica of the exporter gave it.
fn of_checks(metric: &Metric, checks: &[&str]) -> String {
    let own = if checks.is_empty() { String::new() } else { format!("check=~\"{}\", ", checks.join("|")) };
    format!("max without (instance, pod) ({metric}{{{own}{VARIABLES}}})")
}

fn state_timeline(title: &str, checks: &[&str], rows: u32) -> Drawn {
    let (passed, looked) = (of_checks(&CHECK_PASSED, checks), of_checks(&PROBE_SUCCESS, checks));
    // What has no verdict but is looked at, or is tried to be, cannot tell.
    let expr = format!("{passed} or 0 * {looked} - 1");
    let told = "Whether what each check saw is good; a check that cannot tell could not look.";
    let state = |text: &str, color: &str, index: u32| json!({"text": text, "color": color, "index": index});
    let mappings = json!([{"type": "value", "options": {
        "1": state("passed", "green", 0), "0": state("not passed", "red", 1), "-1": state("cannot tell", "purple", 2),
    }}]);
    let steps =
        json!([{"color": "purple", "value": null}, {"color": "red", "value": 0}, {"color": "green", "value": 1}]);
    Drawn { mappings, ..Drawn::new("state-timeline", title, told, expr, Unit::Count) }
        .legend("{{check}} {{target}}")
        .steps(steps)
        .size(WIDTH, (4 + rows * 2 / 3).clamp(6, 24))
}

fn rounds(config: &Config, source: &str) -> Dashboard {
    let mut page = Page::default();
    let passed = of_checks(&CHECK_PASSED, &[]);
    let by_check = |metric| format!("max by (check, target) ({metric}{{{VARIABLES}}})");
    let (info, verdict) = (by_check(&CHECK_INFO), by_check(&CHECK_PASSED));
    let or_none = |expr: &str| format!("count({expr}) or vector(0)");
    let stat = |title: &str, description: &str, expr: String, steps: Value| {
        Drawn::new("stat", title, description, expr, Unit::Count).steps(steps).size(4, 4)
    };
    page.row("Now");
    let all = "How many checks saw that everything is as the checklist asks.";
    page.panel(&stat("Passed", all, or_none(&format!("{passed} == 1")), plain()));
    let bad = "How many checks saw something that the checklist does not allow.";
    page.panel(&stat("Not passed", bad, or_none(&format!("{passed} == 0")), best_is_zero("red")));
    let blind = "How many checks have no verdict: they could not look, or have not yet.";
    page.panel(&stat("Cannot tell", blind, or_none(&format!("{info} unless {verdict}")), best_is_zero("purple")));
    let oldest = format!("time() - min({LAST_SUCCESS}{{{VARIABLES}}})");
    let told = "Time since the check that succeeded longest ago.";
    page.panel(&Drawn::new("stat", "Oldest success", told, oldest, Unit::Seconds).size(6, 4));
    let tasks = config.tasks.is_some();
    let due = format!("max without (instance, pod) ({DUE}{{{VARIABLES}}})");
    if tasks {
        let late = "How many tasks of people are beyond their time.";
        page.panel(
            &stat("Overdue tasks", late, or_none(&format!("time() - {due} > 0")), best_is_zero("orange")).size(6, 4),
        );
    }
    let checks = u32::try_from(config.checks().len()).unwrap_or(u32::MAX).min(40);
    page.panel(&state_timeline("Every check", &[], checks));
    page.row("Freshness");
    let age = format!("sort_desc(time() - {})", of_checks(&LAST_SUCCESS, &[]));
    let told = "Time since each check last succeeded, the oldest first.";
    page.panel(&Drawn::new("table", "Time since the last success", told, age, Unit::Seconds));
    if tasks {
        let told = "Time beyond the day on which each task was due, the latest first; below zero it is not yet due.";
        let late = Drawn::new("table", "Tasks", told, format!("sort_desc(time() - {due})"), Unit::Seconds);
        page.panel(&late.steps(json!([{"color": "green", "value": null}, {"color": "orange", "value": 0}])));
    }
    let info = format!("label_values({CHECK_INFO}{{job=~\"$job\"}}, check)");
    model(source, ROUNDS, "The rounds", "Every check of the operations checklist at a glance.", &page, &info)
}

fn of_cadence(config: &Config, source: &str, cadence: Cadence, signals: &[&'static Signal]) -> Dashboard {
    let mut page = Page::default();
    let probed: Vec<&str> =
        signals.iter().filter(|signal| !config.probed(signal).is_empty()).map(|signal| signal.id).collect();
    if !probed.is_empty() {
        let mine = config.checks().iter().filter(|check| probed.contains(&check.signal.id)).count();
        page.row("The rounds");
        page.panel(&state_timeline(
            &format!("Every {cadence} check"),
            &probed,
            u32::try_from(mine).unwrap_or(40).min(40),
        ));
    }
    let mut section = "";
    for signal in signals {
        if signal.section != section {
            section = signal.section;
            page.row(section);
        }
        for panel in signal.panels {
            page.panel(&signal_panel(config, signal, panel));
        }
    }
    let title = format!("Checklist, {cadence}");
    let about = format!("What the {cadence} part of the operations checklist asks for.");
    let checks = format!("label_values({CHECK_INFO}{{job=~\"$job\", cadence=\"{cadence}\"}}, check)");
    model(source, &uid(cadence), &title, &about, &page, &checks)
}

fn signal_panel(config: &Config, signal: &Signal, panel: &Panel) -> Drawn {
    let scope = Scope { check: signal.id.to_owned(), targets: Vec::new() };
    let expr = match panel.shown {
        Shown::Value(value) => value.promql(&scope),
        Shown::Expression(expression, _) => expression(&scope),
    };
    // Every selector of the catalog begins with its check.
    let check = format!("{{check={:?}", signal.id);
    let expr = expr.replace(&check, &format!("{check}, {VARIABLES}"));
    let kind = match panel.drawing {
        Drawing::Stat => "stat",
        Drawing::Table => "table",
        Drawing::TimeSeries => "timeseries",
    };
    let legend: Vec<String> = panel.legend.iter().map(|label| format!("{{{{{label}}}}}")).collect();
    let steps = match (panel.threshold, config.scopes(signal).first()) {
        (Some(threshold), Some((_, limits))) => steps(threshold.direction, limits.of(threshold)),
        _ => plain(),
    };
    let runbook = config.alerting.runbook_base_url.as_ref().map(|base| format!("{base}/{}.md", signal.id));
    let mut description = panel.description.to_owned();
    for line in lines_of(signal.id) {
        let number = line.number.map(|number| format!(" {number}")).unwrap_or_default();
        description += &format!("\n\n{}, {}{number}: {}", line.cadence, line.section, line.text);
    }
    if let Some(url) = &runbook {
        description += &format!("\n\n[Runbook]({url})");
    }
    Drawn { runbook, ..Drawn::new(kind, panel.title, &description, expr, panel.unit) }
        .legend(&legend.join(" "))
        .steps(steps)
}

/// Grafana's steps rise, so a limit from below begins with the worst colour.
fn steps(direction: Direction, levels: checklist::Levels) -> Value {
    let mut steps = Vec::new();
    match direction {
        Direction::Above => {
            steps.push(json!({"color": "green", "value": null}));
            steps.extend(levels.warning.map(|value| json!({"color": "orange", "value": value})));
            steps.extend(levels.critical.map(|value| json!({"color": "red", "value": value})));
        }
        Direction::Below => {
            let worst = if levels.critical.is_some() { "red" } else { "orange" };
            steps.push(json!({"color": worst, "value": null}));
            steps.extend(levels.critical.map(|value| json!({"color": "orange", "value": value})));
            steps.extend(levels.warning.map(|value| json!({"color": "green", "value": value})));
        }
    }
    Value::Array(steps)
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
