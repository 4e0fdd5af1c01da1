//! The series that every check exposes from the start, whatever it watches.
//!
//! Three layers of truth: `checklist_probe_success` says "I could look", `checklist_check_seen` and
//! `checklist_check_unseen` say at what, and `checklist_check_passed` says "what I saw meets the threshold".

use crate::metric::Metric;
use std::fmt;

/// Whether the last run of the check could be made.
pub static PROBE_SUCCESS: Metric = Metric::gauge(
    "checklist_probe_success",
    "Whether the last run of the check could look at its target (1) or not (0).",
    &[],
);
/// Whether what the last successful run saw meets every threshold.
pub static CHECK_PASSED: Metric = Metric::gauge(
    "checklist_check_passed",
    "Whether the last run saw all that it must and all of it meets every threshold (1), or something does not (0), absent while nobody can tell.",
    &[],
);
/// When the last run ended.
pub static LAST_RUN: Metric = Metric::gauge(
    "checklist_probe_last_run_timestamp_seconds",
    "Unix time at which the last run of the check ended.",
    &[],
);
/// When the last successful run ended; absent if there was none.
pub static LAST_SUCCESS: Metric = Metric::gauge(
    "checklist_probe_last_success_timestamp_seconds",
    "Unix time at which the last successful run of the check ended, absent if there was none.",
    &[],
);
/// How long the last run took.
pub static DURATION: Metric =
    Metric::gauge("checklist_probe_duration_seconds", "Duration of the last run of the check in seconds.", &[]);
/// The interval between two runs.
pub static INTERVAL: Metric =
    Metric::gauge("checklist_probe_interval_seconds", "Seconds between two runs of the check.", &[]);
/// Runs that ended.
pub static RUNS: Metric =
    Metric::counter("checklist_probe_runs_total", "Runs of the check that ended, successful or not.", &[]);
/// Failed runs by reason; every reason exists from the start.
pub static FAILURES: Metric = Metric::counter(
    "checklist_probe_failures_total",
    "Runs of the check that could not look at the target, by reason.",
    &["reason"],
);
/// Series that a bound kept out of the exposition.
pub static SERIES_DROPPED: Metric = Metric::counter(
    "checklist_probe_series_dropped_total",
    "Series of the check that were left out because they were duplicate, not a number or beyond the limit.",
    &[],
);
/// What the last run looked at.
pub static SEEN: Metric = Metric::gauge(
    "checklist_check_seen",
    "Objects of a kind that the last run of the check judged; 0 when it looked and there was none.",
    &["object"],
);
/// What the last run should have looked at and could not.
pub static UNSEEN: Metric = Metric::gauge(
    "checklist_check_unseen",
    "Objects of a kind that the last run of the check should have judged and could not, by reason; absent when it saw all.",
    &["object", "reason"],
)
.sparse();
/// The begin of what the figures count.
pub static SINCE: Metric = Metric::gauge(
    "checklist_check_since_timestamp_seconds",
    "Unix time since which the figures of the check count, such as the last reset of statistics, absent when they have no begin.",
    &[],
)
.sparse();
/// Static facts about the check.
pub static CHECK_INFO: Metric = Metric::gauge(
    "checklist_check_info",
    "Constant 1 with the cadence and section of the checklist and the worst severity of the check.",
    &["cadence", "section", "severity"],
);

/// The contract series in exposition order.
pub static PER_CHECK: &[&Metric] = &[
    &PROBE_SUCCESS,
    &CHECK_PASSED,
    &LAST_RUN,
    &LAST_SUCCESS,
    &DURATION,
    &INTERVAL,
    &RUNS,
    &FAILURES,
    &SERIES_DROPPED,
    &SEEN,
    &UNSEEN,
    &SINCE,
    &CHECK_INFO,
];

/// Whether a target answers at all; also labelled with the target.
pub static TARGET_REACHABLE: Metric = Metric::gauge(
    "checklist_target_reachable",
    "Whether the target of one or several checks could be reached when one of them last tried (1) or not (0).",
    &["kind"],
);
/// Why not.
pub static TARGET_UNREACHABLE: Metric = Metric::gauge(
    "checklist_target_unreachable_info",
    "Constant 1 with the reason for which the target could not be reached, absent while it is.",
    &["kind", "reason", "words"],
)
.sparse();

/// The series of a target, beside its label `target`: its checks share one fate when it cannot be reached.
pub static PER_TARGET: &[&Metric] = &[&TARGET_REACHABLE, &TARGET_UNREACHABLE];

/// How long the runs of a signal's checks took.
pub static RUN_DURATION: Metric = Metric::histogram(
    "checklist_run_duration_seconds",
    "Seconds that runs of the check took, of all its targets together.",
    &[],
);

/// The series of each signal with a check, which also carry the label `check`.
pub static PER_SIGNAL: &[&Metric] = &[&RUN_DURATION];

/// The build that runs.
pub static BUILD_INFO: Metric = Metric::gauge(
    "checklist_build_info",
    "Constant 1 with the version of the exporter and the compiler that built it.",
    &["version", "rustc"],
);
/// Whether the last attempt to read checklist.yaml succeeded.
pub static CONFIG_SUCCESSFUL: Metric = Metric::gauge(
    "checklist_config_last_reload_successful",
    "Whether the last attempt to load checklist.yaml succeeded (1) or not (0).",
    &[],
);
/// When checklist.yaml was last loaded.
pub static CONFIG_TIMESTAMP: Metric = Metric::gauge(
    "checklist_config_last_reload_success_timestamp_seconds",
    "Unix time at which checklist.yaml was last loaded successfully.",
    &[],
);

/// Whether the web configuration on the disk is the one that is in force.
pub static WEB_CONFIG: Metric = Metric::gauge(
    "checklist_web_config_last_reload_successful",
    "Whether the web configuration on the disk is in force and asks for no less than before (1) or not (0), absent without one.",
    &[],
)
.sparse();
/// Who was not let in.
pub static WEB_REFUSED: Metric = Metric::counter(
    "checklist_web_logins_refused_total",
    "Requests that were not let in, by reason.",
    &["reason"],
);

/// What the rules of this configuration are known by.
pub static CONFIG_INFO: Metric = Metric::gauge(
    "checklist_config_info",
    "Constant 1 with the fingerprint of the rules that checklist.yaml and catalog generate.",
    &["fingerprint"],
);
/// What the rules in Prometheus are known by; recorded there.
pub static RULES_INFO: Metric = Metric::gauge(
    "checklist_rules_info",
    "Constant 1 with the fingerprint of the deployed rules, recorded by those rules.",
    &["fingerprint"],
);

/// Which part of the checks this process makes.
pub static SHARD: Metric = Metric::gauge(
    "checklist_shard_index",
    "Index of the part of the checks that this process makes, from 0, one less than checklist_shards at most.",
    &[],
);
/// Into how many parts the checks are split.
pub static SHARDS: Metric =
    Metric::gauge("checklist_shards", "Parts that the checks are split into, 1 when every process makes all.", &[]);

/// Whether this process makes the costly checks.
pub static LEASE_HELD: Metric = Metric::gauge(
    "checklist_lease_held",
    "Whether this process holds the lease and makes the costly checks (1) or not (0), absent without highAvailability.",
    &[],
);
/// How often it came to hold the lease.
pub static LEASE_ACQUISITIONS: Metric =
    Metric::counter("checklist_lease_acquisitions_total", "Times that this process came to hold the lease.", &[]);
/// Attempts at the lease that failed.
pub static LEASE_FAILURES: Metric = Metric::counter(
    "checklist_lease_failures_total",
    "Attempts to look at the lease or to write it that failed, whoever holds it.",
    &[],
);
/// When it last wrote the lease.
pub static LEASE_RENEWED: Metric = Metric::gauge(
    "checklist_lease_last_renewal_timestamp_seconds",
    "Unix time at which this process last took or renewed the lease, absent if it never did.",
    &[],
)
.sparse();

/// The series of the process itself (without `check` and `target`).
pub static PER_PROCESS: &[&Metric] = &[
    &BUILD_INFO,
    &CONFIG_INFO,
    &CONFIG_SUCCESSFUL,
    &CONFIG_TIMESTAMP,
    &WEB_CONFIG,
    &WEB_REFUSED,
    &SHARD,
    &SHARDS,
    &LEASE_HELD,
    &LEASE_ACQUISITIONS,
    &LEASE_FAILURES,
    &LEASE_RENEWED,
];

/// CPU time used.
pub static CPU: Metric =
    Metric::counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", &[]);
/// Open file descriptors.
pub static OPEN_FDS: Metric = Metric::gauge("process_open_fds", "Number of open file descriptors.", &[]);
/// The limit of file descriptors.
pub static MAX_FDS: Metric = Metric::gauge("process_max_fds", "Maximum number of open file descriptors.", &[]);
/// Virtual memory.
pub static VIRTUAL: Metric = Metric::gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", &[]);
/// Resident memory.
pub static RESIDENT: Metric = Metric::gauge("process_resident_memory_bytes", "Resident memory size in bytes.", &[]);
/// Start of the process.
pub static STARTED: Metric =
    Metric::gauge("process_start_time_seconds", "Start time of the process since the Unix epoch in seconds.", &[]);

/// The standard series of a process, named as every Prometheus client names them.
pub static STANDARD: &[&Metric] = &[&CPU, &OPEN_FDS, &MAX_FDS, &VIRTUAL, &RESIDENT, &STARTED];

/// Why a run could not look at its target: a closed set, one counter each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The credentials were refused.
    Auth,
    /// The configuration of the check cannot work (an unreadable secret file).
    Config,
    /// No connection, or it broke.
    Connect,
    /// The answer is not what the protocol's data format allows.
    Decode,
    /// The host name does not resolve.
    Dns,
    /// The answer is larger than the check's bound.
    Limit,
    /// A lock on the target did not become free in time.
    Lock,
    /// The bucket, table, namespace or path does not exist.
    NotFound,
    /// The probe itself broke.
    Panic,
    /// The credentials are good, the right is missing.
    Permission,
    /// The target answers with an error of its own.
    Protocol,
    /// The deadline passed.
    Timeout,
    /// The TLS handshake failed.
    Tls,
}

impl Reason {
    /// Every reason, in exposition order.
    pub const ALL: [Self; 13] = [
        Self::Auth,
        Self::Config,
        Self::Connect,
        Self::Decode,
        Self::Dns,
        Self::Limit,
        Self::Lock,
        Self::NotFound,
        Self::Panic,
        Self::Permission,
        Self::Protocol,
        Self::Timeout,
        Self::Tls,
    ];

    /// Whether it is about the way to the target and not about what is asked there. Every check of the target fails for it.
    pub const fn is_of_the_way(self) -> bool {
        matches!(self, Self::Auth | Self::Connect | Self::Dns | Self::Tls)
    }

    /// Whether it may be about the way: no answer in time is, when no check of the target gets one.
    pub const fn may_be_of_the_way(self) -> bool {
        self.is_of_the_way() || matches!(self, Self::Config | Self::Timeout)
    }

    /// What it means, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Auth => "login refused",
            Self::Config => "its settings cannot be used",
            Self::Connect => "connection refused or lost",
            Self::Decode => "answer not understood",
            Self::Dns => "name does not resolve",
            Self::Limit => "answer too large",
            Self::Lock => "locked",
            Self::NotFound => "not found",
            Self::Panic => "the check itself broke",
            Self::Permission => "permission denied",
            Self::Protocol => "answered with an error",
            Self::Timeout => "no answer in time",
            Self::Tls => "TLS handshake failed",
        }
    }

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Config => "config",
            Self::Connect => "connect",
            Self::Decode => "decode",
            Self::Dns => "dns",
            Self::Limit => "limit",
            Self::Lock => "lock",
            Self::NotFound => "not_found",
            Self::Panic => "panic",
            Self::Permission => "permission",
            Self::Protocol => "protocol",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
