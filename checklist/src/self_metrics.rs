//! The metrics of the exporter about its checks and about itself. Every check exposes its series from the start.
//!
//! The metrics of a check have three layers: `checklist_probe_success` says whether the check could look at its target,
//! `checklist_check_seen` and `checklist_check_unseen` say at which objects, and `checklist_check_passed` says whether
//! what it saw is within the thresholds.

use crate::metric::Metric;

pub static PROBE_SUCCESS: Metric = Metric::gauge(
    "checklist_probe_success",
    "Whether the last run of the check succeeded in reading its target (1) or not (0).",
    &[],
);
pub static CHECK_PASSED: Metric = Metric::gauge(
    "checklist_check_passed",
    "Whether the last run read all objects that it must and all of them meet every threshold (1) or not (0), absent while the verdict is unknown.",
    &[],
);
pub static LAST_RUN: Metric = Metric::gauge(
    "checklist_probe_last_run_timestamp_seconds",
    "Unix time at which the last run of the check ended.",
    &[],
);
pub static LAST_SUCCESS: Metric = Metric::gauge(
    "checklist_probe_last_success_timestamp_seconds",
    "Unix time at which the last successful run of the check ended, absent if there was none.",
    &[],
);
pub static DURATION: Metric =
    Metric::gauge("checklist_probe_duration_seconds", "Duration of the last run of the check in seconds.", &[]);
pub static INTERVAL: Metric =
    Metric::gauge("checklist_probe_interval_seconds", "Seconds between two runs of the check.", &[]);
pub static RUNS: Metric =
    Metric::counter("checklist_probe_runs_total", "Runs of the check that ended, successful or not.", &[]);
/// Every reason has a series from the start.
pub static FAILURES: Metric =
    Metric::counter("checklist_probe_failures_total", "Runs of the check that failed, by reason.", &["reason"]);
pub static SERIES_DROPPED: Metric = Metric::counter(
    "checklist_probe_series_dropped_total",
    "Series of the check that were dropped because they were duplicates, not a number or beyond the limit.",
    &[],
);
pub static SEEN: Metric = Metric::gauge(
    "checklist_check_seen",
    "Objects of a kind that the last run of the check evaluated; 0 if the run succeeded and found none.",
    &["object"],
);
pub static UNSEEN: Metric = Metric::gauge(
    "checklist_check_unseen",
    "Objects of a kind that the last run of the check could not read, by reason; absent if it read all.",
    &["object", "reason"],
)
.sparse();
pub static SINCE: Metric = Metric::gauge(
    "checklist_check_since_timestamp_seconds",
    "Unix time from which the values of the check are counted, such as the last reset of statistics, absent if there is none.",
    &[],
)
.sparse();
/// Static facts about a check.
pub static CHECK_INFO: Metric = Metric::gauge(
    "checklist_check_info",
    "Constant 1 with the cadence and section of the checklist and the worst severity of the check.",
    &["cadence", "section", "severity"],
);

/// The metrics of every check, in the order of the exposition.
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

pub static TARGET_REACHABLE: Metric = Metric::gauge(
    "checklist_target_reachable",
    "Whether the target of one or several checks could be reached when one of them last tried (1) or not (0).",
    &["kind"],
);
pub static TARGET_UNREACHABLE: Metric = Metric::gauge(
    "checklist_target_unreachable_info",
    "Constant 1 with the reason why the target could not be reached, absent while it is reachable.",
    &["kind", "reason", "words"],
)
.sparse();

/// The metrics of a target. They have the label `target` and no `check`, because all checks of an unreachable target
/// fail together.
pub static PER_TARGET: &[&Metric] = &[&TARGET_REACHABLE, &TARGET_UNREACHABLE];

pub static RUN_DURATION: Metric = Metric::histogram(
    "checklist_run_duration_seconds",
    "Duration of the runs of the check in seconds, for all its targets together.",
    &[],
);

/// The metrics of each signal that has a check. They have the label `check`.
pub static PER_SIGNAL: &[&Metric] = &[&RUN_DURATION];

pub static BUILD_INFO: Metric = Metric::gauge(
    "checklist_build_info",
    "Constant 1 with the version of the exporter and the compiler that built it.",
    &["version", "rustc"],
);
pub static CONFIG_SUCCESSFUL: Metric = Metric::gauge(
    "checklist_config_last_reload_successful",
    "Whether the last attempt to load checklist.yaml succeeded (1) or not (0).",
    &[],
);
pub static CONFIG_TIMESTAMP: Metric = Metric::gauge(
    "checklist_config_last_reload_success_timestamp_seconds",
    "Unix time at which checklist.yaml was last loaded successfully.",
    &[],
);

pub static WEB_CONFIG: Metric = Metric::gauge(
    "checklist_web_config_last_reload_successful",
    "Whether the web configuration file is in use and not less strict than the one before (1) or not (0), absent without one.",
    &[],
)
.sparse();
pub static WEB_REFUSED: Metric = Metric::counter(
    "checklist_web_logins_refused_total",
    "Requests that were refused before authentication succeeded, by reason.",
    &["reason"],
);

/// The fingerprint of the rules that belong to the loaded configuration (see `Config::fingerprint`).
pub static CONFIG_INFO: Metric = Metric::gauge(
    "checklist_config_info",
    "Constant 1 with the fingerprint of the rules that the loaded checklist.yaml generates.",
    &["fingerprint"],
);
/// The fingerprint of the rules that Prometheus has loaded. A recording rule writes it.
pub static RULES_INFO: Metric = Metric::gauge(
    "checklist_rules_info",
    "Constant 1 with the fingerprint and the number of the deployed rules, recorded by the rules themselves.",
    &["fingerprint", "rules"],
);

pub static SHARD: Metric = Metric::gauge(
    "checklist_shard_index",
    "Index of the shard of the checks that this process runs, from 0 to checklist_shards - 1.",
    &[],
);
pub static SHARDS: Metric = Metric::gauge(
    "checklist_shards",
    "Number of shards that the checks are split into, 1 if every process runs all checks.",
    &[],
);

pub static LEASE_HELD: Metric = Metric::gauge(
    "checklist_lease_held",
    "Whether this process holds the lease and runs the expensive checks (1) or not (0), absent without highAvailability.",
    &[],
);
pub static LEASE_ACQUISITIONS: Metric =
    Metric::counter("checklist_lease_acquisitions_total", "Number of times that this process acquired the lease.", &[]);
pub static LEASE_FAILURES: Metric = Metric::counter(
    "checklist_lease_failures_total",
    "Failed attempts of this process to read or write the lease.",
    &[],
);
pub static LEASE_RENEWED: Metric = Metric::gauge(
    "checklist_lease_last_renewal_timestamp_seconds",
    "Unix time at which this process last acquired or renewed the lease, absent if it never did.",
    &[],
)
.sparse();

/// The metrics of the process, without the labels `check` and `target`.
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

pub static CPU: Metric =
    Metric::counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", &[]);
pub static OPEN_FDS: Metric = Metric::gauge("process_open_fds", "Number of open file descriptors.", &[]);
pub static MAX_FDS: Metric = Metric::gauge("process_max_fds", "Maximum number of open file descriptors.", &[]);
pub static VIRTUAL: Metric = Metric::gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", &[]);
pub static RESIDENT: Metric = Metric::gauge("process_resident_memory_bytes", "Resident memory size in bytes.", &[]);
pub static STARTED: Metric =
    Metric::gauge("process_start_time_seconds", "Start time of the process since the Unix epoch in seconds.", &[]);

/// The standard metrics of a process, with the names that all Prometheus client libraries use.
pub static STANDARD: &[&Metric] = &[&CPU, &OPEN_FDS, &MAX_FDS, &VIRTUAL, &RESIDENT, &STARTED];
