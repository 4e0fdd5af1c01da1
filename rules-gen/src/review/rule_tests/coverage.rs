//! Which alerts the cases of the tests show firing, and which quiet.

use super::files::{Files, Rule, TestFile};
use super::outcome::Outcome;
use crate::lint::yaml::Node;
use promql::MatchOp;

/// A case about an alert: the labels of each alert that must fire.
struct Case<'a> {
    alert: String,
    fires: Vec<Vec<(&'a str, &'a str)>>,
}

/// Fills in what no case shows, and the cases about alerts that are not there.
pub(super) fn measure(files: &Files, outcome: &mut Outcome) {
    let cases: Vec<(&TestFile, Vec<Case<'_>>)> = files.tests.iter().map(|test| (test, cases(test))).collect();
    for (path, file) in &files.rules {
        for rule in file.rules.iter().filter(|rule| rule.alerts) {
            outcome.alerts += 1;
            let of_rule = cases.iter().filter(|(test, _)| test.loads.contains(path)).flat_map(|(_, cases)| cases);
            let about: Vec<&Case<'_>> = of_rule.filter(|case| case.alert == rule.name).collect();
            let place = || (rule.name.clone(), format!("{}:{}", file.name, rule.line));
            if !about.iter().any(|case| shows(case, rule)) {
                outcome.never_fire.push(place());
            }
            if about.iter().all(|case| shows(case, rule)) {
                outcome.never_quiet.push(place());
            }
        }
    }
    for (test, cases) in &cases {
        let loaded: Vec<&str> = test
            .loads
            .iter()
            .filter_map(|path| files.rules.get(path))
            .flat_map(|file| &file.rules)
            .filter(|rule| rule.alerts)
            .map(|rule| rule.name.as_str())
            .collect();
        let mut strange: Vec<&str> =
            cases.iter().map(|case| case.alert.as_str()).filter(|alert| !loaded.contains(alert)).collect();
        strange.dedup();
        for alert in strange {
            let why = format!("it has a case about the alert {alert}, which none of its rule files has");
            outcome.failed.push((test.name.clone(), why));
        }
    }
}

/// Whether a case shows that a rule fires: with its own labels, which tell it from others of its name.
fn shows(case: &Case<'_>, rule: &Rule) -> bool {
    case.fires.iter().any(|labels| {
        let has = |(name, value): &(String, String)| labels.iter().any(|(n, v)| n == name && v == value);
        labels.is_empty() || rule.labels.iter().all(has)
    })
}

fn cases(test: &TestFile) -> Vec<Case<'_>> {
    let mut all = Vec::new();
    for one in test.node.get("tests").map(Node::items).unwrap_or_default() {
        let list = |key: &str| one.get(key).map(Node::items).unwrap_or_default();
        for case in list("alert_rule_test") {
            let Some(alert) = case.get("alertname").and_then(Node::text) else { continue };
            let alerts = case.get("exp_alerts").map(Node::items).unwrap_or_default().iter();
            let fires = alerts.map(|alert| labels(alert.get("exp_labels"))).collect();
            all.push(Case { alert: alert.to_owned(), fires });
        }
        // `ALERTS` may be asked for as well.
        for case in list("promql_expr_test") {
            let Some(Ok(query)) = case.get("expr").and_then(Node::text).map(promql::parse) else { continue };
            let there = case.get("exp_samples").is_some_and(|samples| !samples.items().is_empty());
            for selector in query.expr.selectors().into_iter().filter(|one| one.metric() == Some("ALERTS")) {
                let equal = selector.matchers.iter().filter(|matcher| matcher.op == MatchOp::Equal);
                let mut asked: Vec<(&str, String)> =
                    equal.map(|matcher| (matcher.name.text.as_str(), (*matcher.value).to_owned())).collect();
                let name = asked.iter().position(|(name, _)| *name == "alertname").map(|at| asked.swap_remove(at).1);
                // Which labels the series have is not said: it counts for every rule of the name.
                all.extend(name.map(|alert| Case { alert, fires: if there { vec![Vec::new()] } else { Vec::new() } }));
            }
        }
    }
    all
}

fn labels(node: Option<&Node>) -> Vec<(&str, &str)> {
    let entries = node.map(Node::entries).unwrap_or_default().iter();
    entries.filter_map(|(name, value)| Some((name.text()?, value.text()?))).collect()
}
