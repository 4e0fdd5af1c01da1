//! Whether a request may be answered, and the key under which such a decision is cached.

use sha2::{Digest, Sha256};

/// The decision about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It is answered.
    Granted,
    /// It has no credentials, or wrong ones: 401.
    Unauthenticated,
    /// Its user is known and has no right: 403.
    Forbidden,
    /// The decision could not be made: 503.
    Undecided,
    /// Nobody decided, because too many wait for it: 429.
    Busy,
}

/// The key of three texts. Their lengths are part of it, so that no two triples have the same bytes.
pub(super) fn digest(parts: [&str; 3]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}
