//! The types of expressions.

use std::fmt;

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// A number without labels.
    Scalar,
    /// A value for each series.
    InstantVector,
    /// A range of values for each series.
    RangeVector,
    /// A text.
    String,
    /// What a Grafana variable stands for.
    Unknown,
}

impl Type {
    /// Whether it fits where `wanted` belongs; a variable may stand for anything.
    pub(crate) fn is(self, wanted: Self) -> bool {
        self == wanted || self == Self::Unknown
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalar => "a scalar",
            Self::InstantVector => "an instant vector",
            Self::RangeVector => "a range vector",
            Self::String => "a string",
            Self::Unknown => "a variable",
        })
    }
}
