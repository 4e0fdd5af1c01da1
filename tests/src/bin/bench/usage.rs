//! Measures the memory and CPU of a process, and the latency of a page.

use stack::http::request;
use std::time::{Duration, Instant};

/// Returns the resident memory in MiB.
pub(crate) fn resident(id: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or_default() / 1024.0)
}

/// Returns the CPU seconds used so far.
pub(crate) fn cpu(id: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    // utime and stime are fields 14 and 15 of proc(5), in clock ticks of 1/100 second.
    Ok((ticks(11) + ticks(12)) / 100.0)
}

/// Time limit for the requests of one measurement.
const LONGEST: Duration = Duration::from_secs(5);

/// Prints the latency of up to 500 requests within the time limit, and returns the median in milliseconds.
pub(crate) async fn latency(name: &str, url: &str, headers: &[(&str, &str)]) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    let begun = Instant::now();
    while times.len() < 500 && begun.elapsed() < LONGEST {
        let one = Instant::now();
        request(url, None, headers).await?;
        times.push(one.elapsed().as_secs_f64() * 1e3);
    }
    let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    crate::report!(
        "  {name:<20} p50 {:.2} ms  p99 {:.2} ms  {rate:.0} requests/s (one client, new connections)",
        times[times.len() / 2],
        times[times.len() * 99 / 100]
    );
    Ok(times[times.len() / 2])
}
