//! Generates the rules of a configuration: a group for each signal, and a group about the exporter itself.

pub mod catalog;
pub mod generic;
pub mod labels;
pub mod model;
pub mod outages;
pub mod recordings;
pub mod unit_tests;

use checklist::self_metrics::RULES_INFO;
use checklist::{Config, Signal};
use labels::recorded;
use model::{Group, Recording};

/// Returns all rule groups of a configuration.
pub fn groups(config: &Config) -> Vec<Group> {
    let of_signal = |signal: &'static Signal| {
        let (records, rules) = (recordings::recordings(config, signal), catalog::of_signal(config, signal));
        (!rules.is_empty() || !records.is_empty()).then(|| Group {
            name: format!("checklist-{}", signal.id),
            records,
            rules,
        })
    };
    let mut groups: Vec<Group> = config.signals().filter_map(of_signal).collect();
    let mut rules = generic::rules(config);
    rules.extend(outages::rules(config, groups.iter().flat_map(|group| &group.rules).chain(&rules)));
    // The exporter compares the fingerprint, and the number of rules, with what a server has loaded.
    let others: usize = groups.iter().map(|group| group.records.len() + group.rules.len()).sum();
    let count = (others + rules.len() + 1).to_string();
    let labels = recorded(&[("fingerprint", &config.fingerprint()), ("rules", &count)]);
    let known_by = Recording { record: RULES_INFO.name, expr: "vector(1)".to_owned(), labels };
    groups.push(Group { name: "checklist-exporter".to_owned(), records: vec![known_by], rules });
    groups
}
