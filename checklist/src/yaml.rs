//! YAML files: a tree with places, what is wrong in our own words, and the nearest known word.

mod error;
mod hint;
mod place;
pub(crate) mod tree;

pub use error::Error;
pub use hint::hint;
pub use place::Place;
