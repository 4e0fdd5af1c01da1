//! The lints on rules, each in the module of its subject.

pub mod context;
mod logic;
mod lost;
mod matchers;
mod migration;
mod policy;
mod series;
mod versions;

use super::report::{Level, Report};
use super::rule_file::Rule;
use context::Context;

/// Every lint on one rule.
pub fn check(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    report.enter(rule.scope.clone());
    report.about(Some(rule.name.value.clone()));
    if let Some(ast) = &rule.ast {
        series::check(rule, ast, context, report);
        logic::check(rule, ast, context, report);
        matchers::check(rule, ast, report);
        lost::check(rule, ast, report);
        migration::check(rule, ast, context, report);
    }
    versions::check(rule, context, report);
    policy::check(rule, rule.ast.as_ref(), context, report);
}

/// Names of metrics that fail promlint's rules.
pub fn metric_names<'a>(names: impl Iterator<Item = (&'a str, bool)>, report: &mut Report<'_>) {
    const UNITS: [(&str, &str); 10] = [
        ("milliseconds", "seconds"),
        ("microseconds", "seconds"),
        ("minutes", "seconds"),
        ("hours", "seconds"),
        ("days", "seconds"),
        ("kilobytes", "bytes"),
        ("megabytes", "bytes"),
        ("kibibytes", "bytes"),
        ("percentage", "ratio"),
        ("fahrenheit", "celsius"),
    ];
    for (name, counter) in names {
        let say = |message: String, fix: &str, report: &mut Report<'_>| {
            report.about(Some(name.to_owned()));
            report.line("RG060", Level::Warning, 1, message, fix);
        };
        if counter && !name.ends_with("_total") {
            say(format!("the counter {name} does not end in _total"), "rename it", report);
        }
        if name.contains(':') {
            say(format!("{name} has a colon, which is for recording rules"), "rename it", report);
        }
        if name.chars().any(|c| c.is_ascii_uppercase()) {
            say(format!("{name} is written in camelCase"), "use snake_case", report);
        }
        if let Some((unit, base)) = UNITS.iter().find(|(unit, _)| name.split('_').any(|part| part == *unit)) {
            say(format!("{name} is in {unit}"), &format!("use the base unit {base}"), report);
        }
    }
}
