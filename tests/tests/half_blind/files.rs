//! Folders of reports in which some files cannot be read, and records with lines that cannot be read.

use crate::Tried;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::os::unix::fs::symlink;
use tempfile::TempDir;

/// The day since which tasks are due: none of them is yet.
const SINCE: &str = "2999-01-01";

pub(super) async fn try_all(tried: &mut Tried) -> anyhow::Result<()> {
    unreadable_reports(tried).await?;
    limited_scans(tried).await?;
    unreadable_records(tried).await
}

/// A report of each format, without findings or with some.
fn report(format: &str, is_good: bool) -> Value {
    let now = Timestamp::now().to_string();
    match format {
        "cargo-audit" => {
            let found = if is_good { json!([]) } else { json!([{"advisory": {"id": "RUSTSEC-1", "cvss": null}}]) };
            json!({"database": {"advisory-count": 9, "last-updated": now}, "lockfile": {"dependency-count": 3},
                "vulnerabilities": {"found": !is_good, "count": usize::from(!is_good), "list": found}, "warnings": {}})
        }
        "cargo-outdated" => {
            let old = json!({"name": "a", "project": "1.0.0", "latest": "2.0.0"});
            json!({"crate_name": "app", "dependencies": vec![old; if is_good { 0 } else { 11 }]})
        }
        "trivy" => {
            let found = if is_good { json!([]) } else { json!([{"Severity": "CRITICAL", "FixedVersion": "2"}]) };
            json!({"ArtifactName": "seen", "CreatedAt": now,
                "Results": [{"Class": "os-pkgs", "Vulnerabilities": found}]})
        }
        _ => {
            let one = json!({"vulnerability": {"severity": "Critical", "fix": {"state": "fixed", "versions": ["2"]}}});
            json!({"matches": if is_good { json!([]) } else { json!([one]) }, "source": {"target": {"userInput": "seen"}},
                "descriptor": {"timestamp": now, "db": {"built": now}}})
        }
    }
}

async fn unreadable_reports(tried: &mut Tried) -> anyhow::Result<()> {
    for (format, check) in
        [("cargo-audit", "advisories"), ("cargo-outdated", "dependencies"), ("trivy", "images"), ("grype", "images")]
    {
        for is_good in [true, false] {
            let folder = TempDir::new()?;
            let at = |name: &str| folder.path().join(name);
            let text = report(format, is_good).to_string();
            std::fs::write(at("seen.json"), &text)?;
            // One is still being written, and one is a link to nowhere.
            std::fs::write(at("torn.json"), &text[..text.len() / 2])?;
            symlink(at("nowhere"), at("lost.json"))?;
            let yaml = format!("reports: [{{name: r, format: {format}, directory: {}}}]\n", folder.path().display());
            let gaps = ["torn", "lost.json"];
            if is_good {
                tried.cannot_tell(&yaml, check, &gaps).await?;
            } else {
                tried.finds(&yaml, check, &[&gaps[..], &["seen"]].concat()).await?;
            }
        }
    }
    Ok(())
}

/// Scanners that were told not to look at a part, with a finding elsewhere or without one.
async fn limited_scans(tried: &mut Tried) -> anyhow::Result<()> {
    for (format, check, at, limits, gap) in [
        (
            "trivy",
            "images",
            "/Metadata",
            json!({"OS": {"Family": "debian", "Name": "12.7"}}),
            "looked at no package of its operating system",
        ),
        (
            "grype",
            "images",
            "/descriptor/configuration",
            json!({"only-notfixed": true}),
            "without the vulnerabilities that a newer version fixes",
        ),
        (
            "cargo-audit",
            "advisories",
            "/settings",
            json!({"severity": "critical", "informational_warnings": []}),
            "below severity critical",
        ),
    ] {
        for is_good in [true, false] {
            let folder = TempDir::new()?;
            let mut report = report(format, is_good);
            if let Some(result) = report.pointer_mut("/Results/0/Class") {
                *result = json!("lang-pkgs");
            }
            let (parent, key) = at.rsplit_once('/').unwrap_or_default();
            if let Some(parent) = report.pointer_mut(parent) {
                parent[key] = limits.clone();
            }
            std::fs::write(folder.path().join("seen.json"), report.to_string())?;
            let yaml = format!("reports: [{{name: r, format: {format}, directory: {}}}]\n", folder.path().display());
            if is_good {
                tried.cannot_tell(&yaml, check, &[gap]).await?;
            } else {
                tried.finds(&yaml, check, &[gap, "seen"]).await?;
            }
        }
    }
    Ok(())
}

/// Records of tests that passed an hour ago; or of tests that failed, with an override that lasts too long.
pub(super) fn records(is_good: bool) -> Vec<Value> {
    let ago = |hours: i64| (Timestamp::now() - SignedDuration::from_hours(hours)).to_string();
    let routed = |level: &str| json!({"at": ago(1), "by": "job", "act": "routed", "alertmanager": "am", "level": level, "passed": is_good, "seconds": 1.0});
    let restored = json!({"at": ago(1), "by": "job", "act": "restored", "backup": "b", "passed": is_good, "seconds": {}, "answers": {}});
    let mut all = vec![routed("critical"), routed("warning"), restored];
    if !is_good {
        all.insert(0, json!({"at": ago(96), "by": "ann", "act": "override", "reason": "r", "until": ago(-24)}));
    }
    all
}

async fn unreadable_records(tried: &mut Tried) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let yaml = yaml_of_records(&format!("directory: {}", folder.path().display()));
    for is_good in [true, false] {
        let lines: String = records(is_good).iter().map(|record| format!("{record}\n")).collect();
        let until = Timestamp::now() + SignedDuration::from_hours(24);
        let torn = format!("{{\"at\": \"{until}\", \"by\": \"ann\", \"act\": \"over\n");
        let ahead = json!({"at": until, "by": "ann", "act": "override", "reason": "r", "until": until});
        std::fs::write(folder.path().join("records.jsonl"), format!("{lines}{torn}{ahead}\n"))?;
        let first = lines.lines().count() + 1;
        let gaps = [
            format!("records.jsonl:{first}: it cannot be read"),
            format!("records.jsonl:{}: its time is in the future", first + 1),
        ];
        let gaps = gaps.each_ref().map(String::as_str);
        for check in ["restore", "alert_path", "override"] {
            if is_good {
                tried.cannot_tell(&yaml, check, &gaps).await?;
            } else {
                tried.finds(&yaml, check, &gaps).await?;
            }
        }
        tried.finds(&yaml, "tasks", &gaps).await?;
    }
    Ok(())
}

/// A checklist.yaml whose records are at a place.
pub(super) fn yaml_of_records(place: &str) -> String {
    format!(
        "alertmanagers: [{{name: am, url: 'http://127.0.0.1:9'}}]\n\
         backups: [{{name: b, bucket: backups, format: pg_dump, restore: {{checks: [{{name: one, query: SELECT 1}}]}}}}]\n\
         tasks: {{since: {SINCE}, {place}}}\n"
    )
}
