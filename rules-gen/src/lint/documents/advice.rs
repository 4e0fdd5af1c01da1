//! Suggests what to change where a file is not valid YAML.

/// Parts of the YAML parser's messages, and the advice for each.
const ADVICE: [(&str, &str); 9] = [
    (
        "mapping values are not allowed",
        "a text with a colon and a space needs quotes; else the line is indented too far",
    ),
    ("did not find expected key", "check the indentation of this line, and the quotes of the text before it"),
    ("simple key expected", "a key has a colon and a space behind it; a text that goes on is indented deeper"),
    ("unexpected character", "a text that begins so needs quotes"),
    ("trailing content after", "a quote ends the text: double it within single quotes, write \\\" within double ones"),
    ("unknown escape", "use single quotes, or double the backslash"),
    ("block sequence entries are not allowed", "a text that begins with a dash and a space needs quotes"),
    ("mapping keys are not allowed", "a text that begins with ? and a space needs quotes"),
    ("this alias (*name)", "a text that begins with * needs quotes"),
];

/// Returns the advice for a message about a line. Empty without advice.
pub(super) fn advice(message: &str, line: &str) -> &'static str {
    let value = line.split_once(": ").map_or(line, |(_, value)| value).trim_start();
    if value.starts_with("{{") {
        return "{{ without quotes begins a table: put the text in quotes, or in a block (|-)";
    }
    ADVICE.iter().find(|(part, _)| message.contains(part)).map_or("", |(_, advice)| advice)
}
