//! Recognises durations in other notations than that of Prometheus.

/// Returns what a duration in a wrong notation means, such as `5 min`, `1.5h`, `1h 30m` or `PT5M`. `None` for a number
/// without a unit.
pub(super) fn duration_meant(text: &str) -> Option<String> {
    const UNITS: [(&[&str], f64); 6] = [
        (&["w", "week", "weeks"], 604_800_000.0),
        (&["d", "day", "days"], 86_400_000.0),
        (&["h", "hr", "hrs", "hour", "hours"], 3_600_000.0),
        (&["m", "min", "mins", "minute", "minutes"], 60_000.0),
        (&["s", "sec", "secs", "second", "seconds"], 1_000.0),
        (&["ms", "millis", "milliseconds"], 1.0),
    ];
    let lower = text.trim().to_ascii_lowercase();
    let of_iso = lower.strip_prefix("pt");
    // Elsewhere an M may mean months.
    if of_iso.is_none() && text.contains('M') {
        return None;
    }
    let lower = of_iso.unwrap_or(&lower);
    let mut rest = lower.trim_start();
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (_, size) = UNITS.iter().find(|(names, _)| names.contains(&&rest[..letters]))?;
        total += number * size;
        rest = rest[letters..].trim_start_matches([' ', ',']);
    }
    // The result must be exact.
    let whole = total.round();
    (whole > 0.0 && (total - whole).abs() < 1e-6).then(|| promql::duration(whole / 1_000.0)).flatten()
}
