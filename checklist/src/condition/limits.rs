//! The levels that hold for the targets of a scope, and how PromQL writes them.

use super::threshold::{Levels, Severity, Threshold};

/// The levels that hold for a scope.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Limits {
    levels: Vec<(&'static str, Levels)>,
    off: Vec<&'static str>,
}

impl Limits {
    /// Defaults of the given thresholds, then what the operator moved.
    pub fn new(thresholds: &[&'static Threshold], moved: impl Fn(&str) -> Option<Levels>) -> Self {
        Self {
            levels: thresholds.iter().map(|t| (t.key, moved(t.key).unwrap_or(t.default))).collect(),
            off: Vec::new(),
        }
    }

    /// The same without the alerts that the operator switched off.
    #[must_use]
    pub fn without(self, off: Vec<&'static str>) -> Self {
        Self { off, ..self }
    }

    /// Whether the operator switched an alert off.
    pub fn is_off(&self, alert: &str) -> bool {
        self.off.contains(&alert)
    }

    /// The levels of a threshold; its defaults when it is not part of these limits.
    pub fn of(&self, threshold: &Threshold) -> Levels {
        self.levels.iter().find(|(key, _)| *key == threshold.key).map_or(threshold.default, |(_, levels)| *levels)
    }

    /// The level of a threshold at a severity, as PromQL writes it.
    pub fn level(&self, threshold: &Threshold, severity: Severity) -> String {
        number(self.of(threshold).at(severity).unwrap_or(f64::NAN))
    }

    /// The one value of a threshold that has no levels of its own (a floor, a window).
    pub fn value(&self, threshold: &Threshold) -> f64 {
        let levels = self.of(threshold);
        levels.warning.or(levels.critical).unwrap_or(f64::NAN)
    }
}

/// A number as PromQL writes it: whole ones exactly, fractions with at most twelve digits, so that what a factor times
/// a limit leaves behind the point is not taken for precision.
pub fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        return format!("{value}");
    }
    let rounded = format!("{value:.11e}").parse().unwrap_or(value);
    format!("{rounded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_times_limits_are_written_without_the_dust_of_floating_point() {
        assert_eq!(number(14.4 * 0.01), "0.144");
        assert_eq!(number(0.1 + 0.2), "0.3");
        assert_eq!((number(1.0 / 3.0), number(-0.005)), ("0.333333333333".to_owned(), "-0.005".to_owned()));
        assert_eq!(number(1_099_511_627_777.0), "1099511627777", "bytes stay exact");
        assert_eq!(number(f64::NAN), "NaN");
    }
}
