//! The dashboards show every metric that the rules use, and every panel of "The rounds" links to a runbook.

use super::{all, list, of, panel, panels, queries};
use promql::parse;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The person who is paged must see the alert's metrics on a dashboard, without typing PromQL.
#[test]
fn every_metric_of_every_rule_is_on_a_panel() {
    let (config, all) = all();
    let names = |expr: &str| -> BTreeSet<String> {
        let parsed = parse(expr).unwrap_or_else(|errors| panic!("{expr}: {errors:?}"));
        parsed.expr.selectors().into_iter().filter_map(|one| Some(one.metric()?.to_owned())).collect()
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
fn every_panel_of_the_overview_and_every_timeline_links_to_a_runbook() {
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

/// Runs promtool with input series and the expected results of expressions.
fn promtool(folder: &Path, series: &[(&str, &str)], expected: &[(&str, &str, f64)]) {
    let input: Vec<Value> = series.iter().map(|(series, values)| json!({"series": series, "values": values})).collect();
    let mut exprs: Vec<&str> = expected.iter().map(|(expr, ..)| *expr).collect();
    exprs.dedup();
    let test = |expr: &&str| {
        let samples = expected.iter().filter(|(known, ..)| known == expr);
        let samples: Vec<Value> = samples.map(|(_, labels, value)| json!({"labels": labels, "value": value})).collect();
        json!({"expr": expr, "eval_time": "8h", "exp_samples": samples})
    };
    let tests: Vec<Value> = exprs.iter().map(test).collect();
    let file = json!({"rule_files": ["rules/checklist.yaml"], "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": input, "promql_expr_test": tests}]});
    std::fs::write(folder.join("test.yaml"), serde_yaml::to_string(&file).unwrap()).unwrap();
    let output = Command::new("promtool").args(["test", "rules", "test.yaml"]).current_dir(folder).output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&printed));
}

/// Checks of the exporter have their verdict from the exporter, and checks on other exporters' metrics from recording
/// rules.
#[test]
fn every_check_appears_once_on_the_timeline_with_its_verdict() {
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
    rules_gen::outputs::file::write(&rules_gen::outputs::generate(&config, "checklist.yaml").unwrap(), folder.path())
        .unwrap();
    let open = |title: &str| {
        let expr = panel(&all, title)["targets"][0]["expr"].as_str().unwrap().to_owned();
        ["job", "instance", "check", "target"].iter().fold(expr, |expr, name| expr.replace(&format!("${name}"), ".+"))
    };
    let (every, passed, bad, blind) = (open("Every check"), open("Passed"), open("Not passed"), open("Cannot tell"));
    let daily = open("Every daily check");
    let ours = "job=\"checklist-exporter\"";
    let of_exporter = |name: &str, target: &str, instance: &str| {
        format!("{name}{{check=\"health\", target={target:?}, instance={instance:?}, {ours}}}")
    };
    let claim =
        "kube_persistentvolumeclaim_status_phase{namespace=\"app\", persistentvolumeclaim=\"data\", phase=\"Bound\"}";
    let series = [
        (of_exporter("checklist_check_passed", "web", "one"), "1x600"),
        (of_exporter("checklist_check_passed", "web", "two"), "1x600"),
        (of_exporter("checklist_check_info", "web", "one"), "1x600"),
        (of_exporter("checklist_check_info", "web", "two"), "1x600"),
        (of_exporter("checklist_check_info", "shop", "one"), "1x600"),
        // One of ten requests fails, and no histogram of durations exists.
        ("http_requests_total{job=\"app\", status=\"200\"}".to_owned(), "0+540x600"),
        ("http_requests_total{job=\"app\", status=\"500\"}".to_owned(), "0+60x600"),
        (claim.to_owned(), "1x600"),
    ];
    let series: Vec<(&str, &str)> = series.iter().map(|(series, values)| (series.as_str(), *values)).collect();
    let (web, shop) = ("{check=\"health\", target=\"web\"}", "{check=\"health\", target=\"shop\"}");
    let (errors, latency) = ("{check=\"error_rate\", target=\"app\"}", "{check=\"latency\", target=\"app\"}");
    let (requests, claims) = ("{check=\"requests\", target=\"app\"}", "{check=\"pvc\", target=\"prod\"}");
    promtool(
        folder.path(),
        &series,
        &[
            (&every, web, 1.0),
            (&every, shop, -1.0),
            (&every, errors, 0.0),
            (&every, latency, -1.0),
            (&every, requests, 1.0),
            (&every, claims, 1.0),
            (&passed, "{}", 3.0),
            (&bad, "{}", 1.0),
            (&blind, "{}", 2.0),
            (&daily, web, 1.0),
            (&daily, shop, -1.0),
            (&daily, errors, 0.0),
        ],
    );
}
