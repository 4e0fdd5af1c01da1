//! A JSON body as people's tools read it: `curl | jq`.

use serde_json::Value;

/// How many characters of a value a message repeats.
const MAX_SHOWN: usize = 60;

/// The JSON of a body, if it is any: with a byte order mark or without, in UTF-8 or in what the server says, with the
/// words for numbers that Python writes.
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

/// `NaN`, `Infinity` and `-Infinity` outside texts become `null`, which is as little of a number.
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

/// What a path leads to: dots descend into objects and, with a number, into lists (`checks.0.status`, or as jq writes
/// it `checks[0].status`). A key that has dots itself is found too.
pub(super) fn field<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let path = path.replace('[', ".").replace(']', "");
    let parts: Vec<&str> = path.split('.').filter(|part| !part.is_empty()).collect();
    descend(value, &parts)
}

fn descend<'a>(value: &'a Value, parts: &[&str]) -> Option<&'a Value> {
    let Some((first, rest)) = parts.split_first() else { return Some(value) };
    match value {
        Value::Array(list) => descend(list.get(first.parse::<usize>().ok()?)?, rest),
        // The longest key first, so that a key with dots is one.
        Value::Object(fields) => (1..=parts.len()).rev().find_map(|length| {
            let (key, rest) = parts.split_at(length);
            descend(fields.get(&key.join("."))?, rest)
        }),
        _ => None,
    }
}

/// The text of a plain value.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a value is as expected: the same text, the same number however it is written, or the same list or object.
pub(super) fn is(value: &Value, expected: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    match value {
        Value::String(text) => text == expected,
        Value::Number(found) => {
            let written = found.to_string();
            // Beyond 2^53 two numbers may look the same as floats.
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

/// A value for people: not the whole of a long one.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    let short: String = text.chars().take(MAX_SHOWN).collect();
    if short.len() < text.len() { format!("{short}…") } else { text }
}
