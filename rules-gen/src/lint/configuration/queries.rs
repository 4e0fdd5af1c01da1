//! RG080: what a policy allows queries to cost, the matchers that every selector needs, and the labels that
//! aggregations keep or drop.

use super::violation::{violation, violation_in_part};
use crate::lint::expr::matchers;
use crate::lint::place::Text;
use crate::lint::report::Report;
use promql::{Aggregation, Duration, Expr, Kind, Selector, Span};

/// The limits of the expressions of rules.
#[derive(Debug, Clone, Default)]
pub(super) struct Queries {
    /// The longest range or subquery: its spelling and seconds.
    pub max_range: Option<(String, f64)>,
    /// The largest number of selectors.
    pub max_selectors: Option<usize>,
    /// Whether a selector of a metric needs a matcher. Recorded series need none.
    pub need_matcher: bool,
    /// The labels on which every selector of a metric has a matcher. Recorded series need none.
    pub matchers: Vec<String>,
    /// The labels that every aggregation keeps.
    pub keep: Vec<String>,
    /// The labels that every aggregation drops.
    pub drop: Vec<String>,
}

/// Aggregations that return series of their input, with all labels.
const SELECTING: [&str; 4] = ["topk", "bottomk", "limitk", "limit_ratio"];

impl Queries {
    pub(super) fn check(&self, text: &Text, ast: &Expr, by: &str, report: &mut Report<'_>) {
        let count = ast.selectors().len();
        if let Some(most) = self.max_selectors.filter(|most| count > *most) {
            violation(report, text, format!("the expression has {count} selectors, {most} are allowed"), by);
        }
        ast.walk(&mut |part, _| match &part.kind {
            Kind::Selector(one) => {
                self.range(one.range.as_ref(), text, by, report);
                self.selector(one, part.span, text, by, report);
            }
            Kind::Subquery(one) => self.range(Some(&one.range), text, by, report),
            Kind::Aggregation(one) if !SELECTING.contains(&one.op.text.as_str()) => {
                self.aggregation(one, text, by, report);
            }
            _ => {}
        });
    }

    fn range(&self, range: Option<&Duration>, text: &Text, by: &str, report: &mut Report<'_>) {
        let Some((shown, most)) = &self.max_range else { return };
        if let Some(range) = range.filter(|range| range.seconds().is_some_and(|seconds| seconds > *most)) {
            violation_in_part(report, text, range.span, format!("the range is longer than {shown}"), by);
        }
    }

    fn selector(&self, one: &Selector, span: Span, text: &Text, by: &str, report: &mut Report<'_>) {
        let name = one.metric().unwrap_or_default();
        if name.contains(':') {
            return;
        }
        if self.need_matcher && matchers(one).next().is_none() {
            violation_in_part(report, text, span, format!("{name} without a matcher reads all of its series"), by);
        }
        for label in &self.matchers {
            if !matchers(one).any(|matcher| matcher.name.text == *label) {
                violation_in_part(report, text, span, format!("the selector has no matcher of {label}"), by);
            }
        }
    }

    fn aggregation(&self, one: &Aggregation, text: &Text, by: &str, report: &mut Report<'_>) {
        let listed = |label: &String| {
            one.grouping.as_ref().is_some_and(|grouping| grouping.labels.iter().any(|name| name.text == *label))
        };
        let without = one.grouping.as_ref().is_some_and(|grouping| grouping.without);
        for label in self.keep.iter().filter(|label| listed(label) == without) {
            violation_in_part(report, text, one.op.span, format!("{} drops the label {label}", one.op.text), by);
        }
        for label in self.drop.iter().filter(|label| listed(label) != without) {
            violation_in_part(report, text, one.op.span, format!("{} keeps the label {label}", one.op.text), by);
        }
    }
}
