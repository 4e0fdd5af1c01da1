//! Repairs matchers whose regular expression is a plain text: `=~` becomes `=`, and `!~` becomes `!=`.

use crate::lint::expr::{is_plain_text, matchers};
use crate::lint::place::in_file;
use crate::lint::yaml::Node;
use promql::{MatchOp, Span};
use std::ops::Range;

/// Returns the changes in a rule's expression: bytes of the file, and the text that replaces them.
pub(super) fn plain(file: &str, rule: &Node) -> Vec<(Range<usize>, &'static str)> {
    let Some((expr, value)) = rule.get("expr").and_then(|expr| Some((expr, expr.text()?))) else { return Vec::new() };
    let (Ok(query), Some(scalar)) = (promql::parse(value), file.get(expr.span.clone())) else { return Vec::new() };
    let mut changes = Vec::new();
    for matcher in query.expr.selectors().into_iter().flat_map(matchers) {
        let text = match matcher.op {
            MatchOp::Regex if is_plain_text(&matcher.value) => "",
            MatchOp::NotRegex if is_plain_text(&matcher.value) => "=",
            _ => continue,
        };
        // The first one after the name of the label belongs to the operator.
        let behind = value.get(matcher.name.span.end..).unwrap_or_default();
        let Some(at) = behind.find('~').map(|at| matcher.name.span.end + at) else { continue };
        let place = in_file(scalar, value, Span::new(at, at + 1));
        if let Some(place) = place.filter(|place| scalar.get(place.clone()) == Some("~")) {
            changes.push((expr.span.start + place.start..expr.span.start + place.end, text));
        }
    }
    changes
}
