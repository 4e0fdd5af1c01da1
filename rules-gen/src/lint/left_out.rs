//! Files in which nothing was linted, and the reasons. If nothing of what the user named was linted, the run fails.

use std::collections::BTreeMap;
use std::fmt;

/// The largest number of files that the notes list one by one.
const FEW: usize = 5;

/// A file in which nothing was linted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    pub file: String,
    /// Whether the user named the file; otherwise it was found in a folder or by a pattern.
    pub named: bool,
    pub why: Why,
}

/// The reason why nothing in a file was linted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The file is empty or has only comments.
    Empty,
    /// `groups:` has no list.
    NoGroups,
    /// The file is a Helm template, which is not YAML.
    Helm,
    /// Alert rules that Grafana itself evaluates.
    Grafana,
    /// Kubernetes objects of kinds that are not linted.
    Kinds(String),
    /// An object of a kind that can contain rules or dashboards, but contains none.
    Contains(String),
    /// The file belongs to another program.
    Foreign,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty"),
            Self::NoGroups => f.write_str("groups has no entries"),
            Self::Helm => f.write_str("this is a Helm template, not YAML; lint the output of helm template"),
            Self::Grafana => f.write_str("Grafana-managed alert rules are not linted"),
            Self::Kinds(kinds) => write!(f, "objects of kind {kinds} are not linted"),
            Self::Contains(kind) => write!(f, "the {kind} contains no rules and no dashboard"),
            Self::Foreign => f.write_str("the file contains no rules, rule tests or dashboard, and no configuration of Alertmanager, Prometheus or its web server"),
        }
    }
}

impl Why {
    /// Returns the words for several such files.
    const fn together(&self) -> &'static str {
        match self {
            Self::Empty | Self::NoGroups => "empty",
            Self::Helm => "Helm templates",
            Self::Grafana => "Grafana-managed alert rules",
            Self::Kinds(_) | Self::Contains(_) => "objects of other kinds",
            Self::Foreign => "other files",
        }
    }
}

/// Returns the notes about files that were found and left out: each file, or only the numbers when there are many.
pub(super) fn notes(all: &[LeftOut]) -> Vec<String> {
    let found: Vec<&LeftOut> = all.iter().filter(|one| !one.named).collect();
    if found.len() <= FEW {
        return found.iter().map(|one| format!("{}: {}", one.file, one.why)).collect();
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in &found {
        *counts.entry(one.why.together()).or_default() += 1;
    }
    let counts: Vec<String> = counts.into_iter().map(|(what, count)| format!("{what}: {count}")).collect();
    vec![format!("{} files contain nothing to lint and were skipped ({})", found.len(), counts.join(", "))]
}
