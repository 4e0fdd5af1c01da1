//! YAML files: a tree with places, parse errors with plain messages, similar words for hints, and what messages may
//! show.

mod error;
mod hint;
mod place;
mod read;
mod redaction;
mod tree;

pub use error::{Error, syntax};
pub use hint::hint;
pub use place::{Lines, Place};
pub use read::{parse, parse_all};
pub use redaction::{is_path, is_plain, quote, word};
pub use tree::{Node, Tree, document};
