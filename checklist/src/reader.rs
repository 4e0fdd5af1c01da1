//! The reader of checklist.yaml: a description of its keys (`keys`), a check of a file's shape against the description
//! (`shape`), the values of a table (`table`), and the collected mistakes (`found`, `mistakes`).

pub(crate) mod found;
pub mod keys;
mod mistakes;
pub(crate) mod shape;
pub(crate) mod table;

pub use found::ConfigError;
pub use mistakes::ConfigErrors;
