//! The status of the process that is exposed as metrics: its configuration, its shard, its lease and its HTTP clients.

use super::shard::Shard;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// The status of the process. The states of the checks are in [`crate::run::state::State`].
#[derive(Debug, Clone)]
pub struct ProcessStatus {
    /// When checklist.yaml was last loaded successfully, Unix seconds.
    pub loaded_at: f64,
    pub successful: bool,
    /// Fingerprint of the rules that checklist.yaml generates.
    pub fingerprint: String,
    pub shard: Shard,
    /// Status of the lease, if one is configured.
    pub lease: Option<LeaseStatus>,
    /// Counts of refused requests, and whether the web configuration is in force.
    pub web: Arc<WebStatus>,
}

impl Default for ProcessStatus {
    fn default() -> Self {
        Self {
            loaded_at: 0.0,
            successful: true,
            fingerprint: String::new(),
            shard: Shard::default(),
            lease: None,
            web: Arc::default(),
        }
    }
}

/// The status of a lease from the view of this process.
#[derive(Debug, Clone, Default)]
pub struct LeaseStatus {
    pub held: bool,
    /// How often this process has acquired the lease.
    pub acquisitions: u64,
    /// Number of failed reads and writes of the lease.
    pub failures: u64,
    /// When this process last wrote the lease, Unix seconds.
    pub renewed: Option<f64>,
    /// Identity of the holder, as far as is known.
    pub holder: Option<String>,
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Without a login, or with a wrong one.
    Unauthenticated,
    /// The login is valid but has no right to the path.
    Forbidden,
    /// The Kubernetes API could not be asked.
    Undecided,
    Overloaded,
}

impl Refused {
    /// Every reason with its label value.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Unauthenticated, "unauthenticated"),
        (Self::Forbidden, "forbidden"),
        (Self::Undecided, "undecided"),
        (Self::Overloaded, "busy"),
    ];
}

/// Counters of the HTTP server, shared by all connections.
#[derive(Debug, Default)]
pub struct WebStatus {
    /// 0: no web configuration file; 1: the file on the disk is not in force, or asks for less than the one before; 2:
    /// it is in force.
    file: AtomicU8,
    refused: [AtomicU64; Refused::ALL.len()],
}

impl WebStatus {
    /// Notes whether the web configuration on the disk is in force and asks for no less than the one before.
    pub fn set_in_force(&self, good: bool) {
        self.file.store(1 + u8::from(good), Ordering::Relaxed);
    }

    /// What [`WebStatus::set_in_force`] has noted; `None` without a file.
    pub fn in_force(&self) -> Option<bool> {
        match self.file.load(Ordering::Relaxed) {
            0 => None,
            state => Some(state == 2),
        }
    }

    /// Counts a refused request.
    pub fn refuse(&self, why: Refused) {
        self.refused[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of refused requests by reason.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refused::ALL.iter().map(|(why, word)| (*word, self.refused[*why as usize].load(Ordering::Relaxed)))
    }
}
