//! Keys of a table of YAML, and those that Alertmanager does not know.

use anyhow::bail;
use checklist::yaml::hint;
use serde_json::{Map, Value};

/// The items under a key; none when there is no list.
pub(super) fn list<'a>(of: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    of.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// # Errors
/// The first key that is not known, with its place in words and a similar key.
pub(super) fn keys(of: &Map<String, Value>, known: &[&str], place: &str) -> anyhow::Result<()> {
    match of.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => bail!("{place}: unknown key {key}{}", hint(key, known)),
        None => Ok(()),
    }
}
