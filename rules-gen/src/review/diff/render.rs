//! Writes differences as text for people and as JSON.

use super::compare::{Change, Difference, Named};
use crate::review::rule_set::Kind;
use crate::terminal::{Colour, Style};
use serde_json::json;
use std::fmt::Write as _;

/// Writes a line for each rule and each field: minus for the deployed value, plus for the generated value.
pub fn text(differences: &[Difference], generated: usize, style: Style) -> String {
    if differences.is_empty() {
        return format!("{generated} rules, no difference\n");
    }
    let mut text = String::new();
    let mut group = "";
    for difference in differences {
        let (Difference::Added(rule) | Difference::Removed(rule) | Difference::Changed { rule, .. }) = difference;
        if rule.group != group {
            group = &rule.group;
            text += &style.paint(Colour::Grey, &format!("group {group}\n"));
        }
        match difference {
            Difference::Added(rule) => {
                text += &style.paint(Colour::Green, &format!("+ {}\n    expr: {}\n", title(rule), rule.expr));
            }
            Difference::Removed(rule) => {
                text += &style.paint(Colour::Red, &format!("- {}\n    expr: {}\n", title(rule), rule.expr));
            }
            Difference::Changed { rule, changes } => {
                text += &style.paint(Colour::Yellow, &format!("~ {}\n", title(rule)));
                text.extend(changes.iter().map(|change| field(change, style)));
            }
        }
    }
    let (added, removed, changed) = count(differences);
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

fn field(change: &Change, style: Style) -> String {
    let line = |sign: &str, value: &Option<String>, colour| {
        let value = value.as_ref().map(|value| value.replace('\n', "\n        "));
        value.map(|value| style.paint(colour, &format!("    {sign} {}: {value}\n", change.field)))
    };
    let lines = [line("-", &change.deployed, Colour::Red), line("+", &change.generated, Colour::Green)];
    lines.into_iter().flatten().collect()
}

/// Writes all differences as one JSON object.
pub fn json(differences: &[Difference], generated: usize) -> anyhow::Result<String> {
    let (added, removed, changed) = count(differences);
    let whole = json!({
        "generated": generated, "added": added, "removed": removed, "changed": changed,
        "differences": differences,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&whole)?))
}

/// The numbers of added, removed and changed rules.
fn count(differences: &[Difference]) -> (usize, usize, usize) {
    let of = |is: fn(&Difference) -> bool| differences.iter().filter(|difference| is(difference)).count();
    (
        of(|one| matches!(one, Difference::Added(_))),
        of(|one| matches!(one, Difference::Removed(_))),
        of(|one| matches!(one, Difference::Changed { .. })),
    )
}
