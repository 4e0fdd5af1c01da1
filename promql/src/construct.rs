//! Language features of `PromQL` and the servers that support them.

use crate::types::Type;
use std::fmt;

/// A version of Prometheus: major and minor number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A function, an aggregation or a piece of syntax, with the versions and feature flags of the servers that support it.
#[derive(Debug, PartialEq, Eq)]
pub struct Construct {
    /// The name used in messages: `rate`, `a quoted label name`.
    pub name: &'static str,
    pub kind: ConstructKind,
    /// The first version that supports the construct.
    pub since: Version,
    /// The first version that does not support the construct any more.
    pub until: Option<Version>,
    /// The feature flag that enables the construct.
    pub gate: Option<Gate>,
    /// A feature flag with which the construct stops working.
    pub excluded_by: Option<&'static str>,
}

/// A feature flag that a construct needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// The value for `--enable-feature`.
    pub flag: &'static str,
    /// The first version that does not need the flag any more.
    pub until: Option<Version>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum ConstructKind {
    Function(Signature),
    /// An aggregation, with the type of its parameter (`k` in `topk(k, v)`) when it has one.
    Aggregation(Option<Type>),
    Syntax,
}

/// The types of a function's arguments and of its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The types of the arguments. Further arguments have the type of the last one.
    pub args: &'static [Type],
    /// The minimum number of arguments.
    pub least: usize,
    /// The maximum number of arguments. `None`: any number.
    pub most: Option<usize>,
    pub returns: Type,
}

impl Construct {
    /// Returns the signature when the construct is a function.
    pub const fn signature(&self) -> Option<&Signature> {
        match &self.kind {
            ConstructKind::Function(signature) => Some(signature),
            _ => None,
        }
    }

    /// Returns why a server of this version with these feature flags does not support the construct, or `None` when it
    /// does.
    pub fn missing_in(&self, version: Version, features: &[impl AsRef<str>]) -> Option<Missing> {
        if version < self.since {
            return Some(Missing::Since(self.since));
        }
        if let Some(until) = self.until.filter(|until| version >= *until) {
            return Some(Missing::Until(until));
        }
        let on = |flag: &str| features.iter().any(|feature| feature.as_ref() == flag);
        if let Some(flag) = self.excluded_by.filter(|flag| on(flag)) {
            return Some(Missing::With(flag));
        }
        let gate = self.gate.filter(|gate| gate.until.is_none_or(|until| version < until) && !on(gate.flag))?;
        Some(Missing::Feature(gate.flag))
    }

    pub(crate) const fn gated(mut self, flag: &'static str) -> Self {
        self.gate = Some(Gate { flag, until: None });
        self
    }

    pub(crate) const fn gated_until(mut self, flag: &'static str, until: Version) -> Self {
        self.gate = Some(Gate { flag, until: Some(until) });
        self
    }

    pub(crate) const fn excluded_by(mut self, flag: &'static str) -> Self {
        self.excluded_by = Some(flag);
        self
    }

    pub(crate) const fn until(mut self, version: Version) -> Self {
        self.until = Some(version);
        self
    }
}

/// Why a server does not support a construct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// This is the first version that supports it.
    Since(Version),
    /// This is the first version that does not support it any more.
    Until(Version),
    /// It needs `--enable-feature` with this value.
    Feature(&'static str),
    /// It does not work with `--enable-feature` of this value.
    With(&'static str),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Since(version) => write!(f, "needs Prometheus {version}"),
            Self::Until(version) => write!(f, "was removed in Prometheus {version}"),
            Self::Feature(flag) => write!(f, "needs --enable-feature={flag}"),
            Self::With(flag) => write!(f, "does not work with --enable-feature={flag}"),
        }
    }
}
