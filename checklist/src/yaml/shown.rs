//! What of a file may be shown in messages. A password in the wrong place must not be repeated in a log, so only what
//! cannot be one is shown: names, short words, paths and addresses without a login or a query.

/// Longer texts are not repeated.
const LONGEST: usize = 80;

/// A name as it may be shown; nothing for what is no name.
pub fn word(text: &str) -> Option<&str> {
    let good = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    (!text.is_empty() && text.len() <= 63 && text.chars().all(good)).then_some(text)
}

/// Whether the value of a known key may be shown. What stands around `@`, `?`, `=` and `&` may be a login or a token.
pub fn is_plain(text: &str) -> bool {
    let hidden = ["-----BEGIN", "Bearer ", "Basic ", "eyJ"];
    text.len() <= LONGEST
        && !text.chars().any(|c| c.is_control() || "@?=&".contains(c))
        && !hidden.iter().any(|mark| text.contains(mark))
}

/// A text for a message: itself, or "this" where it may not be shown.
pub fn quote(text: &str) -> &str {
    if is_plain(text) { text } else { "this" }
}
