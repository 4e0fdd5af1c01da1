//! YAML files: a tree with places, what is wrong in our own words, the nearest known word, and what may be shown.

mod error;
mod hint;
mod place;
mod read;
mod shown;
mod tree;

pub use error::{Error, syntax};
pub use hint::hint;
pub use place::{Lines, Place};
pub use read::{parse, parse_all};
pub use shown::{is_plain, quote, word};
pub use tree::{Node, Tree, document};
