//! RG080: the labels and annotations that a policy requires, allows or forbids.

use super::paths::Paths;
use crate::lint::place::Text;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use std::path::Path;

/// The requirements for the alerts in some paths.
#[derive(Debug, Clone, Default)]
pub(super) struct Policy {
    pub paths: Paths,
    pub labels: Names,
    pub annotations: Names,
}

/// The requirements for labels, or for annotations.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Names that every alert must have.
    pub required: Vec<String>,
    /// Names that no rule may have.
    pub forbidden: Vec<String>,
    /// The allowed values of some names.
    pub values: Vec<(String, Vec<String>)>,
}

impl Policy {
    /// Reports what a rule violates. `by` is the path of the file with the policy.
    pub(super) fn check(&self, rule: &Rule, path: &Path, by: &str, report: &mut Report<'_>) {
        if self.paths.matches(path) {
            self.labels.check(("label", &rule.labels), rule, by, report);
            self.annotations.check(("annotation", &rule.annotations), rule, by, report);
        }
    }
}

impl Names {
    fn check(&self, (what, there): (&str, &[(String, Text)]), rule: &Rule, by: &str, report: &mut Report<'_>) {
        let found = |name: &str| there.iter().find(|(known, _)| known == name).map(|(_, text)| text);
        let mut say = |at: &Text, message: String| {
            report.at("RG080", Level::Error, at, message, &format!("the policy stands in {by}"));
        };
        for name in self.required.iter().filter(|_| rule.alerts) {
            match found(name) {
                None => say(&rule.name, format!("the {what} {name} is missing")),
                Some(text) if text.value.trim().is_empty() => say(text, format!("the {what} {name} is empty")),
                Some(_) => {}
            }
        }
        for name in &self.forbidden {
            if let Some(text) = found(name) {
                say(text, format!("no rule here has the {what} {name}"));
            }
        }
        for (name, allowed) in &self.values {
            if let Some(text) = found(name).filter(|text| !allowed.contains(&text.value)) {
                say(text, format!("the {what} {name} is one of {}, not {}", allowed.join(", "), text.value));
            }
        }
    }
}
