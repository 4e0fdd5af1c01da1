//! The JSON body of a health page, read as leniently as `curl | jq` does.

use encoding_rs::{Encoding, UTF_8};
use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// Maximum number of characters of a value that a message repeats.
const MAX_SHOWN: usize = 60;

/// Depth of nesting from which values are not kept. `serde_json` gives up at 128.
const DEEPEST: usize = 100;

/// The body of a page.
pub(super) struct Body {
    pub(super) value: Value,
    /// The places of keys that an object of the body has twice. Readers disagree about which of the values counts.
    twice: BTreeSet<Vec<String>>,
}

impl Body {
    /// Returns a key on the way to a field that the body has twice.
    pub(super) fn twice(&self, keys: &[String]) -> Option<String> {
        (1..=keys.len()).find(|length| self.twice.contains(&keys[..*length])).map(|length| keys[length - 1].clone())
    }
}

/// Parses a body as JSON. Returns `None` if it is not JSON. Accepts a byte order mark, the character set of the content
/// type, and what `jq` accepts beyond the standard.
pub(super) fn parse(body: &[u8], content_type: Option<&str>) -> Option<Body> {
    let parameters = content_type.unwrap_or_default().split(';').filter_map(|part| part.split_once('='));
    let charset = parameters.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let charset = charset.and_then(|(_, label)| Encoding::for_label(label.trim().trim_matches('"').as_bytes()));
    let (text, ..) = charset.unwrap_or(UTF_8).decode(body);
    let read = |text: &str| {
        let mut twice = BTreeSet::new();
        Twice { at: &mut Vec::new(), twice: &mut twice }
            .deserialize(&mut serde_json::Deserializer::from_str(text))
            .ok()?;
        Some(Body { value: serde_json::from_str(text).ok()?, twice })
    };
    read(&text).or_else(|| read(&plain(&text)))
}

/// Replaces by `null` what `jq` reads and `serde_json` does not: the numbers `NaN` and `Infinity`, which Python's
/// `json` module writes, numbers beyond the range of a double, and what is nested too deeply.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let (mut rest, mut within, mut depth) = (text, false, 0_usize);
    while let Some(c) = rest.chars().next() {
        let of_number = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let length = match c {
            '\\' if within => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            'I' | 'N' | '-' | '0'..='9' if !within => rest.find(|c: char| !of_number(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, behind) = rest.split_at(length);
        rest = behind;
        within ^= token == "\"";
        let deeper = !within && matches!(token, "[" | "{");
        depth += usize::from(deeper);
        let no_number = token.parse::<f64>().is_ok_and(|number| !number.is_finite());
        if depth < DEEPEST {
            plain.push_str(if no_number { "null" } else { token });
        } else if depth == DEEPEST && deeper {
            plain.push_str("null");
        }
        if !within && matches!(token, "]" | "}") {
            depth = depth.saturating_sub(1);
        }
    }
    plain
}

/// Collects the places of keys that an object has twice.
struct Twice<'a> {
    /// The keys and indexes that lead to this value.
    at: &'a mut Vec<String>,
    twice: &'a mut BTreeSet<Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for Twice<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Twice<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        for index in 0_usize.. {
            self.at.push(index.to_string());
            let next = list.next_element_seed(Twice { at: self.at, twice: self.twice })?;
            self.at.pop();
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut known = BTreeSet::new();
        while let Some(key) = fields.next_key::<String>()? {
            self.at.push(key.clone());
            if !known.insert(key) {
                self.twice.insert(self.at.clone());
            }
            fields.next_value_seed(Twice { at: self.at, twice: self.twice })?;
            self.at.pop();
        }
        Ok(())
    }
}

/// Returns the value at a path and the keys that lead to it, or the keys only if there is no value. Dots descend into
/// objects, and with an index into arrays: `checks.0.status`, or in the notation of jq `checks[0]["status"]`. Keys that
/// contain dots or brackets are found too.
pub(super) fn field<'a>(value: &'a Value, path: &str) -> (Option<&'a Value>, Vec<String>) {
    let split =
        |path: &str| -> Vec<String> { path.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect() };
    let (dots, brackets) = (split(path), split(&path.replace('[', ".").replace([']', '"'], "")));
    let found = descend(value, &dots).or_else(|| descend(value, &brackets));
    found.map_or((None, brackets), |(found, mut keys)| {
        keys.reverse();
        (Some(found), keys)
    })
}

/// Returns the value that the parts lead to, and the keys, last one first.
fn descend<'a>(value: &'a Value, parts: &[String]) -> Option<(&'a Value, Vec<String>)> {
    let Some((first, rest)) = parts.split_first() else { return Some((value, Vec::new())) };
    let (found, mut keys, key) = match value {
        Value::Array(list) => {
            let index: usize = first.parse().ok()?;
            let (found, keys) = descend(list.get(index)?, rest)?;
            (found, keys, index.to_string())
        }
        // The longest key is tried first, so that a key with dots is preferred over nested objects.
        Value::Object(fields) => (1..=parts.len()).rev().find_map(|length| {
            let (key, rest) = parts.split_at(length);
            let key = key.join(".");
            let (found, keys) = descend(fields.get(&key)?, rest)?;
            Some((found, keys, key))
        })?,
        _ => return None,
    };
    keys.push(key);
    Some((found, keys))
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
        // YAML also writes `True` and `TRUE`.
        Value::Bool(flag) => expected.eq_ignore_ascii_case(if *flag { "true" } else { "false" }),
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
