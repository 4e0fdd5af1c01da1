//! The reader of checklist.yaml: a description of its keys (`keys`), a check of a file's shape against the description
//! (`shape`), the values of a table (`table`), and the collected mistakes (`found`, `errors`).

mod errors;
pub(crate) mod found;
pub mod keys;
pub(crate) mod shape;
pub(crate) mod table;

pub use errors::ConfigErrors;
pub use found::ConfigError;
