//! Writes the rule tests for promtool: a rule file and a test file for each signal. Rules that look at days are in
//! separate files with a longer evaluation interval, because promtool evaluates every rule of a file at every step.
//!
//! All rules of a file are loaded together. So a test queries the series `ALERTS` by the alert's own labels; alerts at
//! other levels do not disturb it, and annotations are not compared.

use crate::outputs::file::{File, yaml};
use crate::outputs::output::{About, Format, Input, Kind, Output};
use crate::outputs::prometheus::rule_file;
use crate::rules::model::{Group, Rule};
use crate::rules::unit_tests::{self, RuleTest};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// The files `tests/SIGNAL.test.yaml` and `tests/SIGNAL.rules.yaml`; for rules that look at days
/// `tests/SIGNAL.INTERVAL.…`.
pub struct RuleTests;

impl Output for RuleTests {
    fn about(&self) -> About {
        About {
            kind: Kind::Tests,
            formats: Format::ALL,
            paths: &["tests/*.test.yaml", "tests/*.rules.yaml"],
            purpose: "for each signal its rules without annotations, and test cases in which each alert fires and does not fire, for `promtool test rules`",
        }
    }

    fn files(&self, input: &Input<'_>) -> anyhow::Result<Vec<File>> {
        let tests = unit_tests::all(&input.groups)?;
        let mut signals: BTreeMap<&str, Vec<&RuleTest>> = BTreeMap::new();
        for test in &tests {
            signals.entry(&test.rule.labels["check"]).or_default().push(test);
        }
        let mut files = Vec::new();
        for (signal, tests) in signals {
            let header = format!(
                "{}# rules-gen: ignore-file RG031, RG033 because the tests need no annotations\n",
                input.header()
            );
            for (interval, tests) in by_interval(&tests) {
                let name = interval.map_or_else(|| signal.to_owned(), |interval| format!("{signal}.{interval}"));
                let rules = rules_of(&name, &tests);
                files.push(yaml(&format!("tests/{name}.rules.yaml"), &header, &rule_file(&[rules]))?);
                let cases: Vec<Value> = tests.iter().flat_map(|test| cases(test)).collect();
                let file = json!({
                    "rule_files": [format!("{name}.rules.yaml")],
                    "evaluation_interval": tests[0].test["evaluation_interval"],
                    "tests": cases,
                });
                files.push(yaml(&format!("tests/{name}.test.yaml"), &input.header(), &file)?);
            }
        }
        Ok(files)
    }
}

fn rules_of(name: &str, tests: &[&RuleTest]) -> Group {
    let bare = |test: &&RuleTest| Rule { annotations: BTreeMap::new(), ..test.rule.clone() };
    Group { name: name.to_owned(), records: Vec::new(), rules: tests.iter().map(bare).collect() }
}

/// Groups tests by evaluation interval, because a file has only one. The name of the interval becomes part of the file
/// name, except for the shortest one.
fn by_interval<'a>(tests: &[&'a RuleTest]) -> Vec<(Option<String>, Vec<&'a RuleTest>)> {
    let interval = |test: &RuleTest| test.test["evaluation_interval"].as_str().unwrap_or_default().to_owned();
    let mut groups: BTreeMap<(Duration, String), Vec<&RuleTest>> = BTreeMap::new();
    for test in tests {
        groups.entry((test.pace, interval(test))).or_default().push(test);
    }
    let named = |(at, ((_, interval), tests))| ((at > 0).then_some(interval), tests);
    groups.into_iter().enumerate().map(named).collect()
}

/// Returns the cases of a test, with queries of `ALERTS` at the times of the case.
fn cases(test: &RuleTest) -> Vec<Value> {
    let case = |case: &Value| {
        let steps = case["alert_rule_test"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut own = case.clone();
        if let Some(own) = own.as_object_mut() {
            own.remove("alert_rule_test");
        }
        own["name"] = json!(format!("{}: {}", test.name, case["name"].as_str().unwrap_or_default()));
        own["promql_expr_test"] = steps.iter().map(|step| question(&test.rule, step)).collect();
        own
    };
    test.test["tests"].as_array().into_iter().flatten().map(case).collect()
}

fn question(rule: &Rule, step: &Value) -> Value {
    let firing = |labels: BTreeMap<&str, &str>| {
        let own = [("alertname", rule.alert.as_str()), ("alertstate", "firing")];
        let all: BTreeMap<&str, &str> = labels.into_iter().chain(own).collect();
        let labels: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        format!("ALERTS{{{}}}", labels.join(", "))
    };
    let own = ["check", "severity", "target", "limits"];
    let matchers = own.iter().filter_map(|name| Some((*name, rule.labels.get(*name)?.as_str())));
    let samples = step["exp_alerts"].as_array().into_iter().flatten().map(|alert| {
        let labels = alert["exp_labels"].as_object().into_iter().flatten();
        json!({"labels": firing(labels.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default())).collect()), "value": 1})
    });
    json!({
        "expr": firing(matchers.collect()),
        "eval_time": step["eval_time"],
        "exp_samples": samples.collect::<Vec<_>>(),
    })
}
