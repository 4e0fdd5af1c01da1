//! Limits by key: written once, shared by verdict, alert, panel and page.

use crate::units::Unit;
use std::fmt;

/// How bad it is; the label `severity` of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A message in the chat.
    Warning,
    /// A page.
    Critical,
}

impl Severity {
    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which side of the limit is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Values above the limit are bad.
    Above,
    /// Values below the limit are bad.
    Below,
}

/// The values of one threshold: a warning level, a critical level, or both.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Levels {
    /// Beyond this, a chat message.
    pub warning: Option<f64>,
    /// Beyond this, a page.
    pub critical: Option<f64>,
}

impl Levels {
    /// The value at a severity.
    pub const fn at(&self, severity: Severity) -> Option<f64> {
        match severity {
            Severity::Warning => self.warning,
            Severity::Critical => self.critical,
        }
    }

    /// The levels that are set, worst first.
    pub fn each(&self) -> impl Iterator<Item = (Severity, f64)> {
        [(Severity::Critical, self.critical), (Severity::Warning, self.warning)]
            .into_iter()
            .filter_map(|(severity, value)| Some((severity, value?)))
    }
}

/// A limit that operators can move, by key, globally or per target.
#[derive(Debug)]
pub struct Threshold {
    /// `signal.subject`.
    pub key: &'static str,
    /// The unit of its values.
    pub unit: Unit,
    /// Which side is bad.
    pub direction: Direction,
    /// The defaults.
    pub default: Levels,
    /// The least limit that means something, and the one from which on nothing can be beyond it.
    pub bounds: Option<(f64, f64)>,
    /// What it limits and why the default is what it is; one sentence.
    pub reason: &'static str,
}

impl Threshold {
    /// Values above the limit are bad.
    pub const fn above(key: &'static str, unit: Unit, reason: &'static str) -> Self {
        Self {
            key,
            unit,
            direction: Direction::Above,
            default: Levels { warning: None, critical: None },
            bounds: None,
            reason,
        }
    }

    /// Values below the limit are bad.
    pub const fn below(key: &'static str, unit: Unit, reason: &'static str) -> Self {
        Self { direction: Direction::Below, ..Self::above(key, unit, reason) }
    }

    /// Sets the limits that mean something: from the first to below the second.
    #[must_use]
    pub const fn between(mut self, least: f64, most: f64) -> Self {
        self.bounds = Some((least, most));
        self
    }

    /// The limits that mean something: from the first to below the second. No part is above its whole, and nothing is
    /// below nothing.
    pub fn within(&self) -> (f64, f64) {
        let most = if self.unit == Unit::Ratio { 1.0 } else { f64::INFINITY };
        let least = match (self.direction, self.unit) {
            (Direction::Above, _) => 0.0,
            (Direction::Below, Unit::Ratio) => 0.001,
            (Direction::Below, _) => 1.0,
        };
        self.bounds.unwrap_or((least, most))
    }

    /// Sets the default warning level.
    #[must_use]
    pub const fn warning(mut self, value: f64) -> Self {
        self.default.warning = Some(value);
        self
    }

    /// Sets the default critical level.
    #[must_use]
    pub const fn critical(mut self, value: f64) -> Self {
        self.default.critical = Some(value);
        self
    }
}
