//! The threshold levels that apply to a scope of targets, and how PromQL writes them.

use super::threshold::{Levels, Severity, Threshold};

/// The levels that apply to a scope, and the alerts that are switched off in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Limits {
    levels: Vec<(&'static str, Levels)>,
    off: Vec<&'static str>,
}

impl Limits {
    /// Takes the default levels of the thresholds, replaced by what the operator set (`moved`).
    pub fn new(thresholds: &[&'static Threshold], moved: impl Fn(&str) -> Option<Levels>) -> Self {
        Self {
            levels: thresholds.iter().map(|t| (t.key, moved(t.key).unwrap_or(t.default))).collect(),
            off: Vec::new(),
        }
    }

    /// Adds the alerts that the operator switched off.
    #[must_use]
    pub fn without(self, off: Vec<&'static str>) -> Self {
        Self { off, ..self }
    }

    /// Returns whether the operator switched the alert off.
    pub fn is_off(&self, alert: &str) -> bool {
        self.off.contains(&alert)
    }

    /// Returns the levels of a threshold, or its defaults when it is not part of these limits.
    pub fn of(&self, threshold: &Threshold) -> Levels {
        self.levels.iter().find(|(key, _)| *key == threshold.key).map_or(threshold.default, |(_, levels)| *levels)
    }

    /// Returns the level of a threshold at a severity as PromQL writes it. `NaN`, which no value is beyond, when the
    /// level is not set.
    pub fn level(&self, threshold: &Threshold, severity: Severity) -> String {
        number(self.of(threshold).at(severity).unwrap_or(f64::NAN))
    }

    /// Returns the single value of a threshold that has no levels (a floor, a window).
    pub fn value(&self, threshold: &Threshold) -> f64 {
        let levels = self.of(threshold);
        levels.warning.or(levels.critical).unwrap_or(f64::NAN)
    }
}

/// Writes a number for PromQL: whole numbers exactly, fractions with at most twelve digits. This drops the rounding
/// errors of a factor times a limit.
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
    fn products_of_factors_and_limits_are_printed_without_rounding_errors() {
        assert_eq!(number(14.4 * 0.01), "0.144");
        assert_eq!(number(0.1 + 0.2), "0.3");
        assert_eq!((number(1.0 / 3.0), number(-0.005)), ("0.333333333333".to_owned(), "-0.005".to_owned()));
        assert_eq!(number(1_099_511_627_777.0), "1099511627777", "bytes stay exact");
        assert_eq!(number(f64::NAN), "NaN");
    }
}
