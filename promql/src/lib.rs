//! `PromQL`, the query language of Prometheus, in all versions from 2.42 to 3.16.
//!
//! [`parse`] reads an expression of any of these versions and lists the parts that only some servers support. The
//! parser continues after a mistake, so one call reports several. Every mistake, name, matcher and operand has its
//! place in the text.
//!
//! ```
//! use promql::{Missing, Version, parse};
//!
//! let query = parse("sum by (job) (rate(http_requests_total[5m] anchored)) > 1h").unwrap();
//! assert_eq!(query.expr.to_string(), "sum by (job) (rate(http_requests_total[5m] anchored)) > 1h");
//! assert_eq!(query.expr.selectors()[0].metric(), Some("http_requests_total"));
//!
// A server of version 2.42 has neither `anchored` nor durations in the place of numbers.
//! let missing: Vec<_> = query.missing_in(Version(2, 42), &[] as &[&str]).map(|(_, why)| why).collect();
//! assert_eq!(missing, [Missing::Since(Version(3, 7)), Missing::Since(Version(2, 54))]);
//!
//! let errors = parse("sum(rate(x{a=b}[5x])").unwrap_err();
//! assert_eq!(errors.len(), 3);
//! ```
//!
//! With [`parse_with_variables`], Grafana variables (`$job`, `${job:regex}`, `[[job]]`) may stand in the place of
//! numbers, durations, names and matchers.
//!
//! The nesting depth and the number of operators are bounded, so that no text can exhaust the stack.

mod check;
mod construct;
mod error;
mod lexer;
mod number;
mod parser;
mod print;
mod query;
mod regex;
mod span;
pub mod table;
mod text;
mod tree;
mod types;

pub use construct::{Construct, ConstructKind, Gate, Missing, Signature, Version};
pub use error::Error;
pub use query::{Query, Use};
pub use span::Span;
pub use text::Text;
pub use tree::{
    Aggregation, At, Binary, BinaryOp, Call, Duration, DurationKind, DurationOp, Expr, Extension, Fill, Group,
    Grouping, Kind, MatchOp, Matcher, Matching, Modifiers, Name, Number, Selector, Side, Sign, Subquery,
};
pub use types::Type;

/// Parses an expression.
///
/// # Errors
/// Every mistake that all servers from 2.42 to 3.16 refuse, in the order of the text.
pub fn parse(text: &str) -> Result<Query, Vec<Error>> {
    parser::parse(text, false)
}

/// Parses an expression of a Grafana dashboard, which may contain variables.
///
/// # Errors
/// The same as those of [`parse`].
pub fn parse_with_variables(text: &str) -> Result<Query, Vec<Error>> {
    parser::parse(text, true)
}

/// Checks a regular expression that is not part of a matcher, such as the last argument of `label_replace`, by
/// Prometheus' rules.
///
/// # Errors
/// The reason why Prometheus refuses the expression.
pub fn check_pattern(pattern: &Text) -> Result<(), String> {
    regex::read(pattern).map(|_| ())
}

/// Returns the seconds of a duration such as `1h30m`.
///
/// # Errors
/// The reason why the text is not a duration: a unit is unknown or missing, units are out of order, or the duration is
/// longer than 292 years.
pub fn seconds(duration: &str) -> Result<f64, &'static str> {
    if duration.is_empty() { Err("it is empty") } else { number::duration(duration) }
}

/// Writes seconds as a duration such as `1h30m`, as Prometheus does. Returns `None` when they are not a whole number of
/// milliseconds, or more than 292 years.
pub fn duration(seconds: f64) -> Option<String> {
    number::in_units(seconds)
}
