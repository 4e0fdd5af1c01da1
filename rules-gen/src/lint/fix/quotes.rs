//! Adds missing quotes to texts that are not valid YAML, such as `summary: {{ $labels.job }} is down`.

use crate::lint::helm::is_template;
use crate::lint::place::Place;
use crate::lint::yaml::{self, Node};

/// Keys whose values are never texts.
const STRUCTURE: [&str; 7] = ["groups", "rules", "labels", "annotations", "spec", "metadata", "data"];

/// The most lines that get quotes. Each costs a parse of the file.
const MOST: usize = 200;
/// How many lines before its own a mistake may be noticed.
const BEFORE: usize = 3;

/// Parses a text. `None` if Prometheus' YAML reader would refuse it.
pub(super) fn read(text: &str) -> Option<Vec<Node>> {
    let (documents, malformed) = yaml::documents(text);
    (malformed.is_none() && documents.iter().all(|node| node.key_that_is_no_text().is_none())).then_some(documents)
}

/// Returns the text with missing quotes added, and their number. `None` when the text is valid already, or is not valid
/// with quotes either.
///
/// Only a line at which the parser stops is changed, or one of the few lines before it, and only if the parser gets
/// further then. So blocks and texts that are valid stay as they are.
pub(super) fn quote(text: &str) -> Option<(String, usize)> {
    let mut mistake = first_mistake(text)?;
    if !text.contains("groups") || is_template(text) {
        return None;
    }
    let mut lines: Vec<String> = text.split_inclusive('\n').map(ToOwned::to_owned).collect();
    for count in 1..=MOST {
        let (changed, next) = step(&lines, mistake)?;
        lines = changed;
        match next {
            Some(place) => mistake = place,
            None => return Some((lines.concat(), count)),
        }
    }
    None
}

/// Adds quotes to one line so that the parser gets further. Returns the lines and the place of the next mistake.
fn step(lines: &[String], mistake: Place) -> Option<(Vec<String>, Option<Place>)> {
    let last = mistake.line.min(lines.len());
    (last.saturating_sub(BEFORE)..last).rev().find_map(|at| {
        let next = lines[at + 1..].iter().find(|line| !line.trim().is_empty()).map_or("", String::as_str);
        let mut changed = lines.to_vec();
        changed[at] = quoted_line(&lines[at], next)?;
        let next = first_mistake(&changed.concat());
        next.is_none_or(|place| place > mistake).then_some((changed, next))
    })
}

/// Returns the place at which Prometheus' YAML reader refuses a text.
fn first_mistake(text: &str) -> Option<Place> {
    let (documents, malformed) = yaml::documents(text);
    let key = documents.iter().find_map(Node::key_that_is_no_text).map(|key| key.place);
    key.into_iter().chain(malformed.map(|error| error.place)).min()
}

/// Returns a line with its value in quotes. `None` when the value needs no quotes, or continues on the next line.
fn quoted_line(line: &str, next: &str) -> Option<String> {
    let content = line.trim_end();
    let front = content.len() - content.trim_start_matches([' ', '-']).len();
    let (key, value) = content[front..].split_once(": ")?;
    let value = value.trim_start();
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if key.is_empty() || !key.chars().all(name) || STRUCTURE.contains(&key) || value.contains(" #") {
        return None;
    }
    let begins = value.starts_with("{{") || value.starts_with(['%', '@', '`', '*', '&', '!']);
    let selector = key == "expr" && value.starts_with('{');
    let table = !value.starts_with(['\'', '"', '|', '>', '{', '[']) && (value.contains(": ") || value.ends_with(':'));
    // The next line is indented deeper, so the value continues there.
    let indent = next.len() - next.trim_start_matches([' ', '-']).len();
    if !(begins || selector || table) || (!next.trim().is_empty() && indent > front) {
        return None;
    }
    let ending = &line[content.len()..];
    Some(format!("{}{key}: '{}'{ending}", &content[..front], value.replace('\'', "''")))
}
