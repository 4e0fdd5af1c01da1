//! The rules as a namespace file for Mimir and Cortex.

use crate::outputs::file::{File, yaml};
use crate::outputs::output::{About, Format, Input, Kind, Output};
use crate::outputs::prometheus::rule_file;
use crate::rules::model::Group;
use checklist::Config;
use serde_json::{Value, json};

/// The file `rules/mimir.yaml`.
pub struct NamespaceFile;

impl Output for NamespaceFile {
    fn about(&self) -> About {
        About {
            kind: Kind::Rules,
            formats: &[Format::Mimir],
            paths: &["rules/mimir.yaml"],
            purpose: "the same rules for Mimir and Cortex: `mimirtool rules load`",
        }
    }

    fn files(&self, input: &Input<'_>) -> anyhow::Result<Vec<File>> {
        Ok(vec![yaml("rules/mimir.yaml", &input.header(), &namespace_file(input.config, &input.groups))?])
    }
}

/// Returns the rule file with the name of its namespace, the format that `mimirtool rules load` reads.
pub fn namespace_file(config: &Config, groups: &[Group]) -> Value {
    let mut file = rule_file(groups);
    file["namespace"] = json!(config.alerting.prometheus_rule.name);
    file
}
