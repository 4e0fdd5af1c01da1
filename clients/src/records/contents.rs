//! What a place of records holds, whether a folder or a bucket.

/// The most bytes that are read: ten years of some dozen tasks are below a megabyte.
pub(super) const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The contents of a place.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Names and texts of the files or objects with records.
    pub(super) texts: Vec<(String, String)>,
    /// Names of files and objects that are no records, with the reason.
    pub(super) foreign: Vec<(String, String)>,
}
