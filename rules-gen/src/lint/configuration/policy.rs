//! RG080: the labels and annotations that a policy requires, allows or forbids, the names of rules, and the labels that
//! servers add.

use super::paths::Paths;
use super::queries::Queries;
use super::violation::violation;
use crate::lint::place::Text;
use crate::lint::report::Report;
use crate::lint::rule_file::Rule;
use checklist::yaml::hint;
use regex::Regex;
use std::path::Path;
use std::sync::LazyLock;

/// The requirements for the alerts in some paths.
#[derive(Debug, Clone, Default)]
pub(super) struct Policy {
    pub paths: Paths,
    pub labels: Names,
    pub annotations: Names,
    /// The patterns that names of rules must match.
    pub rules: RuleNames,
    pub queries: Queries,
    /// The shortest and longest `for` of an alert: the spelling and the seconds.
    pub least_for: Option<(String, f64)>,
    pub most_for: Option<(String, f64)>,
    /// The external labels of the servers. `None` when the policy does not list them.
    pub external_labels: Option<Vec<String>>,
}

/// Patterns for the names of rules. They must match the whole name.
#[derive(Debug, Clone, Default)]
pub(super) struct RuleNames {
    pub alerts: Option<Regex>,
    pub records: Option<Regex>,
    pub forbidden: Vec<Regex>,
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
            self.rules.check(rule, by, report);
            self.external(rule, by, report);
            self.pending(rule, by, report);
            if let Some(ast) = &rule.ast {
                self.queries.check(&rule.expr, ast, by, report);
            }
        }
    }

    /// Reports an alert that waits too short or too long.
    fn pending(&self, rule: &Rule, by: &str, report: &mut Report<'_>) {
        let short = self.least_for.as_ref().filter(|(_, least)| rule.alerts && rule.pending < *least);
        let long = self.most_for.as_ref().filter(|(_, most)| rule.alerts && rule.pending > *most);
        if let Some((least, _)) = short {
            violation(report, &rule.name, format!("for is shorter than {least}"), by);
        } else if let Some((most, _)) = long {
            violation(report, &rule.name, format!("for is longer than {most}"), by);
        }
    }

    /// Reports rule labels that have the name of an external label, and templates that use an external label that the
    /// servers lack.
    fn external(&self, rule: &Rule, by: &str, report: &mut Report<'_>) {
        let Some(external) = &self.external_labels else { return };
        for (name, text) in rule.labels.iter().filter(|(name, _)| external.contains(name)) {
            violation(report, text, format!("the label {name} is an external label, which the servers set"), by);
        }
        for (_, text) in rule.labels.iter().chain(&rule.annotations) {
            let used = EXTERNAL.captures_iter(&text.value).filter_map(|found| found.get(1));
            for name in used.map(|name| name.as_str()).filter(|name| !external.iter().any(|known| known == name)) {
                violation(
                    report,
                    text,
                    format!(
                        "{name} is not an external label of the servers{}",
                        hint(name, &external.iter().map(String::as_str).collect::<Vec<_>>())
                    ),
                    by,
                );
            }
        }
    }
}

/// A reference to an external label in a template.
static EXTERNAL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[$.][eE]xternalLabels\.(\w+)").unwrap_or_else(|error| panic!("{error}")));

impl RuleNames {
    fn check(&self, rule: &Rule, by: &str, report: &mut Report<'_>) {
        let name = &rule.name;
        let (what, wanted) =
            if rule.alerts { ("an alert", &self.alerts) } else { ("a recorded metric", &self.records) };
        if let Some(pattern) = wanted.as_ref().filter(|pattern| !pattern.is_match(&name.value)) {
            violation(report, name, format!("the name of {what} must match {}", shown(pattern)), by);
        }
        if let Some(pattern) = self.forbidden.iter().find(|pattern| pattern.is_match(&name.value)) {
            violation(report, name, format!("the name matches the forbidden pattern {}", shown(pattern)), by);
        }
    }
}

/// Returns a pattern that must match the whole name.
pub(super) fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

fn shown(pattern: &Regex) -> &str {
    let text = pattern.as_str();
    text.strip_prefix("^(?:").and_then(|text| text.strip_suffix(")$")).unwrap_or(text)
}

impl Names {
    fn check(&self, (what, there): (&str, &[(String, Text)]), rule: &Rule, by: &str, report: &mut Report<'_>) {
        let found = |name: &str| there.iter().find(|(known, _)| known == name).map(|(_, text)| text);
        let mut violation = |at: &Text, message: String| violation(report, at, message, by);
        for name in self.required.iter().filter(|_| rule.alerts) {
            match found(name) {
                None => violation(&rule.name, format!("the {what} {name} is missing")),
                Some(text) if text.value.trim().is_empty() => violation(text, format!("the {what} {name} is empty")),
                Some(_) => {}
            }
        }
        for name in &self.forbidden {
            if let Some(text) = found(name) {
                violation(text, format!("the {what} {name} is forbidden here"));
            }
        }
        for (name, allowed) in &self.values {
            if let Some(text) = found(name).filter(|text| !allowed.contains(&text.value)) {
                violation(text, format!("the {what} {name} must be one of {}, not {}", allowed.join(", "), text.value));
            }
        }
    }
}
