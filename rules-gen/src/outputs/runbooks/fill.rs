//! Fills the placeholders in the commands of a runbook with names from checklist.yaml.

use super::names::{Row, placeholders};

/// The largest number of targets for which a command is written.
pub(super) const SHOWN: usize = 5;

/// Returns the prose with its placeholders filled. If targets need different commands, the first one stays in the text
/// and the others follow below it.
pub(super) fn filled(prose: &str, families: &[Vec<Row>]) -> String {
    let known = placeholders();
    prose.lines().map(|text| line(text, &known, families) + "\n").collect()
}

fn line(text: &str, known: &[(String, String)], families: &[Vec<Row>]) -> String {
    let wanted: Vec<&(String, String)> = known.iter().filter(|(name, _)| text.contains(&braced(name))).collect();
    if wanted.is_empty() {
        return text.to_owned();
    }
    let knows = |row: &Row, name: &str| row.values.iter().any(|(known, value)| known == name && is_plain(value));
    // Prefers the rows of the signal's own targets, which may fill only some of the placeholders.
    let best = |rows: &&Vec<Row>| wanted.iter().any(|(name, _)| rows.first().is_some_and(|row| knows(row, name)));
    let mut rows: Vec<Row> = Vec::new();
    for row in families.iter().find(best).into_iter().flatten() {
        let named = wanted.iter().filter(|(name, _)| knows(row, name));
        let values =
            named.filter_map(|(name, _)| row.values.iter().find(|(known, _)| known == name).cloned()).collect();
        if !rows.iter().any(|known| known.values == values) {
            rows.push(Row { values, ..row.clone() });
        }
    }
    let Some((first, others)) = rows.split_first() else { return fill(text, known, &[]) };
    let mut filled = fill(text, known, &first.values);
    for row in others.iter().take(SHOWN - 1) {
        let commands = text.split('`').skip(1).step_by(2);
        let commands = commands.filter(|command| wanted.iter().any(|(name, _)| command.contains(&braced(name))));
        let commands: Vec<String> =
            commands.map(|command| format!("`{}`", fill(command, known, &row.values))).collect();
        filled += &format!("\n   - {}: {}", row.target, commands.join(", "));
    }
    if others.len() >= SHOWN {
        filled += &format!("\n   - and {} more", others.len() + 1 - SHOWN);
    }
    filled
}

fn braced(name: &str) -> String {
    format!("{{{name}}}")
}

/// Whether a value can be shown as inline code in Markdown.
fn is_plain(value: &str) -> bool {
    !value.contains(|c: char| c == '`' || c.is_control())
}

/// Replaces the placeholders in one pass, so that a value that looks like a placeholder is not replaced again.
fn fill(text: &str, known: &[(String, String)], values: &[(String, String)]) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        filled += before;
        let found = known.iter().find(|(name, _)| from.starts_with(&braced(name)));
        let Some((name, otherwise)) = found else {
            filled.push('{');
            rest = &from[1..];
            continue;
        };
        filled += values.iter().find(|(own, _)| own == name).map_or(otherwise, |(_, value)| value);
        rest = &from[name.len() + 2..];
    }
    filled + rest
}
