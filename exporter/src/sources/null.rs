//! Go writes an empty list, map or object as `null`.

use serde::{Deserialize, Deserializer};

/// A list, a map or an object; `null` is an empty one, as Go writes it.
pub fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(input: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(input)?.unwrap_or_default())
}
