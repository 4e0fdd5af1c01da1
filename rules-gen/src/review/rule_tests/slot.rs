//! Where the value of a key stands in a file, so that another one can be put there.

use crate::lint::yaml::Node;
use serde_json::Value;
use std::ops::Range;

/// The bytes of a value, from behind its key or its anchor on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    pub bytes: Range<usize>,
    /// Whether the bytes begin with the colon behind the key.
    has_colon: bool,
}

impl Slot {
    /// The place of a key's value: of an alias the alias itself, of a value with an anchor what stands behind the anchor.
    /// Nothing where that is not behind the key, as with a comment between them.
    pub(super) fn of(key: &Node, value: &Node, text: &str) -> Option<Self> {
        let key_end = key.span.end;
        let behind = text.get(key_end..)?.trim_start().strip_prefix(':')?.trim_start();
        let start = text.len() - behind.len();
        let word = behind.find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}')).unwrap_or(behind.len());
        if behind.starts_with('*') {
            return Some(Self { bytes: key_end..start + word, has_colon: true });
        }
        let (from, has_colon) = if behind.starts_with('&') { (start + word, false) } else { (key_end, true) };
        let within = text.get(from..value.span.end)?;
        Some(Self { bytes: from..from + within.trim_end().len(), has_colon })
    }

    /// Puts a value there.
    pub(super) fn fill(&self, text: &mut String, value: &Value) {
        let colon = if self.has_colon { ":" } else { "" };
        text.replace_range(self.bytes.clone(), &format!("{colon} {value}"));
    }
}
