//! Which parts of a file messages may show. A password in the wrong place must not be repeated in a log. So only texts
//! that cannot be secrets are shown: names, short words, paths, and addresses without a login or a query.

/// Longer texts are not shown. In characters.
const LONGEST: usize = 80;

/// Returns the text when it is a name, which may be shown, else `None`.
pub fn word(text: &str) -> Option<&str> {
    let good = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    (!text.is_empty() && text.len() <= 63 && text.chars().all(good)).then_some(text)
}

/// Returns whether the value of a known key may be shown. A text with `@`, `?`, `=` or `&` may contain a login or a
/// token.
pub fn is_plain(text: &str) -> bool {
    let hidden = ["-----BEGIN", "Bearer ", "Basic ", "eyJ"];
    text.len() <= LONGEST
        && !text.chars().any(|c| c.is_control() || "@?=&".contains(c))
        && !hidden.iter().any(|mark| text.contains(mark))
}

/// Returns the text for a message, or "this" when it may not be shown.
pub fn quote(text: &str) -> &str {
    if is_plain(text) { text } else { "this" }
}
