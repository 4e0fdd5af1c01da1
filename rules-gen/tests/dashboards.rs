//! Dashboards: the rules of Grafana's own linter hold without exclusions, and the model is one that Grafana knows.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by its panic and says what it leaves out")]

use checklist::contract::{PER_PROCESS, RULES_INFO};
use checklist::{Cadence, Config};
use promql_parser::parser::{Expr, VectorSelector, parse};
use rules_gen::grafana::{Dashboard, dashboards};
use rules_gen::lint::expr::{selector, walk};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const EXAMPLE: &str = include_str!("../../examples/checklist.yaml");

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

/// Every query with the title of its panel, as Prometheus would see it.
fn queries(dashboard: &Dashboard) -> Vec<(String, String)> {
    let query = |panel: &Value, target: &Value| {
        let expr = target["expr"].as_str().unwrap().replace("$__rate_interval", "5m");
        (format!("{}: {}", dashboard.uid, panel["title"].as_str().unwrap()), expr)
    };
    panels(dashboard).flat_map(|panel| list(panel, "targets").iter().map(move |target| query(panel, target))).collect()
}

#[test]
fn there_is_the_rounds_and_one_for_each_cadence_and_they_know_each_other() {
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
    // Every dashboard that an alert links to is there.
    for rule in rules_gen::rules::groups(&config).iter().flat_map(|group| &group.rules) {
        let uid = rule.annotations["dashboard_url"].rsplit('/').next().unwrap().to_owned();
        assert!(uids.contains(&uid), "{} links to {uid}", rule.alert);
    }
    for signal in config.signals().filter(|signal| !config.targets(signal).is_empty()) {
        let own = all.iter().find(|dashboard| dashboard.uid == rules_gen::grafana::uid(signal.cadence)).unwrap();
        for panel in signal.panels {
            let drawn = panels(own).find(|drawn| drawn["title"] == panel.title).unwrap();
            let told = drawn["description"].as_str().unwrap();
            assert!(told.contains(&format!("[Runbook](https://runbooks.example.com/ops-checklist/{}.md)", signal.id)));
            for line in checklist::coverage::lines_of(signal.id) {
                assert!(told.contains(line.text), "{} is not in {told}", line.text);
            }
        }
    }
}

/// Whether a selector has the matcher `name=~"$name"`.
fn asks(selector: &VectorSelector, name: &str) -> bool {
    let wanted = format!("${name}");
    selector.matchers.matchers.iter().any(|one| one.name == name && one.op.to_string() == "=~" && one.value == wanted)
}

fn functions<'a>(above: &[&'a Expr]) -> Option<&'a str> {
    match above.last() {
        Some(Expr::Call(call)) => Some(call.func.name),
        _ => None,
    }
}

/// What `dashboard-linter lint --strict` asks: the seventeen rules of its default set, without exclusions.
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
        // template-job, template-instance, and the same of the others
        for (name, label) in [("job", "Job"), ("instance", "Instance"), ("check", "Check"), ("target", "Target")] {
            let one = variable(name);
            let wanted = (json!("query"), json!(label), json!(true), json!(".+"), json!("${datasource}"));
            let given = (&one["type"], &one["label"], &one["multi"], &one["allValue"], &one["datasource"]["uid"]);
            assert_eq!(given, (&wanted.0, &wanted.1, &wanted.2, &wanted.3, &wanted.4), "{uid} {name}");
            // template-on-time-change-reload, template-label-promql
            assert_eq!(one["refresh"], json!(2), "{uid} {name}");
            let query = one["query"].as_str().unwrap();
            let (inner, asked) = query
                .strip_prefix("label_values(")
                .and_then(|rest| rest.strip_suffix(')'))
                .unwrap()
                .rsplit_once(", ")
                .unwrap();
            assert!(parse(inner).is_ok() && asked == name, "{query}");
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
            // target-promql; target-logql and target-logql-auto are about another language.
            let parsed = parse(&expr).unwrap_or_else(|error| panic!("{place}: {error}"));
            walk(&parsed, &mut Vec::new(), &mut |part, above| {
                let Some(selector) = selector(part) else { return };
                // target-job, target-instance
                let mut own = PER_PROCESS.iter().copied().chain([&RULES_INFO]);
                let process = own.any(|metric| selector.name.as_deref() == Some(metric.name));
                // The series of a process have no check.
                for name in ["job", "instance", "target", "check"].iter().take(if process { 2 } else { 4 }) {
                    assert!(asks(selector, name), "{place} does not ask for {name}: {expr}");
                }
                let ranged = matches!(part, Expr::MatrixSelector(_));
                let function = functions(above).unwrap_or_default();
                // target-counter-agg
                if selector.name.as_deref().is_some_and(|name| name.ends_with("_total")) {
                    assert!(ranged && ["rate", "irate", "increase"].contains(&function), "{place}: a bare counter");
                }
            });
        }
        // target-rate-interval, on the text because the interval is a variable there.
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

/// What Grafana's schema demands and a reader of JSON would not see.
#[test]
fn the_model_is_one_that_grafana_knows() {
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
            let asked: BTreeSet<&str> = list(panel, "targets").iter().filter_map(|one| one["refId"].as_str()).collect();
            assert_eq!(asked.len(), list(panel, "targets").len(), "{panel}");
            let overrides = list(&panel["fieldConfig"], "overrides");
            assert!(overrides.iter().all(|one| asked.contains(one["matcher"]["options"].as_str().unwrap())), "{panel}");
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

/// The coloured steps of the query that asks for a target: of the panel, or of the override for the query.
fn steps<'a>(panel: &'a Value, target: &str) -> Vec<(&'a str, f64)> {
    let asks = |query: &&Value| query["expr"].as_str().is_some_and(|expr| expr.contains(&format!("{target:?}")));
    let query = list(panel, "targets").iter().find(asks).unwrap_or(&panel["targets"][0]);
    let field = &panel["fieldConfig"];
    let own = list(field, "overrides").iter().find(|one| one["matcher"]["options"] == query["refId"]);
    if let Some(own) = own {
        assert_eq!(
            (&own["matcher"]["id"], &own["properties"][0]["id"]),
            (&json!("byFrameRefID"), &json!("thresholds"))
        );
    }
    let thresholds = own.map_or(&field["defaults"]["thresholds"], |own| &own["properties"][0]["value"]);
    let step = |step: &'a Value| Some((step["color"].as_str()?, step["value"].as_f64()?));
    list(thresholds, "steps").iter().filter_map(step).collect()
}

fn panel<'a>(all: &'a [Dashboard], title: &str) -> &'a Value {
    all.iter().flat_map(panels).find(|panel| panel["title"] == title).unwrap_or_else(|| panic!("no panel {title}"))
}

#[test]
fn each_target_has_its_own_limits_on_a_panel() {
    let yaml = "
backups:
  - {name: first, bucket: b, thresholds: {backup.max_age: {warning: 10h, critical: none}}}
  - {name: daily, bucket: b}
  - {name: monthly, bucket: b, every: 35d}
postgres:
  - {name: small, host: h, database: d, user: u, thresholds: {connections.usage: {warning: 50%, critical: none}}}
  - {name: large, host: h, database: d, user: u}
  - {name: other, host: h, database: d, user: u}
kubernetes:
  - {name: a, namespaces: [x], thresholds: {pods.waiting: {warning: none, critical: 2}}}
  - {name: b, namespaces: [y]}
";
    let (_, all) = of(yaml);
    let age = panel(&all, "Backup age");
    assert_eq!(list(age, "targets").len(), 3);
    assert_eq!(steps(age, "first"), [("orange", 36_000.0)]);
    assert_eq!(steps(age, "daily"), [("orange", 93_600.0), ("red", 180_000.0)]);
    assert_eq!(steps(age, "monthly"), [("orange", 3_031_200.0), ("red", 6_055_200.0)]);
    // Grafana draws one set of lines into a course, and a table has one column for a query: they are panels of their own.
    let small = panel(&all, "Connections in use: small");
    assert_eq!(steps(small, "small"), [("orange", 0.5)]);
    let others = panel(&all, "Connections in use: large, other");
    assert_eq!(steps(others, "large|other"), [("orange", 0.8), ("red", 0.95)]);
    assert_eq!((list(small, "targets").len(), list(others, "targets").len()), (1, 1));
    assert_eq!(steps(panel(&all, "Stuck pods: a"), "a"), [("red", 2.001)]);
    assert_eq!(steps(panel(&all, "Stuck pods: b"), "b"), [("orange", 0.001)]);
    // What has the same limits for all is asked once.
    assert_eq!(list(panel(&all, "Idle connections"), "targets").len(), 1);
}

/// A file of hundreds of targets gives panels that a browser can show.
#[test]
fn limits_of_very_many_groups_are_not_drawn_but_their_values_are_shown() {
    let one = |at: usize| format!("  - {{name: t{at}, bucket: b, every: {}h}}\n", at + 1);
    let (_, all) = of(&format!("backups:\n{}", (0..30).map(one).collect::<String>()));
    let age = panel(&all, "Backup age");
    assert_eq!(list(age, "targets").len(), 9);
    assert_eq!(steps(age, "t7"), [("orange", 36_000.0), ("red", 64_800.0)]);
    let last = age["targets"][8]["expr"].as_str().unwrap();
    let rest = (8..30).map(|at| format!("t{at}")).collect::<Vec<_>>().join("|");
    assert!(last.contains(&format!("{rest:?}")), "{last}");
    assert_eq!(steps(age, &rest), []);
}

/// Whoever is paged looks at what the alert judges, on a dashboard and not by typing PromQL.
#[test]
fn every_metric_of_every_rule_is_on_a_panel() {
    let (config, all) = all();
    let names = |expr: &str| -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let parsed = parse(expr).unwrap_or_else(|error| panic!("{expr}: {error}"));
        walk(&parsed, &mut Vec::new(), &mut |part, _| {
            names.extend(selector(part).and_then(|selector| selector.name.clone()));
        });
        names
    };
    let shown: BTreeSet<String> = all.iter().flat_map(queries).flat_map(|(_, expr)| names(&expr)).collect();
    let rules = rules_gen::rules::groups(&config);
    let unseen: Vec<String> = rules
        .iter()
        .flat_map(|group| &group.rules)
        .flat_map(|rule| names(&rule.expr).into_iter().map(|name| (rule.alert.clone(), name)))
        .filter(|(_, name)| !shown.contains(name))
        .map(|(alert, name)| format!("{alert}: {name}"))
        .collect();
    assert!(unseen.is_empty(), "{unseen:#?}");
}

#[test]
fn every_panel_of_the_rounds_and_every_timeline_leads_to_a_runbook() {
    let (config, all) = all();
    let base = config.alerting.runbook_base_url.unwrap();
    for dashboard in &all {
        for panel in panels(dashboard) {
            let timeline = panel["type"] == "state-timeline";
            if !timeline && dashboard.uid != "checklist-rounds" {
                continue;
            }
            let of_value = list(&panel["fieldConfig"]["defaults"], "links");
            let link = list(panel, "links").first().or(of_value.first());
            let url = link.and_then(|link| link["url"].as_str()).unwrap_or_default();
            assert!(url.starts_with(&base), "{} leads to {url:?}", panel["title"]);
            if timeline {
                assert_eq!(url, format!("{base}/${{__field.labels.check}}.md"));
            }
        }
    }
}

/// A test of promtool: series, and what an expression must give.
fn promtool(folder: &Path, series: &[(&str, &str)], expected: &[(&str, &str, f64)]) {
    let input: Vec<Value> = series.iter().map(|(series, values)| json!({"series": series, "values": values})).collect();
    let mut exprs: Vec<&str> = expected.iter().map(|(expr, ..)| *expr).collect();
    exprs.dedup();
    let test = |expr: &&str| {
        let samples = expected.iter().filter(|(known, ..)| known == expr);
        let samples: Vec<Value> = samples.map(|(_, labels, value)| json!({"labels": labels, "value": value})).collect();
        json!({"expr": expr, "eval_time": "2h", "exp_samples": samples})
    };
    let tests: Vec<Value> = exprs.iter().map(test).collect();
    let file = json!({"rule_files": ["rules/checklist.yaml"], "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": input, "promql_expr_test": tests}]});
    std::fs::write(folder.join("test.yaml"), serde_yaml::to_string(&file).unwrap()).unwrap();
    let output = Command::new("promtool").args(["test", "rules", "test.yaml"]).current_dir(folder).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// What the exporter probes has its verdict from there, what is judged on the metrics of others from the rules.
#[test]
fn every_check_is_once_on_the_timeline_with_its_verdict() {
    let yaml = "
health:
  - {name: web, url: 'https://web/'}
  - {name: shop, url: 'https://shop/'}
kubernetes:
  - {name: prod, namespaces: [app], sources: {pvc: kube-state-metrics}, skip: [pods, restarts, disk, hpa, utilization]}
traffic:
  - {name: app, selector: 'job=\"app\"'}
alerting: {alerts: {ChecklistSourceMissing: {for: 5m}}}
";
    let (config, all) = of(yaml);
    let folder = tempfile::tempdir().unwrap();
    rules_gen::write(&rules_gen::generate(&config, "checklist.yaml").unwrap(), folder.path()).unwrap();
    let open = |title: &str| {
        let expr = panel(&all, title)["targets"][0]["expr"].as_str().unwrap().to_owned();
        ["job", "instance", "check", "target"].iter().fold(expr, |expr, name| expr.replace(&format!("${name}"), ".+"))
    };
    let (course, passed, bad, blind) = (open("Every check"), open("Passed"), open("Not passed"), open("Cannot tell"));
    let daily = open("Every daily check");
    let ours = "job=\"checklist-exporter\"";
    let of_exporter = |name: &str, target: &str, instance: &str| {
        format!("{name}{{check=\"health\", target={target:?}, instance={instance:?}, {ours}}}")
    };
    let claim =
        "kube_persistentvolumeclaim_status_phase{namespace=\"app\", persistentvolumeclaim=\"data\", phase=\"Bound\"}";
    let series = [
        (of_exporter("checklist_check_passed", "web", "one"), "1x200"),
        (of_exporter("checklist_check_passed", "web", "two"), "1x200"),
        (of_exporter("checklist_check_info", "web", "one"), "1x200"),
        (of_exporter("checklist_check_info", "web", "two"), "1x200"),
        (of_exporter("checklist_check_info", "shop", "one"), "1x200"),
        // One request in ten fails, and there is no histogram of durations.
        ("http_requests_total{job=\"app\", status=\"200\"}".to_owned(), "0+540x200"),
        ("http_requests_total{job=\"app\", status=\"500\"}".to_owned(), "0+60x200"),
        (claim.to_owned(), "1x200"),
    ];
    let series: Vec<(&str, &str)> = series.iter().map(|(series, values)| (series.as_str(), *values)).collect();
    let (web, shop) = ("{check=\"health\", target=\"web\"}", "{check=\"health\", target=\"shop\"}");
    let (errors, latency) = ("{check=\"error_rate\", target=\"app\"}", "{check=\"latency\", target=\"app\"}");
    let (requests, claims) = ("{check=\"requests\", target=\"app\"}", "{check=\"pvc\", target=\"prod\"}");
    promtool(
        folder.path(),
        &series,
        &[
            (&course, web, 1.0),
            (&course, shop, -1.0),
            (&course, errors, 0.0),
            (&course, latency, -1.0),
            (&course, requests, 1.0),
            (&course, claims, 1.0),
            (&passed, "{}", 3.0),
            (&bad, "{}", 1.0),
            (&blind, "{}", 2.0),
            (&daily, web, 1.0),
            (&daily, shop, -1.0),
            (&daily, errors, 0.0),
        ],
    );
}

#[test]
fn objects_carry_the_same_dashboards() {
    let (config, all) = all();
    let maps = rules_gen::grafana::config_maps(&config, &all).unwrap();
    let objects = rules_gen::grafana::grafana_dashboards(&config, &all).unwrap();
    let together = rules_gen::grafana::applied(&config, &all).unwrap();
    assert_eq!(list(&together, "items").len(), all.len());
    for (((dashboard, map), object), applied) in all.iter().zip(&maps).zip(&objects).zip(list(&together, "items")) {
        // What kubectl applies is also kept in an annotation, which may have 256 KiB.
        assert!(applied.to_string().len() < 200_000, "{} leaves no room to grow", dashboard.uid);
        assert_eq!(applied["metadata"]["name"], dashboard.uid.as_str());
        let text = dashboard.json().unwrap();
        let key = format!("{}.json", dashboard.uid);
        assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
        assert_eq!((&map["data"][&key], &applied["data"][&key]), (&json!(text), &json!(text)));
        assert_eq!(object["apiVersion"], "grafana.integreatly.org/v1beta1");
        assert_eq!(object["spec"]["json"], json!(text));
        assert!(object["spec"]["instanceSelector"]["matchLabels"].is_object());
    }
}

/// Literals as JSON has them: the words of an enumeration instead of the enumeration.
const HEAD: &str = r#"import type { AnnotationQuery, Dashboard } from "@grafana/schema";
type Plain<T> = T extends string
  ? (string extends T ? T : `${T}`)
  : T extends (infer U)[] ? Plain<U>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
// What the query of an annotation has is the data source's own.
type Annotations = { list: (Plain<AnnotationQuery> & Record<string, unknown>)[] };
type Model = Omit<Plain<Dashboard>, "annotations"> & { annotations: Annotations };
export const model: Model = "#;

#[test]
fn the_model_has_the_types_of_grafanas_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let modules = root.join("target/schemas/node_modules");
    let compiler = modules.join("typescript/bin/tsc");
    if !modules.join("@grafana/schema").exists() || Command::new("node").arg("--version").output().is_err() {
        eprintln!("left out: types of @grafana/schema; scripts/install-schemas and node are needed");
        return;
    }
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
    let (good, said) = check();
    assert!(good, "{said}");
    // The check can fail.
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
