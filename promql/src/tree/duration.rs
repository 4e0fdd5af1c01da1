//! Numbers and durations within an expression.

use crate::span::Span;

#[derive(Debug, Clone, Copy)]
pub struct Number {
    /// The value. In seconds when it is written as a duration.
    pub value: f64,
    /// Whether the number is written with units: `5m`.
    pub duration: bool,
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.value.to_bits() == other.value.to_bits() && self.duration == other.duration
    }
}

/// A duration: the length of a range, a step or an offset.
#[derive(Debug, Clone)]
pub struct Duration {
    pub kind: DurationKind,
    pub span: Span,
}

impl PartialEq for Duration {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// The variants of a duration.
#[derive(Debug, Clone, PartialEq)]
pub enum DurationKind {
    /// Seconds, written `5m` or `300`. The spelling counts for equality only within arithmetic.
    Literal(Number),
    /// `step()`: the step of the query.
    Step,
    /// `range()`: the range of the query.
    Range,
    /// `-(…)`.
    Unary(Sign, Box<Duration>),
    /// `5m * 2`.
    Binary(DurationOp, Box<Duration>, Box<Duration>),
    /// `min_of(a, b)`.
    Smaller(Box<Duration>, Box<Duration>),
    /// `max_of(a, b)`.
    Larger(Box<Duration>, Box<Duration>),
    /// `(…)`.
    Paren(Box<Duration>),
    /// A Grafana variable: `$__rate_interval`.
    Variable(String),
}

impl Duration {
    /// Returns the seconds, or `None` when they depend on the query or on a variable.
    pub fn seconds(&self) -> Option<f64> {
        Some(match &self.kind {
            DurationKind::Literal(number) => number.value,
            DurationKind::Unary(Sign::Minus, inner) => -inner.seconds()?,
            DurationKind::Unary(Sign::Plus, inner) | DurationKind::Paren(inner) => inner.seconds()?,
            DurationKind::Binary(op, left, right) => op.apply(left.seconds()?, right.seconds()?),
            DurationKind::Smaller(left, right) => left.seconds()?.min(right.seconds()?),
            DurationKind::Larger(left, right) => left.seconds()?.max(right.seconds()?),
            DurationKind::Step | DurationKind::Range | DurationKind::Variable(_) => return None,
        })
    }
}

/// An arithmetic operator of durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DurationOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
}

impl DurationOp {
    fn apply(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Add => left + right,
            Self::Sub => left - right,
            Self::Mul => left * right,
            Self::Div => left / right,
            Self::Mod => left % right,
            Self::Pow => left.powf(right),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// `+`
    Plus,
    /// `-`
    Minus,
}
