//! The contents of a place of records, which is a directory or a bucket.

use crate::failure::Failure;

/// The limit in bytes of all records together. Ten years of some dozen tasks are below a megabyte.
pub(super) const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// What was found in a place of records.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// The files or objects with records: name, and text or the reason why it cannot be read.
    pub(super) texts: Vec<(String, Result<String, Failure>)>,
    /// The files or objects that are not records: name and reason.
    pub(super) foreign: Vec<(String, String)>,
}
