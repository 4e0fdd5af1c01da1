//! Values for people, with the digits that mean something.

use checklist::{Levels, Severity, Unit};
use std::collections::BTreeMap;

/// A value for people: `73.4%`, `12.3GiB`, `26h`, `1.25`.
pub fn human(unit: Unit, value: f64) -> String {
    if !value.is_finite() {
        return "no number".to_owned();
    }
    let rounded = match unit {
        Unit::Ratio => (value * 1e4).round() / 1e4,
        Unit::Seconds if value.abs() >= 3.0 * 86_400.0 => (value / 3_600.0).round() * 3_600.0,
        Unit::Seconds if value.abs() >= 3_600.0 => (value / 60.0).round() * 60.0,
        Unit::Seconds if value.abs() >= 10.0 => value.round(),
        Unit::Bytes => value.round(),
        Unit::Count if value.abs() >= 1e3 => value.round(),
        Unit::Count | Unit::Seconds => (value * 1e3).round() / 1e3,
    };
    // A minus before a zero says nothing.
    let rounded = if rounded == 0.0 { 0.0 } else { rounded };
    if unit == Unit::Bytes && rounded < 0.0 {
        return format!("-{}", unit.human(-rounded));
    }
    unit.human(rounded)
}

/// Twelve digits: what is left of a value after sums whose order Prometheus does not promise.
pub fn steady(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "an exponent of a double is below 400")]
    let digits = 12 - value.abs().log10().ceil() as i32;
    let factor = 10_f64.powi(digits);
    if factor.is_finite() && factor > 0.0 { (value * factor).round() / factor } else { value }
}

/// The word for a unit in JSON and CSV.
pub const fn unit_word(unit: Unit) -> &'static str {
    match unit {
        Unit::Bytes => "bytes",
        Unit::Count => "count",
        Unit::Ratio => "ratio",
        Unit::Seconds => "seconds",
    }
}

/// `warning 70%, critical 85%`; empty without levels.
pub fn limits(unit: Unit, levels: Levels) -> String {
    let levels: Vec<String> = [Severity::Warning, Severity::Critical]
        .into_iter()
        .filter_map(|severity| Some(format!("{severity} {}", human(unit, levels.at(severity)?))))
        .collect();
    levels.join(", ")
}

/// The labels that tell a series apart: `namespace=a pod=b`; what every series has is left out, and what its target says.
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
    // `backup=daily` says nothing new of the target daily.
    let target = labels.get("target");
    let rest = labels.iter().filter(|(name, value)| !EVERYWHERE.contains(&name.as_str()) && Some(*value) != target);
    rest.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_digits_that_mean_something() {
        assert_eq!(human(Unit::Ratio, 0.734_56), "73.46%");
        assert_eq!(human(Unit::Seconds, 93_784.0), "26h 3m");
        assert_eq!(human(Unit::Bytes, -2_147_483_648.0), "-2 GiB");
        assert_eq!(human(Unit::Count, -0.000_01), "0");
        assert_eq!(human(Unit::Count, f64::NAN), "no number");
        assert_eq!(human(Unit::Seconds, -93_784.0), "-26h 3m");
    }

    #[test]
    fn the_last_bits_of_a_sum_are_no_difference() {
        assert_eq!(steady(0.1 + 0.2).to_string(), "0.3");
        assert_eq!(steady(123_456_789_012.4).to_string(), "123456789012");
        assert_eq!(steady(f64::INFINITY).to_string(), "0");
        assert_eq!(steady(-1.5).to_string(), "-1.5");
    }
}
