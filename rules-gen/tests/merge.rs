//! Merging our routes into existing Alertmanager configurations: no other alert changes its receiver.

use checklist::Config;
use rules_gen::outputs::alertmanager_merge::merged;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Three existing configurations: with a catch-all route, with old matchers and `continue`, and with time intervals and
/// inhibition rules.
const EXISTING: [&str; 3] = [
    "
route:
  receiver: everybody
  routes:
  - {matchers: ['team=\"payments\"'], receiver: payments}
  - {matchers: ['alertname=~\".+\"'], receiver: everything}
receivers: [{name: everybody}, {name: payments}, {name: everything}]
",
    "
global: {resolve_timeout: 10m}
route:
  receiver: root
  group_by: [alertname]
  routes:
  - {match: {severity: critical}, receiver: pager, continue: true}
  - match_re: {namespace: 'shop|bank'}
    receiver: shop
    routes: [{match: {severity: warning}, receiver: quiet}]
  - {match: {severity: critical}, receiver: second}
receivers: [{name: root}, {name: pager}, {name: shop}, {name: quiet}, {name: second}]
inhibit_rules:
- {source_match: {severity: critical}, target_match: {severity: warning}, equal: [alertname]}
",
    "
route:
  receiver: slack
  routes:
  - {matchers: ['severity=\"warning\"'], receiver: slack, mute_time_intervals: [nights]}
  - {matchers: ['severity=\"critical\"'], receiver: pagerduty}
time_intervals:
- {name: nights, time_intervals: [{times: [{start_time: '20:00', end_time: '24:00'}]}]}
receivers: [{name: slack}, {name: pagerduty}]
inhibit_rules: []
",
];

const OTHERS: [&[&str]; 6] = [
    &["alertname=HighLatency", "severity=critical", "team=payments"],
    &["alertname=HighLatency", "severity=warning", "namespace=shop"],
    &["alertname=Watchdog", "severity=none"],
    &["alertname=NotAChecklistAlert", "severity=critical", "namespace=bank"],
    &["severity=critical"],
    &["alertname=KubePodCrashLooping", "severity=warning", "check=pods", "target=production"],
];

fn receivers(file: &Path, alert: &[&str]) -> anyhow::Result<String> {
    let config = format!("--config.file={}", file.display());
    let output = Command::new("amtool").args(["config", "routes", "test", &config]).args(alert).output()?;
    anyhow::ensure!(output.status.success(), "amtool: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[test]
fn merging_keeps_the_receivers_of_other_alerts_and_routes_ours() -> anyhow::Result<()> {
    let config = Config::parse("checklist.yaml", include_str!("../../examples/checklist.yaml"))?;
    let folder = tempfile::tempdir()?;
    for (number, text) in EXISTING.iter().enumerate() {
        let existing: Value = serde_yaml::from_str(text)?;
        let whole = merged(existing.clone(), &config)?;
        assert_eq!(merged(whole.clone(), &config)?, whole, "merged again it is the same");
        let (before, after) =
            (folder.path().join(format!("{number}.yml")), folder.path().join(format!("{number}-merged.yml")));
        std::fs::write(&before, text)?;
        std::fs::write(&after, serde_yaml::to_string(&whole)?)?;
        let check = Command::new("amtool").arg("check-config").arg(&after).output()?;
        assert!(
            check.status.success(),
            "{}{}",
            String::from_utf8_lossy(&check.stdout),
            String::from_utf8_lossy(&check.stderr)
        );
        for alert in OTHERS {
            assert_eq!(receivers(&after, alert)?, receivers(&before, alert)?, "{number}: {alert:?}");
        }
        let ours = |severity: &str| receivers(&after, &["alertname=ChecklistBackupStale", severity, "team=payments"]);
        assert_eq!(ours("severity=critical")?, "checklist-pagerduty");
        assert_eq!(ours("severity=warning")?, "checklist-slack");
        // Both sides of the added inhibition rules match our alerts only.
        let added = whole["inhibit_rules"].as_array().map(Vec::len).unwrap_or_default()
            - existing["inhibit_rules"].as_array().map(Vec::len).unwrap_or_default();
        assert!(added > 3, "{added}");
        for rule in whole["inhibit_rules"].as_array().into_iter().flatten().rev().take(added) {
            for side in ["source_matchers", "target_matchers"] {
                let names = rule[side].as_array().into_iter().flatten().filter_map(Value::as_str);
                assert!(
                    names.into_iter().any(|one| one.starts_with("alertname") && one.contains("Checklist")),
                    "{rule}"
                );
            }
        }
    }
    Ok(())
}
