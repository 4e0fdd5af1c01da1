//! An object as a listing names it.

/// One object.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last modified, Unix seconds.
    pub modified: f64,
}
