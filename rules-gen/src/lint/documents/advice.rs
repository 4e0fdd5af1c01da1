//! Suggests what to change where a file is not valid YAML.

/// Parts of the YAML parser's messages, and the advice for each.
const ADVICE: [(&str, &str); 9] = [
    (
        "mapping values are not allowed",
        "put a value with a colon and a space in quotes, or reduce the indentation of the line",
    ),
    ("did not find expected key", "check the indentation of this line, and the quotes of the value before it"),
    ("simple key expected", "put a colon and a space after a key; indent the continuation of a value"),
    ("unexpected character", "put a value that begins with this character in quotes"),
    (
        "trailing content after",
        "the quote ends the value: double it inside single quotes, write \\\" inside double quotes",
    ),
    ("unknown escape", "use single quotes, or double the backslash"),
    ("block sequence entries are not allowed", "put a value that begins with a dash and a space in quotes"),
    ("mapping keys are not allowed", "put a value that begins with ? and a space in quotes"),
    ("this alias (*name)", "put a value that begins with * in quotes"),
];

/// Returns the advice for a message about a line. Empty without advice.
pub(super) fn advice(message: &str, line: &str) -> &'static str {
    let value = line.split_once(": ").map_or(line, |(_, value)| value).trim_start();
    if value.starts_with("{{") {
        return "{{ without quotes begins a mapping: put the value in quotes or in a block (|-)";
    }
    ADVICE.iter().find(|(part, _)| message.contains(part)).map_or("", |(_, advice)| advice)
}
