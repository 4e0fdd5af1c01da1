//! The types of expressions.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// A number without labels.
    Scalar,
    /// One sample for each series.
    InstantVector,
    /// The samples of a range of time for each series.
    RangeVector,
    String,
    /// A Grafana variable, which may stand for an expression of any type.
    Unknown,
}

impl Type {
    /// Returns whether an expression of this type may stand where the type `wanted` is expected. A variable fits
    /// everywhere.
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
