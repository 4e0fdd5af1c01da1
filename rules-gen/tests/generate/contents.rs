//! What the generated files contain: sections and panels of every signal, the least rights, and limits that fit.

use super::{EXAMPLE, EXTERNAL, OTHER, generate};
use checklist::{Config, SIGNALS};
use std::io::Error;
use std::path::Path;

#[test]
fn the_exporter_expects_the_groups_and_the_number_of_rules_that_are_generated() {
    let off =
        checklist::signals::backup::SIGNAL.alerts.iter().map(|alert| format!("{}: {{enabled: false}}", alert.name));
    let off = off.collect::<Vec<_>>().join(", ");
    let without = format!("backups:\n  - {{name: a, bucket: backups}}\nalerting: {{alerts: {{{off}}}}}\n");
    for yaml in [EXAMPLE, OTHER, EXTERNAL, &without] {
        let config = Config::parse("checklist.yaml", yaml).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let groups = rules_gen::rules::groups(&config);
        let (mut names, mut expected): (Vec<_>, _) =
            (groups.iter().map(|group| group.name.clone()).collect(), config.rule_sets());
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
        let mut records = groups.iter().flat_map(|group| &group.records);
        let known_by = records.find(|record| record.record == checklist::self_metrics::RULES_INFO.name);
        let rules: usize = groups.iter().map(|group| group.records.len() + group.rules.len()).sum();
        assert_eq!(known_by.map(|record| record.labels["rules"].clone()), Some(rules.to_string()));
    }
}

#[test]
fn every_alert_has_a_section_in_a_runbook_and_every_signal_a_panel() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let outputs = generate(EXAMPLE, folder.path());
    let content = |path: &str| {
        let file = outputs.iter().find(|file| file.path == Path::new(path));
        file.unwrap_or_else(|| panic!("{path} is not generated")).content.clone()
    };
    let rules: serde_json::Value = serde_yaml::from_str(&content("rules/checklist.yaml")).map_err(Error::other)?;
    let groups = rules["groups"].as_array().into_iter().flatten();
    let alerts = groups.flat_map(|group| group["rules"].as_array().into_iter().flatten());
    let alerts: Vec<_> = alerts.filter(|rule| rule.get("alert").is_some()).collect();
    assert!(alerts.len() > 150, "only {} alerts", alerts.len());
    for rule in alerts {
        let url = rule["annotations"]["runbook_url"].as_str().unwrap_or_else(|| panic!("{rule} has no runbook"));
        let page = url.rsplit('/').next().and_then(|page| page.split_once('#'));
        let (page, anchor) = page.unwrap_or_else(|| panic!("{url} names no page and no heading"));
        let text = content(&format!("runbooks/{page}"));
        let heading =
            text.lines().filter_map(|line| line.strip_prefix("### ")).any(|name| name.to_lowercase() == anchor);
        assert!(heading, "{} leads to {url}", rule["alert"]);
    }
    for signal in SIGNALS {
        let dashboard =
            content(&format!("dashboards/{}.json", rules_gen::rules::labels::dashboard_uid(signal.cadence)));
        let dashboard: serde_json::Value = serde_json::from_str(&dashboard)?;
        // Each query has a matcher of its check. Groups of targets with other limits have a panel of their own, named
        // `Title: targets`.
        let check = format!("check=\"{}\"", signal.id);
        for panel in signal.panels {
            // A panel may show only another check's metrics, such as the requests beside the audit events.
            let of_another = panel.query.metrics().iter().all(|metric| !signal.metrics.contains(metric));
            let is_drawn = |drawn: &serde_json::Value| {
                let title = drawn["title"].as_str().unwrap_or_default();
                let rest = title.strip_prefix(panel.title);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(": "))
                    && drawn["targets"].as_array().is_some_and(|targets| {
                        !targets.is_empty()
                            && targets
                                .iter()
                                .all(|one| one["expr"].as_str().is_some_and(|expr| expr.contains(&check) != of_another))
                    })
            };
            let drawn = dashboard["panels"].as_array().is_some_and(|panels| panels.iter().any(is_drawn));
            assert!(drawn, "{} has no panel {}", signal.id, panel.title);
        }
    }
    Ok(())
}

#[test]
fn rights_are_the_least_that_the_configured_checks_need() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let outputs = generate(EXAMPLE, folder.path());
    let content = |path: &str| {
        let output = outputs.iter().find(|output| output.path == Path::new(path));
        output.unwrap_or_else(|| panic!("{path} was not generated")).content.clone()
    };
    let list: serde_json::Value =
        serde_yaml::from_str(&content("access/kubernetes-production.yaml")).unwrap_or_default();
    let rules: Vec<_> = list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|item| item["rules"].as_array().cloned().unwrap_or_default())
        .collect();
    assert!(rules.len() > 8);
    for rule in &rules {
        let resources = rule["resources"].to_string();
        for verb in rule["verbs"].as_array().into_iter().flatten() {
            // Only leases are written: they are created, and updated by name.
            let may = ["get", "list", "watch"].iter().any(|known| verb == known)
                || resources == "[\"leases\"]"
                    && (verb == "create" || verb == "update" && !rule["resourceNames"].is_null());
            assert!(may, "{rule}");
        }
        assert!(!resources.contains("nodes/proxy") && !resources.contains('*'), "{rule}");
        if resources.contains("secrets") {
            assert_eq!(
                (rule["verbs"].to_string(), rule["resourceNames"].as_array().map(Vec::len)),
                ("[\"get\"]".to_owned(), Some(3))
            );
        }
    }
    let sql = content("access/postgres-orchestrator.sql");
    for part in [
        // Two replicas with one connection each, twice for a change of processes, and three for checks by hand.
        "CONNECTION LIMIT 7",
        "GRANT pg_read_all_stats TO \"checklist\"",
        "GRANT SELECT (\"created_at\", \"disabled_at\", \"last_login_at\") ON \"public\".\"users\"",
    ] {
        assert!(sql.contains(part), "{part} is not in {sql}");
    }
    assert!(!sql.contains("email") && !sql.contains("PASSWORD '"), "{sql}");
    let policy = content("access/s3-policy.json");
    assert!(policy.contains("\"s3:prefix\": \"daily/*\"") && !policy.contains("archives/*\"\n    }\n  ]"), "{policy}");
    assert_eq!(policy.matches("s3:GetObject").count(), 2, "an archive of any format is only listed");
    Ok(())
}

/// First Mondays are four or five weeks apart, so a limit of a month would be too short.
#[test]
fn a_backup_on_every_first_monday_never_alerts_in_the_example() -> Result<(), String> {
    let config = Config::parse("checklist.yaml", EXAMPLE).map_err(|mistakes| mistakes.to_string())?;
    let backup = checklist::signals::by_id("backup").ok_or("no backups")?;
    let stale = &checklist::signals::backup::MAX_AGE;
    let rule = checklist::calendar::Rule::parse("first Monday")?;
    let mut day = rule.next(jiff::civil::date(2026, 1, 1)).ok_or("no Monday")?;
    for _ in 0..120 {
        let next = rule.next(day).ok_or("no Monday")?;
        let apart = f64::from((next - day).get_days()) * 86_400.0;
        for name in ["monthly", "audit-archive"] {
            let warns = config.limits(backup, name).of(stale).warning.ok_or("no limit")?;
            assert!(apart < warns, "{name} of {day} is late before {next}");
        }
        day = next;
    }
    Ok(())
}
