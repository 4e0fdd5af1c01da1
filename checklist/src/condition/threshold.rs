//! Thresholds with a key. Each is defined once and used by verdict, alert, panel and status page.

use crate::units::Unit;
use std::fmt;

/// The severity of an alert, also the value of the label `severity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A notification in the chat.
    Warning,
    /// A page to whoever is on call.
    Critical,
}

impl Severity {
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

/// Which side of a limit is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Above,
    Below,
}

/// The levels of a threshold: warning, critical, or both.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Levels {
    pub warning: Option<f64>,
    pub critical: Option<f64>,
}

impl Levels {
    /// Returns the level of a severity.
    pub const fn at(&self, severity: Severity) -> Option<f64> {
        match severity {
            Severity::Warning => self.warning,
            Severity::Critical => self.critical,
        }
    }

    /// Returns the levels that are set, the worst first.
    pub fn each(&self) -> impl Iterator<Item = (Severity, f64)> {
        [(Severity::Critical, self.critical), (Severity::Warning, self.warning)]
            .into_iter()
            .filter_map(|(severity, value)| Some((severity, value?)))
    }
}

/// A limit with a key, which operators can set for all targets or for one.
#[derive(Debug)]
pub struct Threshold {
    /// `SIGNAL.SUBJECT`, such as `backup.max_age`.
    pub key: &'static str,
    /// What is measured, as a noun: `age of the newest backup`.
    pub what: &'static str,
    pub unit: Unit,
    pub direction: Direction,
    pub default: Levels,
    /// The range of accepted limits: from the first to below the second value. `None`: the range follows from the unit.
    pub bounds: Option<(f64, f64)>,
    /// One sentence: what is limited, and the reason for the default.
    pub reason: &'static str,
}

impl Threshold {
    /// A threshold that is exceeded by larger values.
    pub const fn above(key: &'static str, what: &'static str, unit: Unit, reason: &'static str) -> Self {
        Self {
            key,
            what,
            unit,
            direction: Direction::Above,
            default: Levels { warning: None, critical: None },
            bounds: None,
            reason,
        }
    }

    /// A threshold that is exceeded by smaller values.
    pub const fn below(key: &'static str, what: &'static str, unit: Unit, reason: &'static str) -> Self {
        Self { direction: Direction::Below, ..Self::above(key, what, unit, reason) }
    }

    /// Sets the range of accepted limits: from the first to below the second value.
    #[must_use]
    pub const fn between(mut self, least: f64, most: f64) -> Self {
        self.bounds = Some((least, most));
        self
    }

    /// Returns the range of accepted limits: from the first to below the second value. By default a ratio is below 1
    /// (no share is above the whole), and a lower limit is above 0 (no value is below 0).
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
