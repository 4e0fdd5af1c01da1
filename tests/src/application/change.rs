//! What tests change in the application and in its cluster.

/// A change of the application, or of the exporter's access to the cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// Number of ready pods of the deployment `orchestrator`, which wants three.
    ReadyPods(usize),
    /// Number of pods that the stateful set `postgres` wants. One can become ready.
    WantedDatabasePods(u32),
    /// Number of restarts of a container of the deployment.
    Restarts(u32),
    /// A new pod instead of the one whose container restarted.
    NewPod,
    /// Whether the autoscaler wants more replicas than its maximum.
    AutoscalerAtMax(bool),
    /// Whether a volume claim waits for its volume.
    ClaimPending(bool),
    /// Number of days since the secret `jwt-secret` was rotated.
    SecretAge(i64),
    /// Memory that the pods use, as a share of their limit, 0 to 1.
    MemoryUse(f64),
    /// Used share of the database's volume, 0 to 1.
    DiskUse(f64),
    /// Whether the pods write audit lines. The newest is 270 seconds old: half a minute less than the shortest silence
    /// that the check can report, so that a test does not wait long for it.
    AuditLines(bool),
    /// The exporter loses all rights: every request is refused with status 403, and every watch ends.
    RightsRevoked,
    /// The exporter does not reach the API server.
    Unreachable,
}
