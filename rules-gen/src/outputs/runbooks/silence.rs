//! The commands in a runbook that silence its alerts.

use super::fill::SHOWN;
use super::names::{amtool, quoted};
use crate::rules::model::Rule;
use checklist::Config;

/// Returns the commands for the alerts that may be silenced. Alerts without a receiver are left out, and those that the
/// section about silences in the prose names, because it says which ones never to silence. Empty when none may be
/// silenced.
pub(super) fn commands(config: &Config, rules: &[&Rule], prose: &str, own_page: bool) -> String {
    let advice = prose.split_once("## Silence").map(|(_, advice)| advice.trim()).unwrap_or_default();
    if advice.starts_with("Never.") || advice.starts_with("Never:") {
        return String::new();
    }
    let may = |rule: &&&Rule| rule.labels["severity"] != "none" && !advice.contains(&format!("`{}`", rule.alert));
    let (of_targets, of_all): (Vec<&Rule>, Vec<&Rule>) =
        rules.iter().filter(may).copied().partition(|rule| !rule.targets.is_empty());
    let mut targets: Vec<&str> = Vec::new();
    for target in of_targets.iter().flat_map(|rule| &rule.targets) {
        if !targets.contains(&target.as_str()) {
            targets.push(target);
        }
    }
    let mut lines = Vec::new();
    if own_page {
        lines.extend(targets.iter().take(SHOWN).map(|target| command(config, &of_targets, &matcher("target", target))));
        lines.extend((targets.len() > SHOWN).then(|| format!("# and {} more targets", targets.len() - SHOWN)));
    } else {
        // Alerts about a whole target have the label `kind`, and no check of their own.
        let (of_kinds, of_checks): (Vec<&Rule>, Vec<&Rule>) =
            of_targets.iter().copied().partition(|rule| rule.labels["check"] == "exporter");
        for (rules, also) in [(of_checks, " check=CHECK target=TARGET"), (of_kinds, " kind=KIND target=TARGET")] {
            lines.extend((!rules.is_empty()).then(|| command(config, &rules, also)));
        }
    }
    if !of_all.is_empty() {
        lines.push(command(config, &of_all, ""));
    }
    if lines.is_empty() { String::new() } else { format!("\n```sh\n{}\n```\n", lines.join("\n")) }
}

fn command(config: &Config, rules: &[&Rule], also: &str) -> String {
    let mut names: Vec<&str> = rules.iter().map(|rule| rule.alert.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let alerts = match names.as_slice() {
        [one] => format!("alertname={one}"),
        many => quoted(&format!("alertname=~\"{}\"", many.join("|"))),
    };
    format!("{} silence add --comment 'why' --duration 1h {alerts}{also}", amtool(config))
}

/// Returns an Alertmanager matcher as a word of a shell command.
fn matcher(label: &str, value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if value.chars().all(plain) {
        format!(" {label}={value}")
    } else {
        format!(" {}", quoted(&format!("{label}={value:?}")))
    }
}
