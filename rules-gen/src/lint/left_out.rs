//! Files in which nothing was judged, and why: a run that saw nothing of what was named is never green.

use std::collections::BTreeMap;
use std::fmt;

/// Files of others that are named one by one in the notes.
const FEW: usize = 5;

/// A file in which nothing was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The file's name.
    pub file: String,
    /// Whether the user named it, or it was found in a folder.
    pub named: bool,
    /// Why.
    pub why: Why,
}

/// Why nothing of a file was judged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It holds nothing, or comments only.
    Empty,
    /// `groups:` without a list.
    NoGroups,
    /// It is a Helm template, not YAML.
    Helm,
    /// Alert rules as Grafana itself evaluates them.
    Grafana,
    /// Objects of kinds that hold nothing of ours.
    Kinds(String),
    /// An object of a kind that can hold rules or dashboards.
    Holds(String),
    /// Anything else.
    Foreign,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is nothing in it"),
            Self::NoGroups => f.write_str("there is nothing below groups"),
            Self::Helm => f.write_str("it is a Helm template, not YAML; lint what helm template gives"),
            Self::Grafana => f.write_str("these are alert rules of Grafana itself, which are not linted"),
            Self::Kinds(kinds) => write!(f, "objects of kind {kinds} are not linted"),
            Self::Holds(kind) => write!(f, "the {kind} holds no rules and no dashboard"),
            Self::Foreign => f.write_str("it holds no rules, rule tests or dashboard, and no configuration of Alertmanager, Prometheus or a web server"),
        }
    }
}

impl Why {
    /// What many such files are called together.
    const fn together(&self) -> &'static str {
        match self {
            Self::Empty | Self::NoGroups => "empty",
            Self::Helm => "Helm templates",
            Self::Grafana => "alert rules of Grafana itself",
            Self::Kinds(_) | Self::Holds(_) => "objects of other kinds",
            Self::Foreign => "other files",
        }
    }
}

/// What is said of files that were found in folders and left out: each when they are few, else how many of what.
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
    vec![format!("{} files have nothing to judge and were left out ({})", found.len(), counts.join(", "))]
}
