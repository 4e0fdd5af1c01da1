//! An object as a listing describes it.

/// One object of a listing.
#[derive(Debug, Clone)]
pub struct Object {
    pub key: String,
    pub bytes: u64,
    /// The time of the last modification in Unix seconds.
    pub modified: f64,
}
