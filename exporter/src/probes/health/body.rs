//! The JSON body of a health page, read as leniently as `curl | jq` does.

use serde_json::Value;

/// Maximum number of characters of a value that a message repeats.
const MAX_SHOWN: usize = 60;

/// Parses a body as JSON. Returns `None` if it is not JSON. Accepts a byte order mark, Latin-1 if the content type says
/// so, and the words `NaN` and `Infinity`, which Python's `json` module writes.
pub(super) fn parse(body: &[u8], content_type: Option<&str>) -> Option<Value> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
    let latin = ["charset=iso-8859-1", "charset=latin1", "charset=windows-1252", "charset=\"iso-8859-1\""];
    let text = if latin.iter().any(|charset| content_type.contains(charset)) {
        body.iter().map(|byte| char::from(*byte)).collect()
    } else {
        String::from_utf8_lossy(body).into_owned()
    };
    serde_json::from_str(&text).ok().or_else(|| serde_json::from_str(&without_words(&text)).ok())
}

/// Replaces the words `NaN`, `Infinity` and `-Infinity` outside of strings by `null`, because JSON has no such numbers.
fn without_words(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let (mut rest, mut within) = (text, false);
    while let Some(c) = rest.chars().next() {
        let word = ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| !within && rest.starts_with(word));
        let taken = match (word, c) {
            (Some(word), _) => {
                plain.push_str("null");
                word.len()
            }
            (None, '\\') if within => {
                let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
                plain.push_str(&rest[..=escaped]);
                1 + escaped
            }
            (None, c) => {
                within ^= c == '"';
                plain.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    plain
}

/// Returns the value at a path. Dots descend into objects, and with an index into arrays: `checks.0.status`, or in the
/// notation of jq `checks[0].status`. Keys that contain dots are found too.
pub(super) fn field<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let path = path.replace('[', ".").replace(']', "");
    let parts: Vec<&str> = path.split('.').filter(|part| !part.is_empty()).collect();
    descend(value, &parts)
}

fn descend<'a>(value: &'a Value, parts: &[&str]) -> Option<&'a Value> {
    let Some((first, rest)) = parts.split_first() else { return Some(value) };
    match value {
        Value::Array(list) => descend(list.get(first.parse::<usize>().ok()?)?, rest),
        // The longest key is tried first, so that a key with dots is preferred over nested objects.
        Value::Object(fields) => (1..=parts.len()).rev().find_map(|length| {
            let (key, rest) = parts.split_at(length);
            descend(fields.get(&key.join("."))?, rest)
        }),
        _ => None,
    }
}

/// Returns a string, boolean or number as text, and `None` for every other value.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a value equals the expectation: the same text, the same number in any notation, or an equal array or object.
pub(super) fn is(value: &Value, expected: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    match value {
        Value::String(text) => text == expected,
        Value::Number(found) => {
            let written = found.to_string();
            // Integers are compared exactly, because above 2^53 different integers can have the same `f64`.
            let exact = |text: &str| text.parse::<i128>().ok();
            match (exact(&written), exact(expected)) {
                (Some(found), Some(expected)) => found == expected,
                _ => number(&written).is_some_and(|found| number(expected) == Some(found)),
            }
        }
        Value::Bool(flag) => expected == if *flag { "true" } else { "false" },
        Value::Null => expected == "null",
        Value::Array(_) | Value::Object(_) => {
            serde_json::from_str::<Value>(expected).is_ok_and(|expected| expected == *value)
        }
    }
}

/// Returns a value as JSON text for messages, cut after [`MAX_SHOWN`] characters.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    let short: String = text.chars().take(MAX_SHOWN).collect();
    if short.len() < text.len() { format!("{short}…") } else { text }
}
