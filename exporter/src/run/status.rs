//! What the process exposes about itself: its configuration, its shard and its part in the lease.

use super::shard::Shard;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// The state of the process, beside the states of its checks.
#[derive(Debug, Clone)]
pub struct ProcessStatus {
    /// When checklist.yaml was last loaded, Unix seconds.
    pub loaded_at: f64,
    /// Whether the last attempt to load it succeeded.
    pub successful: bool,
    /// The fingerprint of the rules that it generates.
    pub fingerprint: String,
    /// Which part of the checks is made here.
    pub shard: Shard,
    /// The part in the lease, if one is configured.
    pub lease: Option<LeaseStatus>,
    /// Who was not let in, and whether the web configuration holds.
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

/// How this process takes part in a lease.
#[derive(Debug, Clone, Default)]
pub struct LeaseStatus {
    /// Whether it holds the lease.
    pub held: bool,
    /// Times that it came to hold it.
    pub acquisitions: u64,
    /// Reads and writes of the lease that failed.
    pub failures: u64,
    /// When it last wrote it, Unix seconds.
    pub renewed: Option<f64>,
    /// Who holds it, as far as is known.
    pub holder: Option<String>,
}

/// Why somebody was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No login, or a wrong one.
    Unauthenticated,
    /// The login is good and may not do this.
    Forbidden,
    /// The Kubernetes API did not say.
    Undecided,
    /// Too many logins wait already.
    Busy,
}

impl Refused {
    /// Every reason, with its value of the label.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Unauthenticated, "unauthenticated"),
        (Self::Forbidden, "forbidden"),
        (Self::Undecided, "undecided"),
        (Self::Busy, "busy"),
    ];
}

/// What the server counts about those who ask, shared by all connections.
#[derive(Debug, Default)]
pub struct WebStatus {
    /// 0: no file; 1: the file is not in force, or asks for less than before; 2: it is in force.
    file: AtomicU8,
    refused: [AtomicU64; Refused::ALL.len()],
}

impl WebStatus {
    /// Whether the web configuration on the disk is in force and asks for no less than before.
    pub fn set_in_force(&self, good: bool) {
        self.file.store(1 + u8::from(good), Ordering::Relaxed);
    }

    /// The same; nothing without a file.
    pub fn in_force(&self) -> Option<bool> {
        match self.file.load(Ordering::Relaxed) {
            0 => None,
            state => Some(state == 2),
        }
    }

    /// One more was not let in.
    pub fn refuse(&self, why: Refused) {
        self.refused[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many were not let in, by reason.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refused::ALL.iter().map(|(why, word)| (*word, self.refused[*why as usize].load(Ordering::Relaxed)))
    }
}
