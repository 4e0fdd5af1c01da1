//! The dashboards pass the rules of Grafana's dashboard-linter without exclusions, and fit Grafana's schema.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

mod limits;
mod rounds;

use checklist::self_metrics::{PER_PROCESS, PER_TARGET, RULES_INFO, STARTED};
use checklist::{Cadence, Config, Metric, SIGNALS};
use promql::{Expr, MatchOp, Selector, parse};
use rules_gen::lint::expr::function;
use rules_gen::outputs::grafana::dashboard::Dashboard;
use rules_gen::outputs::grafana::dashboards;
use rules_gen::rules::labels::{ROUNDS, dashboard_uid};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const EXAMPLE: &str = include_str!("../../../examples/checklist.yaml");

fn all() -> (Config, Vec<Dashboard>) {
    of(EXAMPLE)
}

fn of(yaml: &str) -> (Config, Vec<Dashboard>) {
    let config = Config::parse("checklist.yaml", yaml).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let all = dashboards(&config, "checklist.yaml").unwrap();
    (config, all)
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn panels(dashboard: &Dashboard) -> impl Iterator<Item = &Value> {
    list(&dashboard.model, "panels").iter().filter(|panel| panel["type"] != "row")
}

/// Returns the queries of a dashboard with the titles of their panels. Grafana's interval variable is replaced, so that
/// Prometheus could parse them.
fn queries(dashboard: &Dashboard) -> Vec<(String, String)> {
    let query = |panel: &Value, target: &Value| {
        let expr = target["expr"].as_str().unwrap().replace("$__rate_interval", "5m");
        (format!("{}: {}", dashboard.uid, panel["title"].as_str().unwrap()), expr)
    };
    panels(dashboard).flat_map(|panel| list(panel, "targets").iter().map(move |target| query(panel, target))).collect()
}

fn panel<'a>(all: &'a [Dashboard], title: &str) -> &'a Value {
    all.iter().flat_map(panels).find(|panel| panel["title"] == title).unwrap_or_else(|| panic!("no panel {title}"))
}

#[test]
fn there_is_an_overview_and_one_dashboard_per_cadence_linked_to_each_other() {
    let (config, all) = all();
    let uids: Vec<String> = all.iter().map(|dashboard| dashboard.uid.clone()).collect();
    let wanted: Vec<String> = std::iter::once("checklist-rounds".to_owned())
        .chain(Cadence::ALL.map(|cadence| format!("checklist-{cadence}")))
        .collect();
    assert_eq!(uids, wanted);
    for dashboard in &all {
        let link = &dashboard.model["links"][0];
        assert_eq!((&link["type"], &link["tags"][0]), (&json!("dashboards"), &dashboard.model["tags"][0]));
        assert!(dashboard.uid.len() <= 40 && dashboard.model["uid"] == dashboard.uid);
    }
    // Each dashboard that an alert links to exists.
    for rule in rules_gen::rules::groups(&config).iter().flat_map(|group| &group.rules) {
        let uid = rule.annotations["dashboard_url"].rsplit('/').next().unwrap().to_owned();
        assert!(uids.contains(&uid), "{} links to {uid}", rule.alert);
    }
    for signal in config.signals().filter(|signal| !config.targets(signal).is_empty()) {
        let own = all
            .iter()
            .find(|dashboard| dashboard.uid == rules_gen::rules::labels::dashboard_uid(signal.cadence))
            .unwrap();
        for panel in signal.panels {
            // Two signals may have panels with the same title.
            let runbook = format!("[Runbook](https://runbooks.example.com/ops-checklist/{}.md)", signal.id);
            let is_own = |messages: &&str| messages.starts_with(panel.description) && messages.contains(&runbook);
            let titled = panels(own).filter(|drawn| drawn["title"] == panel.title);
            let messages = titled.filter_map(|drawn| drawn["description"].as_str()).find(is_own);
            let messages =
                messages.unwrap_or_else(|| panic!("{} has no panel {} with its runbook", signal.id, panel.title));
            for line in checklist::lines::lines_of(signal.id) {
                assert!(messages.contains(line.text), "{} is not in {messages}", line.text);
            }
        }
    }
}

/// Whether a selector has the matcher `name=~"$name"`.
fn reads(selector: &Selector, name: &str) -> bool {
    let wanted = format!("${name}");
    selector.matchers.iter().any(|one| one.name.text == name && one.op == MatchOp::Regex && *one.value == *wanted)
}

fn functions<'a>(above: &[&'a Expr]) -> Option<&'a str> {
    above.last().and_then(|parent| function(parent))
}

/// The seventeen rules of `dashboard-linter lint --strict` (its default set), without exclusions. The names in the
/// comments are those of the rules.
#[test]
fn the_rules_of_grafanas_linter_hold_without_exclusions() {
    let units = ["short", "percentunit", "s", "bytes"];
    for dashboard in &all().1 {
        let (model, uid) = (&dashboard.model, &dashboard.uid);
        let variables = list(&model["templating"], "list");
        let variable = |name: &str| variables.iter().find(|one| one["name"] == name).unwrap();
        // template-datasource, uneditable-dashboard
        let source = variable("datasource");
        assert_eq!(
            (&source["type"], &source["query"], &source["label"]),
            (&json!("datasource"), &json!("prometheus"), &json!("Data source"))
        );
        assert_eq!(model["editable"], json!(false));
        // template-job, template-instance; and the same for our variables check and target
        for (name, label) in [("job", "Job"), ("instance", "Instance"), ("check", "Check"), ("target", "Target")] {
            let one = variable(name);
            let wanted = (json!("query"), json!(label), json!(true), json!(".+"), json!("${datasource}"));
            let given = (&one["type"], &one["label"], &one["multi"], &one["allValue"], &one["datasource"]["uid"]);
            assert_eq!(given, (&wanted.0, &wanted.1, &wanted.2, &wanted.3, &wanted.4), "{uid} {name}");
            // template-on-time-change-reload, template-label-promql
            assert_eq!(one["refresh"], json!(2), "{uid} {name}");
            let query = one["query"].as_str().unwrap();
            let (inner, wanted) = query
                .strip_prefix("label_values(")
                .and_then(|rest| rest.strip_suffix(')'))
                .unwrap()
                .rsplit_once(", ")
                .unwrap();
            assert!(parse(inner).is_ok() && wanted == name, "{query}");
        }
        for panel in panels(dashboard) {
            // panel-title-description, panel-units, panel-datasource, panel-no-targets
            let title = panel["title"].as_str().unwrap();
            assert!(!title.is_empty() && panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{uid}");
            let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap();
            assert!(units.contains(&unit), "{uid} {title}: {unit}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{uid} {title}");
            assert!(!list(panel, "targets").is_empty(), "{uid} {title}");
        }
        for (place, expr) in queries(dashboard) {
            // target-promql; target-logql and target-logql-auto do not apply to PromQL
            let parsed = parse(&expr).unwrap_or_else(|errors| panic!("{place}: {errors:?}"));
            parsed.expr.walk(&mut |part, above| {
                let Some(selector) = part.selector() else { return };
                // target-job, target-instance
                let is = |metric: &Metric| selector.metric() == Some(metric.name);
                let process = PER_PROCESS.iter().copied().chain([&RULES_INFO, &STARTED]).any(is);
                // The variable `check` of a cadence's dashboard has no checks of other cadences.
                let of_another_cadence = SIGNALS
                    .iter()
                    .find(|signal| signal.metrics.iter().copied().any(is))
                    .is_some_and(|signal| ![ROUNDS.to_owned(), dashboard_uid(signal.cadence)].contains(&dashboard.uid));
                let wanted = match () {
                    // Series of a process have neither target nor check, and series of a target have no check.
                    () if process => 2,
                    () if of_another_cadence || PER_TARGET.iter().copied().any(is) => 3,
                    () => 4,
                };
                for name in ["job", "instance", "target", "check"].iter().take(wanted) {
                    assert!(reads(selector, name), "{place} does not ask for {name}: {expr}");
                }
                let ranged = selector.range.is_some();
                let function = functions(above).unwrap_or_default();
                // target-counter-agg
                if selector.metric().is_some_and(|name| name.ends_with("_total")) {
                    assert!(ranged && ["rate", "irate", "increase"].contains(&function), "{place}: a bare counter");
                }
            });
        }
        // target-rate-interval, on the text, because the parser needs a duration instead of the variable
        for panel in panels(dashboard) {
            for expr in list(panel, "targets").iter().filter_map(|target| target["expr"].as_str()) {
                for rated in expr.split("rate(").skip(1).filter(|rest| rest.starts_with("checklist")) {
                    let range = rated.split_once('[').map(|(_, rest)| rest).unwrap_or_default();
                    assert!(range.starts_with("$__rate_interval]"), "{uid}: {expr}");
                }
            }
        }
    }
}

/// Constraints of Grafana's schema that valid JSON may violate.
#[test]
fn every_dashboard_matches_the_model_of_grafana() {
    for dashboard in &all().1 {
        let model = &dashboard.model;
        assert_eq!((&model["schemaVersion"], &model["graphTooltip"]), (&json!(39), &json!(1)));
        let alerts = &model["annotations"]["list"][0];
        assert!(alerts["expr"].as_str().unwrap().starts_with("ALERTS{alertname=~\"Checklist.*\""));
        assert!(alerts["enable"] == true && alerts["iconColor"].is_string() && alerts["name"].is_string());
        let mut ids = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for panel in list(model, "panels") {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
            let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(place("x") + place("w") <= 24, "{panel}");
            for x in place("x")..place("x") + place("w") {
                for y in place("y")..place("y") + place("h") {
                    assert!(taken.insert((x, y)), "{} covers another panel", panel["title"]);
                }
            }
            if panel["type"] == "row" {
                continue;
            }
            assert!(["stat", "table", "timeseries", "state-timeline"].contains(&panel["type"].as_str().unwrap()));
            let wanted: BTreeSet<&str> =
                list(panel, "targets").iter().filter_map(|one| one["refId"].as_str()).collect();
            assert_eq!(wanted.len(), list(panel, "targets").len(), "{panel}");
            let overrides = list(&panel["fieldConfig"], "overrides");
            assert!(
                overrides.iter().all(|one| wanted.contains(one["matcher"]["options"].as_str().unwrap())),
                "{panel}"
            );
            let others = overrides.iter().flat_map(|one| list(one, "properties")).map(|property| &property["value"]);
            for thresholds in others.chain([&panel["fieldConfig"]["defaults"]["thresholds"]]) {
                let steps = list(thresholds, "steps");
                assert!(steps[0]["value"].is_null(), "{panel}");
                let values: Vec<f64> = steps[1..].iter().map(|step| step["value"].as_f64().unwrap()).collect();
                assert!(values.is_sorted(), "{panel}");
            }
            for link in list(panel, "links").iter().chain(list(model, "links")) {
                for key in
                    ["asDropdown", "icon", "includeVars", "keepTime", "tags", "targetBlank", "title", "tooltip", "type"]
                {
                    assert!(!link[key].is_null(), "{key} is missing in {link}");
                }
            }
        }
    }
}

#[test]
fn kubernetes_objects_contain_the_same_dashboards() {
    let (config, all) = all();
    let maps = rules_gen::outputs::grafana::objects::config_maps(&config, &all).unwrap();
    let objects = rules_gen::outputs::grafana::objects::grafana_dashboards(&config, &all).unwrap();
    let generators = rules_gen::outputs::grafana::objects::kustomization(&config, &all);
    let generators = list(&generators, "configMapGenerator");
    assert_eq!(generators.len(), all.len());
    for (((dashboard, map), object), generator) in all.iter().zip(&maps).zip(&objects).zip(generators) {
        let text = dashboard.json().unwrap();
        // kubectl keeps an applied object in an annotation of at most 256 KiB.
        assert!(text.len() < 200_000, "{} leaves no room to grow", dashboard.uid);
        assert_eq!(generator["name"], dashboard.uid.as_str());
        let key = format!("{}.json", dashboard.uid);
        assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
        assert_eq!((&map["data"][&key], &generator["files"]), (&json!(text), &json!([key])));
        assert_eq!(object["apiVersion"], "grafana.integreatly.org/v1beta1");
        assert_eq!(object["spec"]["json"], json!(text));
        assert!(object["spec"]["instanceSelector"]["matchLabels"].is_object());
    }
}

/// TypeScript that accepts enumerations as their texts, because the JSON model contains texts.
const HEAD: &str = r#"import type { AnnotationQuery, Dashboard } from "@grafana/schema";

type Plain<T> = T extends string
  ? (string extends T ? T : `${T}`)
  : T extends (infer U)[] ? Plain<U>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
// The fields of an annotation's query depend on the data source.
type Annotations = { list: (Plain<AnnotationQuery> & Record<string, unknown>)[] };
type Model = Omit<Plain<Dashboard>, "annotations"> & { annotations: Annotations };
export const model: Model = "#;

#[test]
#[cfg_attr(not(has_grafana_schema), ignore = "no node or no types of @grafana/schema (scripts/install-schemas)")]
fn the_model_has_the_types_of_grafanas_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let modules = root.join("target/schemas/node_modules");
    let compiler = modules.join("typescript/bin/tsc");
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(modules.canonicalize().unwrap(), folder.path().join("node_modules")).unwrap();
    let options = json!({"compilerOptions": {"strict": true, "noEmit": true, "skipLibCheck": true, "module": "esnext",
        "moduleResolution": "bundler", "target": "es2022", "types": []}, "include": ["*.ts"]});
    std::fs::write(folder.path().join("tsconfig.json"), options.to_string()).unwrap();
    let check = || {
        let output = Command::new("node")
            .arg(compiler.canonicalize().unwrap())
            .args(["-p", "."])
            .current_dir(folder.path())
            .output();
        let output = output.unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for dashboard in &all().1 {
        let path = folder.path().join(format!("{}.ts", dashboard.uid));
        std::fs::write(path, format!("{HEAD}{}", dashboard.json().unwrap())).unwrap();
    }
    let (good, printed) = check();
    assert!(good, "{printed}");
    // Wrong models must fail the check.
    for (name, wrong) in
        [("mode", r#""thresholds": { "mode": "relative", "steps": [] }"#), ("field", r#""nonsense": 1"#)]
    {
        let model = format!(
            r#"{HEAD}{{"schemaVersion": 39, "annotations": {{"list": []}}, "panels": [{{"type": "stat", "fieldConfig": {{"overrides": [], "defaults": {{{wrong}}}}}}}]}}"#
        );
        std::fs::write(folder.path().join("wrong.ts"), model).unwrap();
        assert!(!check().0, "a wrong {name} passes");
    }
}
