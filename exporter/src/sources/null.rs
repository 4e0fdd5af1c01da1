//! JSON of programs in Go, which may write an empty list, map or object as `null`.

use serde::{Deserialize, Deserializer};

/// Deserializes a value, and `null` as the empty value.
pub fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(input: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(input)?.unwrap_or_default())
}
