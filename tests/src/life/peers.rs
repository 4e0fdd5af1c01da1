//! Rule files of others, from a folder that the operator of the benchmark provides: none is part of this project.

use super::board::Labels;
use anyhow::Context;
use rules_gen::review::rule_set::{self, Known};
use rules_gen::routing::Configuration;
use std::path::Path;

/// What kube-prometheus' Alertmanager does by default: groups by namespace, a page is what is critical.
const ROUTES: &str = "
route:
  receiver: messages
  group_by: [alertname, namespace]
  routes:
  - {matchers: ['severity=\"none\"'], receiver: nobody}
  - {matchers: ['severity=\"info\"'], receiver: nobody}
  - {matchers: ['severity=~\"critical|page|major\"'], receiver: pages}
receivers:
- {name: nobody}
- {name: messages, webhook_configs: [{url: 'http://localhost/'}]}
- {name: pages, webhook_configs: [{url: 'http://localhost/'}]}
inhibit_rules:
- {source_matchers: ['severity=\"critical\"'], target_matchers: ['severity=~\"warning|info\"'], equal: [namespace, alertname]}
";

/// Their routes.
///
/// # Errors
/// Never: the text is ours.
pub fn routes() -> anyhow::Result<Configuration> {
    Configuration::parse(ROUTES)
}

/// Whether an alert of theirs is a page.
pub fn pages(alert: &Labels) -> bool {
    alert.get("severity").is_some_and(|severity| ["critical", "page", "major"].contains(&severity.as_str()))
}

/// Each file or folder in the folder is one set of rules.
///
/// # Errors
/// When the folder or a rule file cannot be read.
pub fn sets(folder: &Path) -> anyhow::Result<Vec<(String, Vec<Known>)>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        all.push((name, rule_set::read_path(&path)?));
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(all)
}
