//! Cases of the alerts that need history, written by hand: the course of values is the point of them.

use super::{Case, Input, constant, labels};
use checklist::signals::{auth_failures, backup, disk, health, restarts, seq_scans};
use checklist::value::of;
use checklist::{Limits, Metric};
use std::time::Duration;

/// Time that must pass before the condition begins to hold.
pub(crate) fn lead(alert: &str, pending: Duration) -> Duration {
    match alert {
        // The usual size must stay the median until the alert has been pending long enough.
        "ChecklistBackupShrunk" => pending + Duration::from_mins(5),
        _ => Duration::ZERO,
    }
}

/// The case of an alert by name.
pub(crate) fn case(alert: &str, limit: f64, limits: &Limits, pending: Duration) -> Option<Case> {
    let with = |metric: &'static Metric, values: String| -> Input { (metric, labels(&of(metric)), values) };
    let one = |metric: &'static Metric, value: f64| with(metric, constant(value));
    let own = |metric: &'static Metric| labels(&of(metric));
    match alert {
        "ChecklistHealthVersionSkew" => {
            let version = |version: &str| (&health::VERSION, vec![("version", version.to_owned())], constant(1.0));
            Some(Case { firing: vec![version("1"), version("2")], silent: vec![version("1")], labels: Vec::new() })
        }
        "ChecklistContainerRestartsOften" => {
            // From nothing to twice the limit within a minute, seen a minute later.
            let burst = with(&restarts::RESTARTS, format!("0 {many}+0x1500", many = 3.0 * limit + 3.0));
            let silent = vec![one(&restarts::RESTARTS, 3.0 * limit)];
            Some(Case { firing: vec![burst], silent, labels: own(&restarts::RESTARTS) })
        }
        "ChecklistVolumeFullSoon" => {
            let capacity = one(&disk::CAPACITY, 1000.0);
            let growing = with(&disk::USED, "600+1x1500".to_owned());
            Some(Case {
                firing: vec![growing, capacity.clone()],
                silent: vec![one(&disk::USED, 600.0), capacity],
                labels: own(&disk::USED),
            })
        }
        "ChecklistBackupShrunk" => {
            let usual = lead(alert, pending).as_secs() / 60;
            let falling = format!("1000+0x{usual} {small}+0x1500", small = 900.0 * limit);
            Some(Case {
                firing: vec![with(&backup::BYTES, falling)],
                silent: vec![one(&backup::BYTES, 1000.0)],
                labels: own(&backup::BYTES),
            })
        }
        "ChecklistSequentialScans" => {
            let rising = |metric: &'static Metric, step: u32| with(metric, format!("0+{step}x1500"));
            let large = one(&seq_scans::BYTES, 2.0 * limits.value(&seq_scans::MIN_BYTES));
            let scans = rising(&seq_scans::SEQ_SCANS, 10);
            Some(Case {
                firing: vec![scans.clone(), rising(&seq_scans::INDEX_SCANS, 0), large.clone()],
                silent: vec![scans, rising(&seq_scans::INDEX_SCANS, 1000), large],
                labels: own(&seq_scans::SEQ_SCANS),
            })
        }
        "ChecklistAuthFailuresRising" => {
            let window =
                |name: &str, value: f64| (&auth_failures::FAILURES, vec![("window", name.to_owned())], constant(value));
            let day = 2.0 * limits.value(&auth_failures::FLOOR) + 10.0;
            Some(Case {
                firing: vec![window("24h", day), window("7d", day)],
                silent: vec![window("24h", day), window("7d", 7.0 * day)],
                labels: Vec::new(),
            })
        }
        _ => None,
    }
}
