//! The list of lints. Each has a file with its id, level, page, check and examples. Lints on rules, dashboards and
//! scrapes run from here. Findings of `Check::Reader` and `Check::Server` come from the code that reads files and
//! queries servers.

mod absent_function;
mod alert_duration;
mod alert_name;
mod alert_route;
mod alertname_label;
mod annotation_template;
mod annotations;
mod cadence_limit;
mod condition;
mod dashboard;
mod division;
mod dropped_label;
mod duplicate_rule;
mod feature_flag;
mod group_interval;
mod group_names;
mod impossible_limit;
mod invalid_test;
mod label_replace_pattern;
mod malformed_rule;
mod metric_name;
mod metric_type;
mod other_group;
mod policy;
pub(super) mod prometheus_3;
mod quantile;
mod regex_matcher;
mod retention;
mod runbook_link;
mod server_configuration;
mod server_version;
mod short_range;
mod suppression;
mod text_numbers;
mod timestamp_function;
mod unhealthy_rule;
mod unknown_metric;
mod unreadable;
mod unstable_result;
mod untested;
mod vector_matching;

use super::context::Context;
use super::dashboards::context::DashboardContext;
use super::definition::{Check, Lint};
use super::report::Report;
use super::rule_file::Rule;
use super::yaml::Node;
use serde_json::Value;

/// All lints, ordered by their ids.
pub static ALL: &[&Lint] = &[
    &unreadable::LINT,
    &malformed_rule::LINT,
    &group_names::LINT,
    &duplicate_rule::LINT,
    &server_version::LINT,
    &feature_flag::LINT,
    &prometheus_3::LINT,
    &server_configuration::LINT,
    &unknown_metric::LINT,
    &metric_type::LINT,
    &short_range::LINT,
    &retention::LINT,
    &quantile::LINT,
    &vector_matching::LINT,
    &division::LINT,
    &unstable_result::LINT,
    &condition::LINT,
    &alertname_label::LINT,
    &timestamp_function::LINT,
    &absent_function::LINT,
    &impossible_limit::LINT,
    &cadence_limit::LINT,
    &regex_matcher::LINT,
    &label_replace_pattern::LINT,
    &dropped_label::LINT,
    &other_group::LINT,
    &alert_name::LINT,
    &annotations::LINT,
    &annotation_template::LINT,
    &runbook_link::LINT,
    &alert_duration::LINT,
    &group_interval::LINT,
    &alert_route::LINT,
    &text_numbers::LINT,
    &untested::LINT,
    &invalid_test::LINT,
    &dashboard::LINT,
    &metric_name::LINT,
    &unhealthy_rule::LINT,
    &policy::LINT,
    &suppression::LINT,
];

/// Returns the id of a lint, whatever the case of the letters.
pub fn id(text: &str) -> Option<&'static str> {
    ALL.iter().map(|lint| lint.id).find(|id| id.eq_ignore_ascii_case(text))
}

/// Runs every lint on a rule.
pub(super) fn rule(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    report.enter(rule.scope.clone());
    report.about(Some(rule.name.value.clone()));
    for lint in ALL {
        match (&lint.check, &rule.ast) {
            (Check::Rule(check), _) => check(rule, context, report),
            (Check::Expr(check), Some(ast)) => check(rule, ast, context, report),
            _ => {}
        }
    }
}

/// Runs the lints on each rule, and those that look at the rules of a file together. `own` are the rules that are not
/// linted in another file.
pub(super) fn rules(rules: &[Rule], own: &[&Rule], context: &Context<'_>, report: &mut Report<'_>) {
    for one in own {
        rule(one, context, report);
    }
    for lint in ALL {
        match lint.check {
            Check::Rules(check) => check(rules, context, report),
            Check::OwnRules(check) => check(own, context, report),
            _ => {}
        }
    }
}

/// Runs every lint on a rule test.
pub(super) fn test(test: &Node, context: &Context<'_>, report: &mut Report<'_>) {
    for lint in ALL {
        if let Check::Test(check) = lint.check {
            check(test, context, report);
        }
    }
}

/// Runs every lint on a dashboard.
pub(super) fn dashboard(model: &Value, context: &DashboardContext<'_>, report: &mut Report<'_>) {
    for lint in ALL {
        if let Check::Dashboard(check) = lint.check {
            check(model, context, report);
        }
    }
}

/// Runs every lint on the text of a scrape.
pub fn scrape(text: &str, report: &mut Report<'_>) {
    for lint in ALL {
        if let Check::Scrape(check) = lint.check {
            check(text, report);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_in_checks_is_in_the_list_of_lints() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lint/checks");
        let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        for file in &files {
            let name = file.file_stem().unwrap().to_str().unwrap();
            assert!(include_str!("checks.rs").contains(&format!("    &{name}::LINT,\n")), "{name} is not in ALL");
        }
        assert_eq!(files.len(), ALL.len());
        assert!(ALL.windows(2).all(|pair| pair[0].id < pair[1].id), "in order of their ids, each once");
    }
}
