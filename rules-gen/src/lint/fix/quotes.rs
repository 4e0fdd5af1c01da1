//! Adds missing quotes to texts that are not valid YAML, such as `summary: {{ $labels.job }} is down`.

use crate::lint::helm::is_template;
use crate::lint::yaml::{self, Node};

/// Keys whose values are never texts.
const STRUCTURE: [&str; 7] = ["groups", "rules", "labels", "annotations", "spec", "metadata", "data"];

/// Parses a text. `None` if Prometheus' YAML reader would refuse it.
pub(super) fn read(text: &str) -> Option<Vec<Node>> {
    let (documents, malformed) = yaml::documents(text);
    (malformed.is_none() && !documents.iter().any(Node::has_key_that_is_no_text)).then_some(documents)
}

/// Returns the text with missing quotes added, and their number. `None` when the text is valid already, or is not valid
/// with quotes either.
pub(super) fn quote(text: &str) -> Option<(String, usize)> {
    if read(text).is_some() || !text.contains("groups") || is_template(text) {
        return None;
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut count = 0;
    let mut quoted = String::new();
    for (at, line) in lines.iter().enumerate() {
        let next = lines.get(at + 1..).and_then(|rest| rest.iter().find(|line| !line.trim().is_empty()));
        match quoted_line(line, next.copied().unwrap_or_default()) {
            Some(line) => {
                count += 1;
                quoted += &line;
            }
            None => quoted += line,
        }
    }
    (count > 0 && read(&quoted).is_some()).then_some((quoted, count))
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
