//! YAML parsed into Rust types. Comments are switched off, because the parser attaches them to list items and keys and
//! fails when there are many. Where any type is accepted, `.nan` and `.inf` are texts, because JSON has no such numbers;
//! rule tests expect them.

use super::error::Error;
use serde::Deserialize;
use serde_yaml::{NonFiniteFloatPolicy, Options};

/// Parses the only document of a text.
///
/// # Errors
/// A plain message with its place.
pub fn parse<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Error> {
    serde_yaml::from_str_with_options(text, options()).map_err(Error::from)
}

/// Parses every document of a text.
///
/// # Errors
/// As [`parse`].
pub fn parse_all<'de, T: Deserialize<'de>>(text: &'de str) -> Result<Vec<T>, Error> {
    serde_yaml::from_multiple_with_options(text, options()).map_err(Error::from)
}

fn options() -> Options {
    serde_yaml::options! { emit_comments: false, non_finite_float_policy: NonFiniteFloatPolicy::AsString }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_comments_is_accepted() {
        let comments = "  # c\n".repeat(500);
        let text = format!("{comments}---\n{comments}a:\n{comments}- b\n{comments}- c\n---\n{comments}");
        let all: Vec<Option<std::collections::BTreeMap<String, Vec<String>>>> = parse_all(&text).unwrap();
        let found: Vec<_> = all.into_iter().flatten().collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["a"], ["b", "c"]);
        assert!(parse::<Vec<String>>(&format!("{comments}- a\n{comments}- b\n")).is_ok());
    }
}
