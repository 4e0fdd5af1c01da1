//! Which parts of a file messages may show. A password in the wrong place must not be repeated in a log. So only texts
//! that cannot be secrets are shown: names, short words, paths, and addresses without a login or a query.

/// Longer texts are not shown. In characters.
const LONGEST: usize = 80;

/// Returns the text when it is a name, which may be shown, else `None`.
pub fn word(text: &str) -> Option<&str> {
    let good = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    (!text.is_empty() && text.len() <= 63 && text.chars().all(good)).then_some(text)
}

/// Returns whether the value of a known key may be shown. A text with `@`, `?`, `=` or `&`, however they are written,
/// may contain a login or a token.
pub fn is_plain(text: &str) -> bool {
    let hidden = ["-----BEGIN", "Bearer ", "Basic ", "eyJ"];
    text.len() <= LONGEST
        && !text.chars().any(|c| c.is_control() || "@?=&".contains(c) || is_full_width(c))
        && !hidden.iter().any(|mark| text.contains(mark))
        && !has_encoded(text)
        && !text.split(|c: char| !c.is_ascii_alphanumeric()).any(is_random)
}

/// Returns whether a text is a path that may be shown where a secret's file is named. A user may write the secret
/// itself there, and keys in base64 have slashes too: only a path that begins as one is shown.
pub fn is_path(text: &str) -> bool {
    let in_base64 = |c: char| c.is_ascii_alphanumeric() || "+/".contains(c);
    ["/", "./", "../"].iter().any(|begin| text.starts_with(begin))
        && is_plain(text)
        && !text.split(|c: char| !in_base64(c)).any(is_random)
}

/// Forms of ASCII characters that some programs read as these.
fn is_full_width(c: char) -> bool {
    ('\u{ff01}'..='\u{ff5e}').contains(&c)
}

/// Returns whether a character is written as `%40`.
fn has_encoded(text: &str) -> bool {
    text.as_bytes().windows(3).any(|three| three[0] == b'%' && three[1..].iter().all(u8::is_ascii_hexdigit))
}

/// Returns whether a word without a separator is more likely a key than a name: long, and of letters of both cases and
/// digits, or hexadecimal.
fn is_random(word: &str) -> bool {
    let has = |what: fn(&u8) -> bool| word.as_bytes().iter().any(what);
    let mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    let hexadecimal = word.bytes().all(|byte| byte.is_ascii_hexdigit()) && has(u8::is_ascii_digit);
    (word.len() >= 20 && mixed) || (word.len() >= 32 && hexadecimal)
}

/// Returns the text for a message, or "this" when it may not be shown.
pub fn quote(text: &str) -> &str {
    if is_plain(text) { text } else { "this" }
}
