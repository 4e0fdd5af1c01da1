//! Which checklist.yaml files are accepted, and the messages for the others.

use checklist::{Config, SIGNALS, Severity};

fn mistakes(text: &str) -> String {
    match Config::parse("checklist.yaml", text) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(mistakes) => mistakes.to_string(),
    }
}

fn good(text: &str) -> Config {
    Config::parse("checklist.yaml", text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

const BACKUP: &str = "backups:\n  - {name: daily, bucket: bkt, prefix: daily/}\n";

#[test]
fn a_configuration_error_shows_file_line_column_caret_and_a_correct_value() {
    let text = "backups:\n  - name: daily\n    bukcet: b\n";
    let messages = mistakes(text);
    assert!(messages.contains("checklist.yaml:3:5: unknown field bukcet (did you mean bucket?)"), "{messages}");
    assert!(messages.contains("    3 |     bukcet: ...\n      |     ^"), "{messages}");
}

#[test]
fn all_configuration_errors_are_reported_in_one_run() {
    let messages = mistakes(
        "backups:\n  - {name: daily, bucket: bkt, every: 1 day}\n  - {name: daily, bucket: bkt}\nthresholds:\n  disk.usage: {warning: 90%, critical: 85%}\n  backup.max_age: {warning: 26 hours}\nnonsense: 1\n",
    );
    for part in [
        "2:39: every must be a duration such as 30s, 15m, 26h or 7d, not 1 day",
        "3:12: the name daily is already used by the target in line 2",
        "5:15: disk.usage: the warning level 90% is never reached before the critical level 85%; it must be below it",
        "6:29: backup.max_age must be a duration",
        "7:1: unknown field nonsense",
        "5 mistakes in checklist.yaml",
    ] {
        assert!(messages.contains(part), "{part} is not in:\n{messages}");
    }
}

#[test]
fn combinations_that_cannot_work_are_refused() {
    for (text, part) in [
        ("", "checklist.yaml must be a mapping"),
        ("health: []\n", "nothing to watch"),
        ("health:\n  - {name: a, url: 'http://a/', caFile: /ca}\n", "caFile has no effect"),
        ("health:\n  - {name: a, url: 'https://user:pw@a/'}\n", "has no user or password in it"),
        (
            "backups:\n  - {name: a, bucket: bkt, endpoint: 'https://user:pw@a/'}\n",
            "endpoint must be an address that begins",
        ),
        (
            "postgres:\n  - {name: a, host: h, database: d, user: u, password: x}\n",
            "unknown field password (secrets are never written in the file: use passwordFile or passwordEnv)",
        ),
        (
            "postgres:\n  - {name: a, host: h, database: d, user: u, passwordFile: x, passwordEnv: Y}\n",
            "are mutually exclusive",
        ),
        ("backups:\n  - {name: a, bucket: bkt, accessKeyIdFile: x}\n", "must be set together"),
        (
            "backups:\n  - {name: a, bucket: bkt, format: gzip, restore: {checks: []}}\n",
            "checks is empty: at least one entry is required",
        ),
        ("backups:\n  - {name: a, bucket: bkt, restore: {checks: [{name: c, query: q}]}}\n", "needs the format"),
        (
            "backups:\n  - {name: a, bucket: bkt, format: gzip, restore: {checks: [{name: c, query: q}, {name: c, query: q}]}}\n",
            "two checks have the name c",
        ),
        (
            "backups:\n  - {name: a, bucket: bkt, format: gzip, restore: {checks: [{name: c, query: q, atLeast: 2, notOlderThan: 1d}]}}\n",
            "atLeast and notOlderThan are mutually exclusive",
        ),
        (
            "backups:\n  - {name: a, bucket: bkt, format: gzip, restore: {server: {host: h, user: u}, checks: [{name: c, query: q}]}}\n",
            "the field database is missing",
        ),
        ("kubernetes:\n  - {name: a, namespaces: [n], context: c}\n", "context needs kubeconfig"),
        (
            "kubernetes:\n  - {name: a, namespaces: [n]}\nhighAvailability: {kubernetes: b}\n",
            "3:32: unknown cluster b: it is not under kubernetes:",
        ),
        (
            "kubernetes:\n  - {name: a, namespaces: [n]}\nhighAvailability: {kubernetes: a, lease: My_Lease}\n",
            "the name of a lease: up to 49 lower-case letters",
        ),
        (
            "kubernetes:\n  - {name: a, namespaces: [n]}\nhighAvailability: {lease: x}\n",
            "the field kubernetes is missing",
        ),
        ("kubernetes:\n  - {name: a, namespaces: [n], exporterNamespace: A_B}\n", "a namespace: lower-case letters"),
        (
            "kubernetes:\n  - {name: a, namespaces: [n], webAudiences: [1]}\n",
            "webAudiences must be a string, this is a number",
        ),
        (
            "kubernetes:\n  - {name: a, namespaces: [n], webAudiences: [x]}\n  - {name: b, namespaces: [n], webAudiences: [y]}\n",
            "only one cluster can have webAudiences",
        ),
        ("certificates:\n  - {name: a, address: host}\n", "address must be host:port"),
        ("backups:\n  - {name: a, bucket: bkt, skip: [pods]}\n", "no check pods on this kind of target"),
        ("backups:\n  - {name: a, bucket: bkt, bucket: ccc}\n", "is repeated in this mapping"),
        ("backups: [\n", "checklist.yaml:"),
    ] {
        let messages = mistakes(text);
        assert!(messages.contains(part), "{part} is not in:\n{messages}");
    }
    let messages = mistakes(&format!("{BACKUP}checks:\n  backup: {{interval: 10s, timeout: 10s}}\n"));
    assert!(messages.contains("at most nine tenths of the interval"), "{messages}");
    let messages = mistakes(&format!("{BACKUP}alerting:\n  labels: {{severity: low}}\n"));
    assert!(messages.contains("the label severity is set by rules-gen or"), "{messages}");
    let messages = mistakes(&format!("{BACKUP}alerting:\n  alerts: {{ChecklistBackupMising: {{for: 1m}}}}\n"));
    assert!(messages.contains("did you mean ChecklistBackupMissing?"), "{messages}");
}

#[test]
fn a_threshold_can_be_overridden_globally_and_per_target() {
    let config = good(
        "backups:\n  - {name: daily, bucket: bkt}\n  - {name: weekly, bucket: bkt, every: 7d}\n  - name: own\n    bucket: bkt\n    thresholds: {backup.max_age: {warning: none, critical: 3h}}\nthresholds:\n  backup.size_ratio: 40%\n",
    );
    let signal = checklist::signals::by_id("backup").unwrap_or_else(|| panic!("no backup"));
    let max_age = &checklist::signals::backup::MAX_AGE;
    let at = |target: &str, severity| config.limits(signal, target).of(max_age).at(severity);
    assert_eq!(at("daily", Severity::Warning), Some(93_600.0));
    assert_eq!(at("weekly", Severity::Warning), Some(7.0 * 86_400.0 + 7_200.0));
    assert_eq!((at("own", Severity::Warning), at("own", Severity::Critical)), (None, Some(10_800.0)));
    assert_eq!(config.scopes(signal).len(), 3);
}

#[test]
fn hostile_yaml_is_an_error_and_not_a_crash() {
    let deep = "[".repeat(100_000);
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    for text in [deep.as_str(), bomb, "\u{0}", "- 1\n- 2\n", "? [a]\n: b\n"] {
        assert!(Config::parse("checklist.yaml", text).is_err());
    }
}

#[test]
fn the_example_configures_every_signal() {
    let config = good(include_str!("../../examples/checklist.yaml"));
    for signal in SIGNALS {
        assert!(!config.targets(signal).is_empty(), "{}", signal.id);
        assert_eq!(config.probed(signal).is_empty(), !signal.kind.is_probed(), "{}", signal.id);
    }
}

#[test]
fn a_custom_query_becomes_a_signal_with_metric_alert_and_panel() {
    let yaml = "postgres:\n  - {name: db, host: h, database: d, user: u, thresholds: {stuck_jobs.value: {warning: 20}}}\n  - {name: other, host: h, database: d, user: u, application: false}\nqueries:\n  - name: stuck_jobs\n    help: Jobs that wait for an hour\n    query: SELECT queue, count(*) AS n FROM jobs GROUP BY 1;\n    labels: [queue]\n    value: n\n    targets: [db]\n    above: {warning: 10, critical: 100}\n";
    let config = good(yaml);
    let signal = config.signal("stuck_jobs").unwrap_or_else(|| panic!("no signal"));
    assert_eq!(config.targets(signal), ["db"]);
    assert_eq!(signal.metrics[0].name, "checklist_query_stuck_jobs");
    assert_eq!(signal.alerts[0].name, "ChecklistQueryStuckJobs");
    assert_eq!(config.limits(signal, "db").of(signal.thresholds[0]).at(Severity::Warning), Some(20.0));
    let sql =
        "SELECT q.\"queue\"::text, q.\"n\"::float8 FROM (\nSELECT queue, count(*) AS n FROM jobs GROUP BY 1\n) AS q";
    assert_eq!(config.queries[0].around("{value}::float8"), sql);
    assert!(std::ptr::eq(signal, good(yaml).queries[0].signal), "reading the same file again costs nothing");
    for (text, part) in [
        ("name: pods", "the name pods is already used"),
        ("name: Jobs", "name must be a part of the name of a metric"),
        ("name: a\n    targets: [nowhere]", "unknown postgres target nowhere"),
        ("name: a\n    labels: [check]", "labels must be a column"),
    ] {
        let yaml = yaml
            .replace("name: stuck_jobs", text)
            .replace("    labels: [queue]\n", "")
            .replace("    targets: [db]\n", "");
        let messages = mistakes(&yaml);
        assert!(messages.contains(part), "{part} is not in:\n{messages}");
    }
    let messages = mistakes(&yaml.replace("warning: 10, critical: 100", "warning: 200, critical: 100"));
    assert!(messages.contains("is never reached before the critical level"), "{messages}");
    let messages = mistakes(&yaml.replace("    above: {warning: 10, critical: 100}\n", ""));
    assert!(messages.contains("a query needs a threshold"), "{messages}");
}

#[test]
fn signals_with_another_source_are_recorded_and_not_probed() {
    let config = good(
        "kubernetes:\n  - {name: k, namespaces: [a, b], sources: {hpa: kube-state-metrics}, sourceSelector: 'cluster=\"c\"'}\n",
    );
    let signal = config.signal("hpa").unwrap_or_else(|| panic!("no hpa"));
    assert_eq!((config.targets(signal), config.probed(signal)), (vec!["k".to_owned()], Vec::new()));
    assert_eq!(config.selector(signal, "k"), "cluster=\"c\", namespace=~\"a|b\"");
    let messages = mistakes("kubernetes:\n  - {name: k, namespaces: [a], sources: {hpa: nagios, utilization: x}}\n");
    assert!(messages.contains("the source of hpa must be one of kube-state-metrics"), "{messages}");
    assert!(messages.contains("the metrics of utilization cannot come from another exporter"), "{messages}");
}

#[test]
fn a_report_has_exactly_one_location_and_unknown_tables_are_refused() {
    let messages = mistakes("reports:\n  - {name: a, format: cargo-audit, file: x, directory: y}\n");
    assert!(messages.contains("a report needs exactly one of"), "{messages}");
    let messages = mistakes(
        "postgres:\n  - {name: a, host: h, database: d, user: u, tables: {user: {table: x}, users: {columns: {mail: m}}}}\n",
    );
    assert!(
        messages.contains("unknown table user (did you mean users?)") && messages.contains("unknown column mail"),
        "{messages}"
    );
    let messages = mistakes("traffic:\n  - {name: a, selector: 'job}', requests: 'a b'}\n");
    assert!(
        messages.contains("selector must be label matchers") && messages.contains("name of a metric"),
        "{messages}"
    );
}

#[test]
fn the_lease_is_in_the_exporters_namespace_and_custom_queries_can_be_costly() {
    let config = good(
        "kubernetes:\n  - {name: here, namespaces: [one], exporterNamespace: ops}\n  - {name: part, namespaces: [two]}\n  - {name: far, namespaces: [three], kubeconfig: /far}\npostgres: [{name: p, host: h, database: d, user: u}]\nqueries: [{name: heavy, help: h, query: SELECT 1 AS value, above: {warning: 1}, costly: true}]\nhighAvailability: {kubernetes: part}\n",
    );
    let (section, cluster, namespace) = config.election().unwrap_or_else(|| panic!("there is a section"));
    assert_eq!((section.lease.as_str(), cluster.name.as_str(), namespace), ("checklist-exporter", "part", "ops"));
    let elected: Vec<&str> =
        config.checks().iter().map(|check| check.signal).filter(|s| config.is_elected(s)).map(|s| s.id).collect();
    assert_eq!(elected, ["permission_denied", "bloat", "retention", "heavy"]);
    let far = good(
        "kubernetes: [{name: far, namespaces: [three], kubeconfig: /far}]\nhighAvailability: {kubernetes: far, lease: l}\nalertmanagers: [{name: main, url: 'http://a'}]\n",
    );
    assert_eq!(far.election().map(|(section, _, namespace)| (section.lease.as_str(), namespace)), Some(("l", "three")));
    assert_eq!(far.proof_leases().into_iter().collect::<Vec<_>>(), ["l-verify-alerts"]);
    let alone = good(
        "kubernetes: [{name: far, namespaces: [three], kubeconfig: /far}]\nhighAvailability: {kubernetes: far, lease: l}\n",
    );
    assert!(alone.proof_leases().is_empty(), "nothing is proved");
    let none = good(BACKUP);
    assert!(
        none.election().is_none()
            && none.proof_leases().is_empty()
            && !SIGNALS.iter().any(|signal| none.is_elected(signal))
    );
}

#[test]
fn names_that_kubernetes_refuses_are_configuration_errors() {
    let messages = |entry: &str| {
        let text = format!("kubernetes: [{{name: k, namespaces: [a], {entry}}}]\n");
        Config::parse("checklist.yaml", &text).err().map(|mistakes| mistakes.to_string()).unwrap_or_default()
    };
    for wrong in [
        "exporterNamespace: -x",
        "secrets: [{name: s, namespace: A_B}]",
        "secrets: [{name: Some_Secret}]",
        "secrets: [{name: a..b}]",
        "auditLogs: [{namespace: x/y, selector: app=x}]",
    ] {
        assert!(messages(wrong).contains("lower-case letters, digits"), "{wrong}: {}", messages(wrong));
    }
    assert_eq!(messages("exporterNamespace: ops, secrets: [{name: a.b-c, namespace: other}]"), "");
    let two = "kubernetes:\n  - {name: a, namespaces: [a], exporterNamespace: x}\n  - {name: b, namespaces: [b], exporterNamespace: y}\n";
    let messages = Config::parse("checklist.yaml", two).err().map(|mistakes| mistakes.to_string()).unwrap_or_default();
    assert!(messages.contains("exporterNamespace is both x and y"), "{messages}");
    // An entry with a kubeconfig is another cluster, so its `exporterNamespace` may differ.
    let far = two.replace("{name: b", "{name: b, kubeconfig: /far");
    assert!(Config::parse("checklist.yaml", &far).is_ok());
}

/// Returns all messages about a checklist.yaml, or an empty text when it is accepted.
fn messages(text: &str) -> String {
    Config::parse("checklist.yaml", text).err().map(|mistakes| mistakes.to_string()).unwrap_or_default()
}

#[test]
fn an_unnamed_threshold_level_keeps_its_default() {
    let levels = |text: &str, target: &str| {
        let config = good(text);
        let signal = checklist::signals::by_id("disk").unwrap_or_else(|| panic!("there is disk"));
        let levels = config.limits(signal, target).of(signal.thresholds[0]);
        (levels.warning, levels.critical)
    };
    let text = |global: &str, own: &str| {
        format!(
            "kubernetes:\n  - {{name: a, namespaces: [x], thresholds: {{disk.usage: {own}}}}}\nthresholds: {{disk.usage: {global}}}\n"
        )
    };
    let both = "{warning: 60%, critical: 90%}";
    assert_eq!(levels(&text(both, "{warning: 80%}"), "a"), (Some(0.8), Some(0.9)));
    assert_eq!(levels(&text("{critical: 95%}", "{warning: 80%}"), "a"), (Some(0.8), Some(0.95)));
    assert_eq!(levels(&text(both, "{warning: none}"), "a"), (None, Some(0.9)));
    // The critical level stays in force, so a warning level beyond it is a mistake.
    assert!(messages(&text(both, "{warning: 95%}")).contains("`none` removes it"));
    assert!(messages(&text(both, "{warning: none, critical: none}")).contains("no level left"));
    // The default limits of a backup follow from its interval.
    let backup = good("backups: [{name: w, bucket: bkt, every: 7d, thresholds: {backup.max_age: {critical: 30d}}}]\n");
    let signal = checklist::signals::by_id("backup").unwrap_or_else(|| panic!("there is backup"));
    let levels = backup.limits(signal, "w").of(signal.thresholds[0]);
    assert_eq!((levels.warning, levels.critical), (Some(170.0 * 3600.0), Some(30.0 * 86_400.0)));
}

#[test]
fn thresholds_that_can_never_be_exceeded_are_configuration_errors() {
    let cluster = "kubernetes: [{name: a, namespaces: [x]}]\n";
    assert!(
        messages(&format!("{cluster}thresholds: {{disk.usage: {{critical: 100%}}}}\n"))
            .contains("the value is never above 100%")
    );
    assert!(messages(&format!("{cluster}thresholds: {{disk.full_within: 0s}}\n")).contains("0s is too small"));
    let traffic = "traffic: [{name: t, selector: 'job=\"x\"'}]\n";
    assert!(messages(&format!("{traffic}thresholds: {{requests.fell: 1}}\n")).contains("always reached"));
    assert!(
        messages(&format!("{cluster}alerting: {{alerts: {{ChecklistVolumeFullSoon: {{for: 1d}}}}}}\n"))
            .contains("at most 12h")
    );
    assert!(
        messages(&format!("{cluster}alerting: {{alerts: {{ChecklistPodStuck: {{for: 500000d}}}}}}\n"))
            .contains("ten years")
    );
}

#[test]
fn names_and_labels_that_would_break_alerts_are_configuration_errors() {
    let query = |name: &str, more: &str| {
        format!(
            "postgres: [{{name: o, host: h, database: d, user: u}}]\nqueries:\n  - {{name: stuck2, help: h, query: SELECT 1, above: {{warning: 1}}}}\n  - {{name: {name}, help: h, query: SELECT 1, above: {{warning: 1}}{more}}}\n"
        )
    };
    for name in ["stuck__jobs", "stuck_", "_a", "9a"] {
        assert!(
            messages(&query(name, "")).contains("single underscores between"),
            "{name}: {}",
            messages(&query(name, ""))
        );
    }
    assert!(messages(&query("stuck_2", "")).contains("both alerts would be named ChecklistQueryStuck2"));
    assert!(messages(&query("other", ", labels: [severity]")).contains("none of alertname, cadence"));
    let alerting =
        |alerting: &str| messages(&format!("kubernetes: [{{name: a, namespaces: [x]}}]\nalerting: {{{alerting}}}\n"));
    assert!(alerting("labels: {namespace: monitoring}").contains("cannot have the same value on every alert"));
    assert!(alerting("labels: {'': x}").contains("a label name has only letters"));
    for wrong in [
        "prometheusRule: {name: Bad Name!}",
        "prometheusRule: {namespace: A_B}",
        "alertmanagerConfig: {secret: a/b}",
        "dashboards: {instanceSelector: {'re/le/ase': x}}",
        "prometheusRule: {labels: {release: 'x y'}}",
    ] {
        assert!(!alerting(wrong).is_empty(), "{wrong} is accepted");
    }
    assert_eq!(alerting("prometheusRule: {name: a.b, labels: {example.com/team: sre_1}}"), "");
    let silent = "heartbeat: {url: 'http://b'}, alerts: {ChecklistWatchdog: {enabled: false}}";
    assert!(alerting(silent).contains("which is switched off"), "{}", alerting(silent));
    for open in [
        "weekdays: ['sunday:saturday']",
        "times: [{from: '00:00', to: '24:00'}]",
        "times: [{from: '12:00', to: '06:00'}, {from: '05:00', to: '13:00'}]",
    ] {
        let window = format!("maintenance: [{{name: m, {open}}}]");
        assert!(alerting(&window).contains("would never end"), "{open}: {}", alerting(&window));
    }
    assert_eq!(alerting("maintenance: [{name: m, weekdays: [sunday], times: [{from: '00:00', to: '24:00'}]}]"), "");
    // A wrong name is reported once and causes no further mistakes.
    let one = messages("health: [{name: 'a b', url: 'http://x'}]\n");
    assert!(one.contains("1 mistake in"), "{one}");
}

#[test]
fn written_reports_need_a_destination() {
    let messages = |reports: &str| {
        let text = format!("{BACKUP}alerting: {{reports: {reports}}}\n");
        Config::parse("checklist.yaml", &text).err().map(|mistakes| mistakes.to_string()).unwrap_or_default()
    };
    assert!(messages("{}").contains("set webhookUrlFile, directory or both"), "{}", messages("{}"));
    assert_eq!(messages("{directory: /var/lib/checklist/written}"), "");
}

#[test]
fn a_grace_period_that_reaches_the_next_occurrence_is_a_configuration_error() {
    let messages = |tasks: &str| {
        let text = format!("tasks: {{since: 2026-01-01, directory: /r, {tasks}}}\n");
        Config::parse("checklist.yaml", &text).err().map(|mistakes| mistakes.to_string()).unwrap_or_default()
    };
    assert_eq!(messages("add: [{name: a, when: Tuesday, grace: 5d}]"), "");
    assert!(messages("add: [{name: a, when: Tuesday, grace: 6d}]").contains("set grace to at most 5d"));
    // The default grace period of a quarterly task is too long for a weekly one.
    assert!(messages("change: {dr_drill: {when: Monday}}").contains("dr_drill comes again after 7 days"));
    assert_eq!(messages("change: {dr_drill: {when: Monday, grace: 1d}}"), "");
}
