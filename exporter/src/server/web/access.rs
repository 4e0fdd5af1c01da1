//! The result of an authorization, and the keys under which results are cached.

use sha2::{Digest, Sha256};

/// The authorization of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The request is answered.
    Granted,
    /// The request has no credentials, or wrong ones: 401.
    Unauthenticated,
    /// The user is known and has no right to the path: 403.
    Forbidden,
    /// The decision could not be made: 503.
    Undecided,
    /// The request was not examined because too many wait already: 429.
    Overloaded,
}

/// Returns the cache key of three texts. Their lengths are hashed too, so that different triples never give the same
/// bytes.
pub(super) fn digest(parts: [&str; 3]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}
