//! `PromQL`, the language of Prometheus, in all versions from 2.42 to 3.16.
//!
//! [`parse`] reads an expression of any version and says which of its parts not every server has. A mistake does not end
//! the reading, and every mistake, name, matcher and operand knows its place.
//!
//! ```
//! use promql::{Missing, Version, parse};
//!
//! let query = parse("sum by (job) (rate(http_requests_total[5m] anchored)) > 1h").unwrap();
//! assert_eq!(query.expr.to_string(), "sum by (job) (rate(http_requests_total[5m] anchored)) > 1h");
//! assert_eq!(query.expr.selectors()[0].metric(), Some("http_requests_total"));
//!
//! // What a server of 2.42 does not have: `anchored`, and a duration for a number.
//! let missing: Vec<_> = query.missing_in(Version(2, 42), &[] as &[&str]).map(|(_, why)| why).collect();
//! assert_eq!(missing, [Missing::Since(Version(3, 7)), Missing::Since(Version(2, 54))]);
//!
//! let errors = parse("sum(rate(x{a=b}[5x])").unwrap_err();
//! assert_eq!(errors.len(), 3);
//! ```
//!
//! With [`parse_with_variables`] the variables of Grafana (`$job`, `${job:regex}`, `[[job]]`) may stand where a number, a
//! duration, a name or matchers belong.
//!
//! Depth and number of operators are bounded, so that no text can exhaust the stack.

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

/// Reads an expression.
///
/// # Errors
/// Everything that no server from 2.42 to 3.16 would read, in the order of the text.
pub fn parse(text: &str) -> Result<Query, Vec<Error>> {
    parser::parse(text, false)
}

/// Reads an expression of a Grafana dashboard, in which variables may stand.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_variables(text: &str) -> Result<Query, Vec<Error>> {
    parser::parse(text, true)
}

/// Reads a regular expression as Prometheus does, for patterns that are no matcher: the last argument of `label_replace`.
///
/// # Errors
/// Why it is none.
pub fn check_pattern(pattern: &Text) -> Result<(), String> {
    regex::read(pattern).map(|_| ())
}

/// The seconds of a duration as Prometheus writes it: `1h30m`. None when it is no duration, or of more than 292 years.
pub fn seconds(duration: &str) -> Option<f64> {
    number::duration(duration).ok().filter(|_| !duration.is_empty())
}
