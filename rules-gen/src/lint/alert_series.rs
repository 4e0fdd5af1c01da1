//! Rule test cases that query alerts as series, such as `ALERTS{alertname=~"A|B"}`.

use super::expr::{function, whole};
use super::yaml::Node;
use promql::{Expr, MatchOp, Selector};
use regex::Regex;

/// A query of `ALERTS` in a rule test, and what its expected samples say.
#[derive(Debug)]
pub struct AlertSeries {
    /// The matchers of `alertname`, which must all match.
    names: Vec<NameMatch>,
    /// The alerts that fire. `None` stands for any alert that the query selects.
    firing: Vec<Option<String>>,
}

/// A matcher of the label `alertname`.
#[derive(Debug)]
enum NameMatch {
    Is(String),
    IsNot(String),
    Like(Regex),
    Unlike(Regex),
}

impl NameMatch {
    fn holds(&self, name: &str) -> bool {
        match self {
            Self::Is(own) => own == name,
            Self::IsNot(other) => other != name,
            Self::Like(pattern) => pattern.is_match(name),
            Self::Unlike(pattern) => !pattern.is_match(name),
        }
    }
}

impl AlertSeries {
    /// Returns the queries of `ALERTS` by name in a case of `promql_expr_test`.
    pub fn of(case: &Node) -> Vec<Self> {
        let Some(Ok(query)) = case.get("expr").and_then(Node::text).map(promql::parse) else { return Vec::new() };
        let samples = case.get("exp_samples").map(Node::items).unwrap_or_default();
        let mut all = Vec::new();
        query.expr.walk(&mut |part: &Expr, parents: &[&Expr]| {
            let Some(selector) = part.selector().filter(|selector| selector.metric() == Some("ALERTS")) else { return };
            let absent = parents.iter().any(|parent| function(parent).is_some_and(|name| name.starts_with("absent")));
            all.extend(Self::new(selector, samples, absent));
        });
        all
    }

    fn new(selector: &Selector, samples: &[Node], absent: bool) -> Option<Self> {
        let mut names = Vec::new();
        for matcher in selector.matchers.iter().filter(|matcher| matcher.name.text == "alertname") {
            let value = (*matcher.value).to_owned();
            let pattern = || whole(&value);
            names.push(match matcher.op {
                MatchOp::Equal => NameMatch::Is(value),
                MatchOp::NotEqual => NameMatch::IsNot(value),
                MatchOp::Regex => NameMatch::Like(pattern()?),
                MatchOp::NotRegex => NameMatch::Unlike(pattern()?),
            });
        }
        let pending = label(selector, "alertstate").is_some_and(|state| state == "pending");
        // Without `alertstate="pending"` the alerts may be firing.
        if names.is_empty() || (pending && samples.is_empty() != absent) {
            return None;
        }
        let firing = match (pending, absent) {
            (true, _) => Vec::new(),
            (false, true) if samples.is_empty() => vec![None],
            (false, true) => Vec::new(),
            (false, false) => samples
                .iter()
                .filter(|one| sample_label(one, "alertstate").is_none_or(|state| state == "firing"))
                .map(|one| sample_label(one, "alertname"))
                .collect(),
        };
        Some(Self { names, firing })
    }

    /// Whether the query selects an alert.
    pub fn is_about(&self, alert: &str) -> bool {
        self.names.iter().all(|name| name.holds(alert))
    }

    /// Whether the case shows that an alert fires. If the query selects the alert and this is false, the case shows
    /// that it is silent.
    pub fn fires(&self, alert: &str) -> bool {
        self.is_about(alert) && self.firing.iter().any(|name| name.as_ref().is_none_or(|name| name == alert))
    }

    /// Returns the alert's name, if the query asks for exactly one.
    pub fn name(&self) -> Option<&str> {
        self.names.iter().find_map(|name| match name {
            NameMatch::Is(name) => Some(name.as_str()),
            _ => None,
        })
    }
}

/// Returns a label of an expected sample.
fn sample_label(sample: &Node, name: &str) -> Option<String> {
    let query = promql::parse(sample.get("labels")?.text()?).ok()?;
    label(query.expr.selector()?, name).map(ToOwned::to_owned)
}

fn label<'a>(selector: &'a Selector, name: &str) -> Option<&'a str> {
    let found = selector.matchers.iter().find(|one| one.name.text == name && one.op == MatchOp::Equal);
    found.map(|matcher| &*matcher.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_query_alerts_by_name_by_pattern_and_by_absence() {
        let of = |expr: &str, samples: &str| {
            let (documents, malformed) =
                crate::lint::yaml::documents(&format!("{{expr: '{expr}', exp_samples: [{samples}]}}"));
            assert_eq!(malformed, None);
            let series = AlertSeries::of(&documents[0]);
            ["A", "B", "C"].map(|alert| series.iter().find(|one| one.is_about(alert)).map(|one| one.fires(alert)))
        };
        let (fires, quiet, no) = (Some(true), Some(false), None);
        let a = "{labels: 'ALERTS{alertname=\"A\", alertstate=\"firing\"}', value: 1}";
        let pending = "{labels: 'ALERTS{alertname=\"A\", alertstate=\"pending\"}', value: 1}";
        for (expr, samples, expected) in [
            ("ALERTS{alertname=\"A\"}", a, [fires, no, no]),
            ("ALERTS{alertname=~\"A|B\"}", a, [fires, quiet, no]),
            ("ALERTS{alertname=~\"A|B\"}", "", [quiet, quiet, no]),
            ("ALERTS{alertname!~\"B|C\"}", a, [fires, no, no]),
            ("ALERTS{alertname!=\"A\"}", "", [no, quiet, quiet]),
            ("ALERTS{alertname=~\"A|B\"}", pending, [quiet, quiet, no]),
            ("count(ALERTS{alertname=\"A\"})", "{value: 2}", [fires, no, no]),
            ("absent(ALERTS{alertname=\"A\"})", "{value: 1}", [quiet, no, no]),
            ("absent(ALERTS{alertname=\"A\"})", "", [fires, no, no]),
            ("ALERTS{alertname=\"A\", alertstate=\"pending\"}", "", [no, no, no]),
            ("ALERTS{alertname=\"A\", alertstate=\"pending\"}", pending, [quiet, no, no]),
            ("ALERTS{severity=\"page\"}", "", [no, no, no]),
            ("up{alertname=\"A\"}", "", [no, no, no]),
        ] {
            assert_eq!(of(expr, samples), expected, "{expr} {samples}");
        }
    }
}
