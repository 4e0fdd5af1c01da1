//! What the process exposes about itself: its configuration, its shard and its part in the lease.

use super::shard::Shard;

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
}

impl Default for ProcessStatus {
    fn default() -> Self {
        Self { loaded_at: 0.0, successful: true, fingerprint: String::new(), shard: Shard::default(), lease: None }
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
