//! Resource usage of the process, under the standard names of Prometheus client libraries (`process_*`).

use checklist::Metric;
use checklist::self_metrics::{CPU, MAX_FDS, OPEN_FDS, RESIDENT, STARTED, VIRTUAL};
use procfs::process::{LimitValue, Process};

/// Returns the present values. Values that /proc does not provide are left out.
pub fn usage() -> Vec<(&'static Metric, f64)> {
    let Ok(process) = Process::myself() else { return Vec::new() };
    let mut usage = Vec::new();
    if let Ok(stat) = process.stat() {
        let ticks = procfs::ticks_per_second() as f64;
        usage.push((&CPU, (stat.utime + stat.stime) as f64 / ticks));
        usage.push((&VIRTUAL, stat.vsize as f64));
        usage.push((&RESIDENT, stat.rss as f64 * procfs::page_size() as f64));
        if let Ok(booted) = procfs::boot_time_secs() {
            usage.push((&STARTED, booted as f64 + stat.starttime as f64 / ticks));
        }
    }
    if let Ok(open) = process.fd_count() {
        usage.push((&OPEN_FDS, open as f64));
    }
    if let Ok(limits) = process.limits()
        && let LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        usage.push((&MAX_FDS, most as f64));
    }
    usage
}

/// Returns the soft limit on open file descriptors; `None` if there is no limit.
pub fn max_descriptors() -> Option<u64> {
    match Process::myself().ok()?.limits().ok()?.max_open_files.soft_limit {
        LimitValue::Value(most) => Some(most),
        LimitValue::Unlimited => None,
    }
}

/// Returns the host name, or an empty text if it cannot be read.
pub fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

/// Returns the variable `POD_NAME`, or the host name, which Kubernetes sets to the name of the pod by default.
pub fn pod_name() -> String {
    std::env::var("POD_NAME").ok().filter(|name| !name.is_empty()).unwrap_or_else(host_name).trim().to_owned()
}
