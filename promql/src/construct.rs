//! A part of PromQL, and which servers have it.

use crate::types::Type;
use std::fmt;

/// A version of Prometheus: major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Something that not every server has.
#[derive(Debug, PartialEq, Eq)]
pub struct Construct {
    /// As it is called in messages: `rate`, `a quoted label name`.
    pub name: &'static str,
    /// What it is.
    pub kind: ConstructKind,
    /// The first version that has it.
    pub since: Version,
    /// The first version that has it no longer.
    pub until: Option<Version>,
    /// The feature flag that it needs.
    pub gate: Option<Gate>,
    /// The feature flag that takes it away.
    pub excluded_by: Option<&'static str>,
}

/// A feature flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// Its name for `--enable-feature`.
    pub flag: &'static str,
    /// The first version that does without.
    pub until: Option<Version>,
}

/// What a construct is.
#[derive(Debug, PartialEq, Eq)]
pub enum ConstructKind {
    /// A function.
    Function(Signature),
    /// An aggregation, and the type of its parameter.
    Aggregation(Option<Type>),
    /// Anything else.
    Syntax,
}

/// What a function takes and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The types of its arguments; the last one is also that of all further ones.
    pub args: &'static [Type],
    /// How many it needs.
    pub least: usize,
    /// How many it takes; any number when nothing.
    pub most: Option<usize>,
    /// What it gives.
    pub returns: Type,
}

impl Construct {
    /// Whether it is a function.
    pub const fn signature(&self) -> Option<&Signature> {
        match &self.kind {
            ConstructKind::Function(signature) => Some(signature),
            _ => None,
        }
    }

    /// Why a server does not have it; nothing when it does.
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

/// Why a server does not have a construct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Only this version and later have it.
    Since(Version),
    /// Since this version it is gone.
    Until(Version),
    /// It needs `--enable-feature` with this name.
    Feature(&'static str),
    /// It does not work with `--enable-feature` of this name.
    With(&'static str),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Since(version) => write!(f, "needs Prometheus {version}"),
            Self::Until(version) => write!(f, "is gone since Prometheus {version}"),
            Self::Feature(flag) => write!(f, "needs --enable-feature={flag}"),
            Self::With(flag) => write!(f, "does not work with --enable-feature={flag}"),
        }
    }
}
