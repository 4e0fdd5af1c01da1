//! Differences for people and for programs.

use super::compare::{Change, Difference, Named};
use crate::known::Kind;
use crate::terminal::{Colour, paint};
use serde_json::json;
use std::fmt::Write as _;

/// A line per rule and per field, minus for what is deployed, plus for what is generated.
pub(super) fn text(differences: &[Difference], generated: usize, colours: bool) -> String {
    if differences.is_empty() {
        return format!("{generated} rules, no difference\n");
    }
    let mut text = String::new();
    let mut group = "";
    for difference in differences {
        let (Difference::Added(rule) | Difference::Removed(rule) | Difference::Changed { rule, .. }) = difference;
        if rule.group != group {
            group = &rule.group;
            text += &paint(&format!("group {group}\n"), Colour::Grey, colours);
        }
        match difference {
            Difference::Added(rule) => {
                text += &paint(&format!("+ {}\n    expr: {}\n", title(rule), rule.expr), Colour::Green, colours);
            }
            Difference::Removed(rule) => {
                text += &paint(&format!("- {}\n    expr: {}\n", title(rule), rule.expr), Colour::Red, colours);
            }
            Difference::Changed { rule, changes } => {
                text += &paint(&format!("~ {}\n", title(rule)), Colour::Yellow, colours);
                text.extend(changes.iter().map(|change| field(change, colours)));
            }
        }
    }
    let (added, removed, changed) = count(differences);
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{added} to add, {removed} to remove, {changed} to change, {} the same",
        generated.saturating_sub(added + changed)
    );
    text
}

fn title(rule: &Named) -> String {
    let kind = match rule.kind {
        Kind::Alert => "alert",
        Kind::Record => "record",
    };
    let severity = rule.labels.get("severity").map(|severity| format!(" ({severity})")).unwrap_or_default();
    format!("{kind} {}{severity}", rule.name)
}

fn field(change: &Change, colours: bool) -> String {
    let line = |sign: &str, value: &Option<String>, colour| {
        let value = value.as_ref().map(|value| value.replace('\n', "\n        "));
        value.map(|value| paint(&format!("    {sign} {}: {value}\n", change.field), colour, colours))
    };
    let lines = [line("-", &change.deployed, Colour::Red), line("+", &change.generated, Colour::Green)];
    lines.into_iter().flatten().collect()
}

/// One object with everything.
pub(super) fn json(differences: &[Difference], generated: usize) -> anyhow::Result<String> {
    let (added, removed, changed) = count(differences);
    let whole = json!({
        "generated": generated, "added": added, "removed": removed, "changed": changed,
        "differences": differences,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&whole)?))
}

fn count(differences: &[Difference]) -> (usize, usize, usize) {
    let of = |is: fn(&Difference) -> bool| differences.iter().filter(|difference| is(difference)).count();
    (
        of(|one| matches!(one, Difference::Added(_))),
        of(|one| matches!(one, Difference::Removed(_))),
        of(|one| matches!(one, Difference::Changed { .. })),
    )
}
