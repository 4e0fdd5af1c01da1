//! The generated tests pass with every limit and every value of `for` that the reader accepts.

use checklist::condition::threshold::{Direction, Levels};
use checklist::{Config, Threshold, Unit};
use rules_gen::cli::test;
use rules_gen::rules::{self, unit_tests};
use rules_gen::terminal::Progress;
use std::fmt::Write as _;
use std::path::Path;

const EXAMPLE: &str = include_str!("../../examples/checklist.yaml");

/// Generates the rules of a configuration and runs each rule's test with that rule alone. The test files per signal
/// have the same cases, but evaluate every rule of the signal in each, which takes longer.
fn passes(text: &str) {
    let config = Config::parse("checklist.yaml", text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let tests = unit_tests::all(&rules::groups(&config)).unwrap_or_else(|error| panic!("{error:#}"));
    let outcome = test::run(&tests, Path::new("promtool"), false, &Progress::silent());
    let outcome = outcome.unwrap_or_else(|error| panic!("promtool is needed (make test installs it): {error:#}"));
    assert!(outcome.failed.is_empty(), "{:#?}", outcome.failed);
    assert!(outcome.tests > 100 && outcome.uncovered.is_empty(), "{:#?}", outcome.uncovered);
}

/// Returns the example with these levels instead of its own.
fn with(levels: impl Fn(&'static Threshold) -> Levels) -> String {
    let mut text = String::from("thresholds:\n");
    let all = checklist::SIGNALS.iter().flat_map(|signal| signal.thresholds);
    for threshold in all {
        let levels = levels(threshold);
        let shown = |value: f64| match threshold.unit {
            Unit::Bytes | Unit::Count => format!("{value}"),
            Unit::Ratio => format!("{}%", value * 100.0),
            Unit::Seconds => format!("{}ms", value * 1000.0),
        };
        let level = |name: &str, value: Option<f64>| format!("{name}: {}", value.map_or("none".to_owned(), shown));
        let _ = writeln!(
            text,
            "  {}: {{{}, {}}}",
            threshold.key,
            level("warning", levels.warning),
            level("critical", levels.critical)
        );
    }
    let (before, rest) = EXAMPLE.split_once("thresholds:\n").unwrap_or_default();
    let (_, after) = rest.split_once("alerting:\n").unwrap_or_default();
    format!("{before}{text}alerting:\n{after}")
}

/// Returns the levels that the threshold has, at a value and slightly beyond it.
fn near(threshold: &Threshold, value: f64, little: f64) -> Levels {
    let beyond = if threshold.direction == Direction::Above { value + little } else { value - little };
    match (threshold.default.warning, threshold.default.critical) {
        (Some(_), Some(_)) => {
            let (low, high) = (value.min(beyond), value.max(beyond));
            // Shifted, so that no level is below the smallest that is allowed.
            let shift = (threshold.within().0 - low).max(0.0);
            let (first, second) = (low + shift, high + shift);
            match threshold.direction {
                Direction::Above => Levels { warning: Some(first), critical: Some(second) },
                Direction::Below => Levels { warning: Some(second), critical: Some(first) },
            }
        }
        (None, Some(_)) => Levels { warning: None, critical: Some(value) },
        _ => Levels { warning: Some(value), critical: None },
    }
}

#[test]
fn rule_tests_pass_with_the_smallest_limits() {
    passes(&with(|threshold| {
        let little = if threshold.unit == Unit::Ratio { 0.01 } else { 60.0 };
        near(threshold, threshold.within().0, little)
    }));
}

#[test]
fn rule_tests_pass_with_large_limits() {
    passes(&with(|threshold| {
        let (least, most) = threshold.within();
        match threshold.unit {
            _ if most.is_finite() => near(threshold, least + 0.9 * (most - least), 0.01 * most),
            Unit::Ratio => near(threshold, 0.99, 0.005),
            Unit::Count => near(threshold, 1e6, 1e5),
            Unit::Bytes => near(threshold, 1e15, 1e14),
            Unit::Seconds => near(threshold, 400.0 * 86_400.0, 86_400.0),
        }
    }));
}

#[test]
fn rule_tests_pass_with_long_pending_durations() {
    let alerts = checklist::SIGNALS.iter().flat_map(|signal| signal.alerts);
    let wait = |alert: &checklist::Alert| if alert.when.needs_history() { "12h" } else { "5d" };
    let waits = alerts.map(|alert| (alert.name, wait(alert)));
    let mut alerts = String::from("  alerts:\n");
    for (name, wait) in waits.chain(checklist::config::META_ALERTS.map(|name| (name, "5d"))) {
        let _ = writeln!(alerts, "    {name}: {{for: {wait}}}");
    }
    passes(&format!("{}\n{alerts}", EXAMPLE.trim_end()));
}
