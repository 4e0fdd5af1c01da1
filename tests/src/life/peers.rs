//! Rule sets of other projects, from a folder that the user of the benchmark provides. None of them is part of this
//! project.

use super::board::Labels;
use anyhow::Context;
use rules_gen::review::rule_set::{self, ListedRule};
use rules_gen::routing::Configuration;
use std::path::Path;

/// The default routes of kube-prometheus' Alertmanager: groups by namespace; critical alerts are pages.
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

/// Returns the routes for these rule sets.
///
/// # Errors
/// Cannot fail, because the text is constant.
pub fn routes() -> anyhow::Result<Configuration> {
    Configuration::parse(ROUTES)
}

/// Whether an alert of these rule sets is a page.
pub fn pages(alert: &Labels) -> bool {
    alert.get("severity").is_some_and(|severity| ["critical", "page", "major"].contains(&severity.as_str()))
}

/// Reads the rule sets: each file or folder in `folder` is one. Returns name and rules, sorted by name.
///
/// # Errors
/// Fails when the folder or a rule file cannot be read.
pub fn sets(folder: &Path) -> anyhow::Result<Vec<(String, Vec<ListedRule>)>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        all.push((name, rule_set::read_path(&path)?));
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(all)
}
