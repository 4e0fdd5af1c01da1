//! How checklist.yaml is read: a description of its keys (`keys`), a check of its shape against it (`shape`), the
//! values of a table (`table`), and the mistakes of one run (`found`, `mistakes`).

pub(crate) mod found;
pub mod keys;
mod mistakes;
pub(crate) mod shape;
pub(crate) mod table;

pub use found::ConfigError;
pub use mistakes::ConfigErrors;
