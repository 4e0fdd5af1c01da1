//! The place of a key's value in a file, where a mutant puts another value.

use crate::lint::yaml::Node;
use serde_json::Value;
use std::ops::Range;

/// The bytes of a value, beginning after its key or its anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    pub bytes: Range<usize>,
    /// Whether the bytes begin with the colon after the key.
    has_colon: bool,
}

impl Slot {
    /// Returns the place of a key's value. For an alias it is the alias itself; for a value with an anchor, the part
    /// after the anchor. `None` when something else is between key and value, such as a comment.
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

    /// Replaces the value.
    pub(super) fn fill(&self, text: &mut String, value: &Value) {
        let colon = if self.has_colon { ":" } else { "" };
        text.replace_range(self.bytes.clone(), &format!("{colon} {value}"));
    }
}
