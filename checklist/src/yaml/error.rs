//! Parse errors of YAML files, with plain messages and places.

use super::hint::hint;
use super::place::Place;
use granit_parser::ErrorKind;
use serde_yaml::Error as ParserError;
use std::fmt;

/// Why a text cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The place. Line 0 when the place is unknown.
    pub place: Place,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Error {
    /// Writes `line:column: message`. Callers put the name of the file and a colon in front.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.place;
        if line > 0 {
            write!(f, "{line}:{column}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<ParserError> for Error {
    fn from(error: ParserError) -> Self {
        let number = |value: u64| usize::try_from(value).unwrap_or_default();
        let place = error.location().map(|at| Place { line: number(at.line()), column: number(at.column()) });
        Self { place: place.unwrap_or_default(), message: message(error.without_snippet()) }
    }
}

/// Returns a plain message for an error of serde-saphyr.
fn message(error: &ParserError) -> String {
    const TOO_MUCH: &str = "the aliases expand to too many nodes: an alias (*name) repeats what has aliases itself, or the \
                            file is too large; write values out, or make several files";
    match error {
        ParserError::MultipleDocuments { .. } => {
            "a second document begins here (---), but only one is read: remove it, or split the file".to_owned()
        }
        ParserError::Eof { .. } => "the file is empty".to_owned(),
        ParserError::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {key} is repeated in this mapping: remove one")
        }
        ParserError::DuplicateMappingKey { .. } => "a key is repeated in this mapping: remove one".to_owned(),
        ParserError::UnknownAnchor { .. } => {
            "this alias (*name) has no anchor: write &name before an earlier value".to_owned()
        }
        ParserError::Budget { .. }
        | ParserError::AliasReplayCounterOverflow { .. }
        | ParserError::AliasReplayLimitExceeded { .. }
        | ParserError::AliasExpansionLimitExceeded { .. }
        | ParserError::AliasReplayStackDepthExceeded { .. } => TOO_MUCH.to_owned(),
        ParserError::AliasError { error, .. } => message(error.without_snippet()),
        ParserError::Unexpected { expected, .. } => {
            let expected = match *expected {
                "sequence start" => "a list",
                "mapping start" => "a mapping",
                other => other,
            };
            format!("expected {expected}, found something else")
        }
        ParserError::SerdeUnknownField { field, expected, .. } => {
            let hint = hint(field, expected);
            format!("unknown field {field}{hint}; known fields: {}", expected.join(", "))
        }
        ParserError::SerdeMissingField { field, .. } => format!("the field {field} is missing"),
        ParserError::SerdeInvalidType { unexpected, expected, .. }
        | ParserError::SerdeInvalidValue { unexpected, expected, .. } => {
            format!("expected {expected}, found {unexpected}")
        }
        other => {
            let output = other.to_string();
            let output = output.split(" at line ").next().unwrap_or_default();
            match output {
                output if output.contains("recursion limit") => "the file is nested too deep: flatten it".to_owned(),
                output if output.starts_with("tabs disallowed") => "a tab in the indentation: use spaces".to_owned(),
                output => format!("invalid YAML: {output}"),
            }
        }
    }
}

/// Returns a plain message for an error of the parser. The message contains at most one character of the file, so no
/// secrets.
pub fn syntax(error: &granit_parser::ScanError) -> String {
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => "the file is nested too deep: flatten it".to_owned(),
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation => {
            "a tab in the indentation: use spaces".to_owned()
        }
        ErrorKind::UnknownAnchor => "this alias (*name) has no anchor: write &name before an earlier value".to_owned(),
        kind => format!("invalid YAML: {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read only to be refused")]
    struct Suite {
        tests: Vec<String>,
    }

    fn wrong(text: &str) -> String {
        serde_yaml::from_str::<Suite>(text).map_or_else(|error| Error::from(error).to_string(), |_| String::new())
    }

    #[test]
    fn yaml_errors_have_a_position_and_no_parser_jargon() {
        let bomb: String = std::iter::once("tests: [*a]\na0: &a0 [x, x, x, x, x, x, x, x, x]\n".replace("[*a]", "[]"))
            .chain((1..12).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", "))))
            .collect();
        let config = |text: &str| {
            crate::Config::parse("c.yaml", text)
                .map_or_else(|mistakes| mistakes.list[0].message.clone(), |_| String::new())
        };
        for (output, words) in [
            (wrong("tests: []\n---\ntests: []\n"), "3:1: a second document begins here (---)"),
            (wrong("tests: []\ntests: []\n"), "2:1: the key tests is repeated"),
            (wrong("tests: [*a]\n"), "1:9: this alias (*name) has no anchor"),
            (wrong("test: []\n"), "1:1: unknown field test (did you mean tests?); known fields: tests"),
            (wrong("tests: 5\n"), "1:8: expected a list"),
            (wrong("{}\n"), "the field tests is missing"),
            (wrong("tests:\n\t- a\n"), "2:"),
            (wrong("tests: [\n"), "invalid YAML: unclosed bracket '['"),
            (config(&bomb), "expand to too many nodes"),
            (config(&"[".repeat(3000)), "nested too deep"),
        ] {
            assert!(output.contains(words), "{words} is not in {output}");
            for foreign in ["from_str", "DuplicateKeyPolicy", "budget", "Nodes", " at line "] {
                assert!(!output.contains(foreign), "{output}");
            }
        }
    }
}
