//! Replaces recorded series in an expression by the expressions of their recording rules. The server's recorded samples
//! come from the rules of the past, but a backtest is about the rules in the files.

use crate::promql::mistakes;
use crate::review::rule_set::{Kind, ListedRule};
use crate::server::Labels;
use promql::{Expr, MatchOp, Modifiers, Name, Selector, Span, Type, parse};
use std::collections::{BTreeMap, BTreeSet};

/// The largest expression in bytes that is sent to a server. A longer one is left as it was written.
const LONGEST: usize = 64 * 1024;
/// The end of the warning about a rule that cannot be inserted.
const INSTEAD: &str = "the series that the server has recorded are used instead";
/// A temporary label that marks the series that a matcher selects.
const MARK: &str = "checklist_match";

/// The recording rules of a rule set, by the name of the recorded series.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    rules: BTreeMap<String, Vec<Record>>,
    /// Recorded series whose rule does not parse, with the reason.
    unreadable: BTreeMap<String, String>,
}

/// A recording rule.
#[derive(Debug)]
struct Record {
    expr: String,
    labels: Labels,
    /// The evaluation interval in seconds.
    interval: f64,
}

/// An expression in which recorded series were replaced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrittenOut {
    pub expr: String,
    pub records: Vec<String>,
    /// Warnings about recording rules that could not be inserted, one sentence each. For these, the server's recorded
    /// samples are read.
    pub warnings: Vec<String>,
}

/// What is collected while expressions are replaced.
#[derive(Default)]
struct Way {
    /// The recorded series whose rules are being inserted. It stops rules that refer to themselves.
    within: Vec<String>,
    records: Vec<String>,
    unreadable: BTreeSet<String>,
}

impl Recorded {
    /// Collects the recording rules. `interval` is the evaluation interval in seconds of groups that set none.
    pub(super) fn of(rules: &[ListedRule], interval: f64) -> Self {
        let mut all = Self::default();
        for rule in rules.iter().filter(|rule| rule.kind == Kind::Record) {
            let query = match parse(&rule.expr) {
                Ok(query) => query,
                Err(errors) => {
                    all.unreadable.insert(rule.name.clone(), mistakes(&errors, &rule.expr));
                    continue;
                }
            };
            let vector = if query.expr.result() == Type::Scalar { "vector" } else { "" };
            let record = Record {
                expr: format!("{vector}({})", rule.expr),
                labels: rule.labels.clone(),
                interval: rule.interval.map_or(interval, |interval| interval.as_secs_f64()),
            };
            all.rules.entry(rule.name.clone()).or_default().push(record);
        }
        all
    }

    /// Replaces recorded series in an expression by the expressions of their rules.
    pub(super) fn written_out(&self, expr: &str) -> WrittenOut {
        let mut way = Way::default();
        let written = self.replaced(expr, &mut way);
        let Way { mut records, unreadable, .. } = way;
        records.sort();
        records.dedup();
        let unreadable = unreadable.iter().filter_map(|metric| Some((metric, self.unreadable.get(metric)?)));
        let mut warnings: Vec<String> = unreadable
            .map(|(metric, why)| format!("the recording rule {metric} does not parse ({why}): {INSTEAD}"))
            .collect();
        if written.len() > LONGEST {
            let names = records.join(", ");
            warnings.push(format!("with the recording rules {names} inserted the expression is too long: {INSTEAD}"));
            return WrittenOut { expr: expr.to_owned(), records: Vec::new(), warnings };
        }
        WrittenOut { expr: written, records, warnings }
    }

    fn replaced(&self, expr: &str, way: &mut Way) -> String {
        let Ok(query) = parse(expr) else { return expr.to_owned() };
        let mut places: Vec<(Span, Selector)> = Vec::new();
        query
            .expr
            .walk(&mut |part: &Expr, _: &[&Expr]| places.extend(part.selector().map(|one| (part.span, one.clone()))));
        let mut text = expr.to_owned();
        places.sort_by_key(|(span, _)| span.start);
        for (span, selector) in places.iter().rev() {
            let Some(metric) = selector.metric().filter(|metric| !way.within.iter().any(|one| one == metric)) else {
                continue;
            };
            if self.unreadable.contains_key(metric) {
                way.unreadable.insert(metric.to_owned());
                continue;
            }
            let Some(rules) = self.rules.get(metric).filter(|_| selector.modifiers.extension.is_none()) else {
                continue;
            };
            way.within.push(metric.to_owned());
            let base: Vec<String> = rules.iter().map(|rule| self.recorded(rule, way)).collect();
            way.within.pop();
            way.records.push(metric.to_owned());
            let interval = rules.iter().map(|rule| rule.interval).fold(f64::INFINITY, f64::min);
            text.replace_range(span.start..span.end, &in_place(&base.join(" or "), selector, interval));
            if text.len() > LONGEST {
                break;
            }
        }
        text
    }

    /// Returns the expression of a recording rule with the rule's labels added.
    fn recorded(&self, rule: &Record, way: &mut Way) -> String {
        let mut text = self.replaced(&rule.expr, way);
        for (name, value) in &rule.labels {
            text = label(&text, name, &value.replace('$', "$$"));
        }
        text
    }
}

/// Returns an expression that selects from `base` the series of the selector, with the selector's range and offset.
fn in_place(base: &str, selector: &Selector, interval: f64) -> String {
    let mut text = format!("({base})");
    for matcher in selector.matchers.iter().filter(|matcher| matcher.name.text != "__name__") {
        let value: &str = &matcher.value;
        let (pattern, join) = match matcher.op {
            MatchOp::Equal => (regex::escape(value), "and"),
            MatchOp::NotEqual => (regex::escape(value), "unless"),
            MatchOp::Regex => (value.to_owned(), "and"),
            MatchOp::NotRegex => (value.to_owned(), "unless"),
        };
        let marked =
            format!("label_replace({text}, \"{MARK}\", \"1\", {}, {})", quoted(&matcher.name.text), quoted(&pattern));
        let mark = label("vector(1)", MARK, "1");
        text = label(&format!("({marked} {join} on ({MARK}) {mark})"), MARK, "");
    }
    // The printed selector without its name and matchers: its range, offset and `@`.
    let name = Name { text: "x".to_owned(), span: Span::default(), variable: false };
    let bare = Selector { name: Some(name), matchers: Vec::new(), ..selector.clone() }.to_string();
    let behind = bare.strip_prefix('x').unwrap_or_default();
    let step = format!("{}ms", (interval * 1000.0).max(1.0).round());
    if selector.range.is_some() {
        format!("{text}{}", behind.replacen(']', &format!(":{step}]"), 1))
    } else if selector.modifiers == Modifiers::default() {
        text
    } else {
        format!("last_over_time({text}[{step}:{step}]{behind})")
    }
}

fn label(text: &str, name: &str, value: &str) -> String {
    format!("label_replace({text}, {}, {}, \"\", \"\")", quoted(name), quoted(value))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn record(name: &str, expr: &str, labels: &[(&str, &str)]) -> ListedRule {
        ListedRule {
            group: String::new(),
            interval: Some(Duration::from_secs(30)),
            kind: Kind::Record,
            name: name.to_owned(),
            expr: expr.to_owned(),
            pending: Duration::ZERO,
            keep_firing: Duration::ZERO,
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            annotations: Labels::new(),
        }
    }

    #[test]
    fn a_recorded_metric_is_replaced_by_its_expression_with_labels_range_and_offset() {
        let rules = [
            record("a:x", "sum by (a) (x)", &[]),
            record("b:x", "a:x / 2", &[("k", "v")]),
            record("self:x", "self:x + x", &[]),
            record("one:x", "1", &[]),
        ];
        let recorded = Recorded::of(&rules, 60.0);
        let out = |expr: &str| {
            let written = recorded.written_out(expr).expr;
            assert!(parse(&written).is_ok(), "{written}");
            written
        };
        assert_eq!(out("a:x > 1"), "((sum by (a) (x))) > 1");
        assert_eq!(out("max_over_time(a:x[5m])"), "max_over_time(((sum by (a) (x)))[5m:30000ms])");
        assert_eq!(out("a:x offset 1h"), "last_over_time(((sum by (a) (x)))[30000ms:30000ms] offset 1h)");
        assert_eq!(out("b:x"), "(label_replace((((sum by (a) (x))) / 2), \"k\", \"v\", \"\", \"\"))");
        assert_eq!(out("self:x"), "((self:x + x))", "what reads itself is read from the server");
        assert_eq!(out("one:x + y"), "(vector(1)) + y");
        assert_eq!(out("y"), "y");
        let picked = out("a:x{a!=\"b.c\"}");
        assert!(picked.contains("unless on (checklist_match)") && picked.contains("b\\\\.c"), "{picked}");
        assert_eq!(recorded.written_out("b:x").records, ["a:x", "b:x"]);
    }

    #[test]
    fn a_recording_rule_that_cannot_be_inlined_is_reported() {
        let long = format!("sum(x{{a=\"{}\"}})", "b".repeat(LONGEST));
        let rules = [record("broken:x", "sum(", &[]), record("b:x", "broken:x / 2", &[]), record("long:x", &long, &[])];
        let recorded = Recorded::of(&rules, 60.0);
        for (expr, word) in [
            ("b:x > 1", "the recording rule broken:x does not parse (1:"),
            ("long:x > 1", "with the recording rules long:x inserted the expression is too long"),
        ] {
            let written = recorded.written_out(expr);
            assert!(written.warnings.len() == 1 && written.warnings[0].starts_with(word), "{:?}", written.warnings);
            assert!(written.warnings[0].ends_with(INSTEAD), "{:?}", written.warnings);
        }
        assert_eq!(recorded.written_out("long:x > 1").expr, "long:x > 1");
        assert_eq!(recorded.written_out("up").warnings, [""; 0]);
    }
}
