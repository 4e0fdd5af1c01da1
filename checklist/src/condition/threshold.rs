//! Limits by key: written once, shared by verdict, alert, panel and page.

use std::fmt;

/// One second, minute, hour and day in seconds.
pub const MINUTE: f64 = 60.0;
/// One hour in seconds.
pub const HOUR: f64 = 3_600.0;
/// One day in seconds.
pub const DAY: f64 = 86_400.0;
/// One mebibyte in bytes.
pub const MIB: f64 = 1_048_576.0;
/// One gibibyte in bytes.
pub const GIB: f64 = 1_073_741_824.0;

/// What a value is measured in, always a base unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// A plain number.
    Count,
    /// A part of a whole, 0 to 1.
    Ratio,
    /// Seconds.
    Seconds,
}

impl Unit {
    /// A value for people: `26h`, `70%`, `100MiB`, `50`.
    pub fn human(self, value: f64) -> String {
        match self {
            Self::Bytes => human_bytes(value),
            Self::Count => format!("{value}"),
            Self::Ratio => format!("{}%", (value * 1e6).round() / 1e4),
            Self::Seconds => human_seconds(value),
        }
    }

    /// The Go template that shows `$value` in this unit.
    pub const fn template(self) -> &'static str {
        match self {
            Self::Bytes => "{{ $value | humanize1024 }}B",
            Self::Count => "{{ $value | humanize }}",
            Self::Ratio => "{{ $value | humanizePercentage }}",
            Self::Seconds => "{{ $value | humanizeDuration }}",
        }
    }
}

fn human_bytes(value: f64) -> String {
    let units = [("TiB", MIB * MIB), ("GiB", MIB * 1024.0), ("MiB", MIB), ("KiB", 1024.0)];
    let (name, size) = units.into_iter().find(|(_, size)| value >= *size).unwrap_or(("B", 1.0));
    format!("{}{name}", (value / size * 100.0).round() / 100.0)
}

fn human_seconds(value: f64) -> String {
    if value < 0.0 {
        return format!("-{}", human_seconds(-value));
    }
    let units = [("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", 1.0)];
    let mut rest = value;
    let mut text = String::new();
    for (name, size) in units {
        let whole = (rest / size).floor();
        // "26h" reads better than "1d2h" for what the checklist counts in hours.
        if name == "d" && (whole < 3.0 && value % DAY != 0.0) {
            continue;
        }
        if whole > 0.0 {
            text += &format!("{whole}{name}");
            rest -= whole * size;
        }
    }
    if rest > 1e-9 {
        text += &format!("{}ms", (rest * 1000.0).round());
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_people_write_them() {
        assert_eq!(Unit::Seconds.human(26.0 * HOUR), "26h");
        assert_eq!(Unit::Seconds.human(30.0 * DAY), "30d");
        assert_eq!(Unit::Seconds.human(DAY), "1d");
        assert_eq!(Unit::Seconds.human(90.0), "1m30s");
        assert_eq!(Unit::Seconds.human(0.25), "250ms");
        assert_eq!(Unit::Seconds.human(-2.0 * DAY), "-2d");
        assert_eq!(Unit::Ratio.human(0.7), "70%");
        assert_eq!(Unit::Bytes.human(100.0 * MIB), "100MiB");
        assert_eq!(Unit::Count.human(50.0), "50");
    }
}
