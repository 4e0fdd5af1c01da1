//! Reads rule files and `PrometheusRule` objects like Prometheus (its package `model/rulefmt`). What Prometheus refuses
//! is an error.

mod fields;
mod group;
mod rule;

pub use fields::{keys, metric_name, seconds};
pub use group::{Group, is_key_of_group};
pub use rule::{Origin, Rule};

use super::flavour::Flavour;
use super::report::{Level, Report};
use super::yaml::Node;
use fields::{keys_of, list};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Top-level keys that only some servers have.
const OF_FILES: [(&str, Flavour); 1] = [("namespace", Flavour::Mimir)];
/// The largest object in bytes that prometheus-operator accepts: half of what a Secret may hold.
const MAX_OBJECT: usize = 524_288;

/// Reads the rules below `root`, which is a rule file or the `spec` of an object.
pub fn read(root: &Node, object: bool, report: &mut Report<'_>) -> Vec<Rule> {
    let mut rules = Vec::new();
    keys_of(root, &["groups"], if object { &[] } else { &OF_FILES }, report);
    if object && root.span.len() > MAX_OBJECT {
        let message =
            format!("the object has {} bytes, but the operator refuses more than {MAX_OBJECT}", root.span.len());
        report.add("RG003", Level::Error, root, message, "split the groups into several objects");
    }
    let Some(groups) = root.get("groups") else { return rules };
    let origin = match (object, root.get("namespace")) {
        (true, _) => Origin::Object,
        (false, Some(_)) => Origin::Namespace,
        (false, None) => Origin::PlainFile,
    };
    let mut names = BTreeSet::new();
    for node in list(groups, "groups", report) {
        let Some(group) = group::read(node, object, &mut names, report).map(Arc::new) else { continue };
        let Some(of_group) = node.get("rules") else { continue };
        for node in list(of_group, "rules", report) {
            rules.extend(rule::read(node, &group, origin, report));
        }
    }
    rules
}
