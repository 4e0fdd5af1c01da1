//! Texts that several report formats share: units, limits and labels.

use checklist::{Levels, Severity, Unit};
use std::collections::BTreeMap;

/// Rounds to twelve significant digits. Prometheus adds floats in no fixed order, so later digits differ between equal
/// queries.
pub fn steady(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "an exponent of a double is below 400")]
    let digits = 12 - value.abs().log10().ceil() as i32;
    let factor = 10_f64.powi(digits);
    if factor.is_finite() && factor > 0.0 { (value * factor).round() / factor } else { value }
}

/// Returns the name of a unit in JSON and CSV.
pub const fn unit_word(unit: Unit) -> &'static str {
    match unit {
        Unit::Bytes => "bytes",
        Unit::Count => "count",
        Unit::Ratio => "ratio",
        Unit::Seconds => "seconds",
    }
}

/// Writes the levels: `warning 70%, critical 85%`. Empty without levels.
pub fn limits(unit: Unit, levels: Levels) -> String {
    let levels: Vec<String> = [Severity::Warning, Severity::Critical]
        .into_iter()
        .filter_map(|severity| Some(format!("{severity} {}", unit.human(levels.at(severity)?))))
        .collect();
    levels.join(", ")
}

/// Returns the labels that distinguish a series, as `namespace=a pod=b`. Labels that every series has are left out, and
/// those that repeat the target's name.
pub fn apart(labels: &BTreeMap<String, String>) -> String {
    const EVERYWHERE: [&str; 11] = [
        "__name__",
        "alertname",
        "alertstate",
        "cadence",
        "check",
        "instance",
        "job",
        "service",
        "severity",
        "target",
        "team",
    ];
    // On the target `daily`, the label `backup=daily` repeats the name.
    let target = labels.get("target");
    let rest = labels.iter().filter(|(name, value)| !EVERYWHERE.contains(&name.as_str()) && Some(*value) != target);
    rest.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_errors_of_a_sum_are_not_shown() {
        assert_eq!(steady(0.1 + 0.2).to_string(), "0.3");
        assert_eq!(steady(123_456_789_012.4).to_string(), "123456789012");
        assert_eq!(steady(f64::INFINITY).to_string(), "0");
        assert_eq!(steady(-1.5).to_string(), "-1.5");
    }
}
