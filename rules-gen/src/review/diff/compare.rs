//! Compares two sets of rules by meaning, so that formatting and order make no difference.

use crate::promql::duration::prometheus_duration;
use crate::promql::normalised;
use crate::review::rule_set::{Kind, ListedRule};
use crate::server::Labels;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A field of a rule that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The name of the field: `expr`, `for`, `labels.severity` and so on.
    pub field: String,
    /// The deployed value. `None` when the deployed rule lacks the field.
    pub deployed: Option<String>,
    /// The generated value. `None` when the generated rule lacks the field.
    pub generated: Option<String>,
}

/// The difference of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "difference", rename_all = "lowercase")]
pub enum Difference {
    /// The rule is generated and not deployed.
    Added(Named),
    /// The rule is deployed and not generated.
    Removed(Named),
    /// The rule is generated and deployed, and some fields differ.
    Changed {
        #[serde(flatten)]
        rule: Named,
        changes: Vec<Change>,
    },
}

/// What identifies a rule in the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    pub group: String,
    /// Whether the rule is an alert or a recording rule.
    pub kind: Kind,
    pub name: String,
    /// The labels that the rule sets.
    pub labels: Labels,
    pub expr: String,
}

impl Named {
    fn of(rule: &ListedRule) -> Self {
        Self {
            group: rule.group.clone(),
            kind: rule.kind,
            name: rule.name.clone(),
            labels: rule.labels.clone(),
            expr: rule.expr.clone(),
        }
    }
}

/// Returns the differences in order of group and name. `enforced` is the label that prometheus-operator adds to every
/// rule (`enforcedNamespaceLabel`); it does not count as a difference.
///
/// Several rules may have one name. They are paired in stages: first equal rules, then rules with the same labels, then
/// rules of the same severity, then the rest in their order.
pub fn compare(generated: &[ListedRule], deployed: &[ListedRule], enforced: &str) -> Vec<Difference> {
    /// The generated and the deployed rules of one name.
    type Sides<'a> = (Vec<&'a ListedRule>, Vec<&'a ListedRule>);
    let mut names: BTreeMap<(Kind, &str), Sides<'_>> = BTreeMap::new();
    for rule in generated {
        names.entry((rule.kind, &rule.name)).or_default().0.push(rule);
    }
    for rule in deployed {
        names.entry((rule.kind, &rule.name)).or_default().1.push(rule);
    }
    let mut differences: Vec<Difference> =
        names.into_values().flat_map(|(own, theirs)| of_name(own, theirs, enforced)).collect();
    differences.sort_by(|a, b| place(a).cmp(&place(b)));
    differences
}

fn place(difference: &Difference) -> (&str, &str) {
    match difference {
        Difference::Added(rule) | Difference::Removed(rule) | Difference::Changed { rule, .. } => {
            (&rule.group, &rule.name)
        }
    }
}

/// Returns the differences of the rules with one name.
fn of_name(mut own: Vec<&ListedRule>, mut theirs: Vec<&ListedRule>, enforced: &str) -> Vec<Difference> {
    type Alike<'a> = &'a dyn Fn(&ListedRule, &ListedRule) -> bool;
    let mut found = Vec::new();
    let stages: [Alike<'_>; 4] = [
        &|own, their| changes(own, their, enforced).is_empty(),
        &|own, their| own.labels == *seen_through(own, their, enforced).0,
        &|own, their| own.labels.get("severity") == their.labels.get("severity"),
        &|_, _| true,
    ];
    for (number, alike) in stages.into_iter().enumerate() {
        own.retain(|rule| {
            let Some(at) = theirs.iter().position(|their| alike(rule, their)) else { return true };
            let their = theirs.remove(at);
            let changes = changes(rule, their, enforced);
            if !changes.is_empty() {
                found.push(Difference::Changed { rule: Named::of(rule), changes });
            }
            // A rule that is deployed several times (by two objects, or two replicas) counts once.
            if number == 0 {
                theirs.retain(|other| !alike(rule, other));
            }
            false
        });
    }
    found.extend(own.into_iter().map(|rule| Difference::Added(Named::of(rule))));
    found.extend(theirs.into_iter().map(|rule| Difference::Removed(Named::of(rule))));
    found
}

/// Returns the deployed labels without the enforced label, and the value of the enforced label if it was removed.
fn seen_through<'a>(
    own: &ListedRule,
    their: &'a ListedRule,
    enforced: &str,
) -> (std::borrow::Cow<'a, Labels>, Option<&'a str>) {
    match their.labels.get(enforced) {
        Some(value) if !own.labels.contains_key(enforced) => {
            let mut labels = their.labels.clone();
            labels.remove(enforced);
            (std::borrow::Cow::Owned(labels), Some(value))
        }
        _ => (std::borrow::Cow::Borrowed(&their.labels), None),
    }
}

fn changes(own: &ListedRule, their: &ListedRule, enforced: &str) -> Vec<Change> {
    let (labels, value) = seen_through(own, their, enforced);
    let mut changes = Vec::new();
    let mut differ = |field: &str, deployed: Option<String>, generated: Option<String>| {
        if deployed != generated {
            changes.push(Change { field: field.to_owned(), deployed, generated });
        }
    };
    let given = value.map(|value| (enforced, value));
    differ("expr", Some(normalised(&their.expr, given)), Some(normalised(&own.expr, given)));
    differ("for", Some(prometheus_duration(their.pending)), Some(prometheus_duration(own.pending)));
    differ("keep_firing_for", Some(prometheus_duration(their.keep_firing)), Some(prometheus_duration(own.keep_firing)));
    differ("group", Some(their.group.clone()), Some(own.group.clone()));
    // A group without an interval takes that of the server, and the rules API returns it. Only two given intervals can
    // differ.
    if let (Some(deployed), Some(generated)) = (their.interval, own.interval) {
        differ("interval", Some(prometheus_duration(deployed)), Some(prometheus_duration(generated)));
    }
    for (kind, deployed, generated) in
        [("labels", &*labels, &own.labels), ("annotations", &their.annotations, &own.annotations)]
    {
        let keys: BTreeSet<&String> = deployed.keys().chain(generated.keys()).collect();
        for key in keys {
            differ(&format!("{kind}.{key}"), deployed.get(key).cloned(), generated.get(key).cloned());
        }
    }
    changes
}
