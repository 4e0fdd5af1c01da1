//! How a violation of a policy is reported.

use crate::lint::place::Text;
use crate::lint::report::{Level, Report};
use promql::Span;

/// Reports a violation about a text. `by` is the path of the file with the policy.
pub(super) fn violation(report: &mut Report<'_>, at: &Text, message: String, by: &str) {
    report.at("RG080", Level::Error, at, message, &format!("the policy stands in {by}"));
}

/// Like [`violation`], about a part of an expression.
pub(super) fn violation_in_part(report: &mut Report<'_>, at: &Text, part: Span, message: String, by: &str) {
    report.part("RG080", Level::Error, at, part, message, &format!("the policy stands in {by}"));
}
