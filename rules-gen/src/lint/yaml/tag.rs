//! The tags of scalars (`!!int 5`), as the YAML reader of Prometheus (yaml.v3) takes them.

use crate::lint::number;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use granit_parser::Tag;
use std::borrow::Cow;

/// The namespace of the tags that begin with `!!`.
const CORE: &str = "tag:yaml.org,2002:";

/// Returns the value of a scalar with a tag, and whether it may mean null, a number or a merge key, as a scalar without
/// quotes may. Tags of other namespaces (`!secret`) are ignored.
///
/// # Errors
/// When the text is not of the type that the tag names.
pub(super) fn read<'a>(tag: &Tag, text: Cow<'a, str>) -> Result<(Cow<'a, str>, bool), String> {
    let Some(name) = tag.suffix_in_namespace(CORE) else { return Ok((text, false)) };
    let is_of_type = match &*name {
        "binary" => return binary(&text).map(|text| (text.into(), false)),
        "timestamp" => is_date(&text),
        "null" => matches!(&*text, "" | "~" | "null" | "Null" | "NULL"),
        "bool" => matches!(&*text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE"),
        "int" => number::is_integer(&text),
        "float" => number::is_integer(&text) || number::is_float(&text),
        "merge" => {
            let merges = text == "<<";
            return Ok((text, merges));
        }
        _ => return Ok((text, false)),
    };
    if !is_of_type {
        return Err(format!("{text:?} is not of the type !!{name}"));
    }
    Ok((text, matches!(&*name, "null" | "int" | "float")))
}

/// Whether a text begins like a date with a year of four digits.
fn is_date(text: &str) -> bool {
    text.as_bytes()
        .split_first_chunk()
        .is_some_and(|(year, rest): (&[u8; 4], _)| year.iter().all(u8::is_ascii_digit) && rest.starts_with(b"-"))
}

/// Decodes Base64. Line breaks are ignored.
fn binary(text: &str) -> Result<String, String> {
    let packed = text.replace(['\r', '\n'], "");
    let bytes = STANDARD.decode(packed).map_err(|_| "the value of !!binary is not valid Base64".to_owned())?;
    String::from_utf8(bytes).map_err(|_| "the value of !!binary is not valid UTF-8".to_owned())
}
