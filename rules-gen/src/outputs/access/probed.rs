//! Which signals need rights on a target.

use checklist::{Config, Signal};

/// The signals that the exporter itself makes on a target of a list.
pub(super) fn probed_on(config: &Config, list: &str, target: &str) -> Vec<&'static Signal> {
    let here = |signal: &&'static Signal| {
        signal.kind.key() == list && config.probed(signal).iter().any(|probed| probed == target)
    };
    config.signals().filter(here).collect()
}
