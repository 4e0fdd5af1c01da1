//! Finds the signals that need rights on a target.

use checklist::{Config, Signal};

/// Returns the signals that the exporter probes on a target. `list` is the key in checklist.yaml that has the target.
pub(super) fn probed_on(config: &Config, list: &str, target: &str) -> Vec<&'static Signal> {
    let here = |signal: &&'static Signal| {
        signal.kind.key() == list && config.probed(signal).iter().any(|probed| probed == target)
    };
    config.signals().filter(here).collect()
}
