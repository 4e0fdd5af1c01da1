//! Lints that look at other files, at a scrape, or at the permissions of the user.

use rules_gen::lint::files::Source;
use rules_gen::lint::report::{Finding, Level};
use rules_gen::lint::{Options, run};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), named: true, text: Ok(text.to_owned()) }
}

fn rule(expr: &str, description: &str) -> String {
    format!(
        "groups:\n- name: g\n  rules:\n  - alert: Example\n    expr: {expr}\n    for: 5m\n    labels: {{severity: warning}}\n    annotations: {{summary: It is bad., description: '{description}'}}\n"
    )
}

fn about<'a>(findings: &'a [Finding], id: &str) -> Vec<&'a str> {
    findings.iter().filter(|finding| finding.id == id).map(|finding| finding.message.as_str()).collect()
}

/// A dashboard with one panel.
fn dashboard(expr: &str, steps: &str) -> String {
    let variable = |name: &str| {
        format!(
            r#"{{"type": "query", "name": "{name}", "query": "label_values(up, {name})", "refresh": 2, "multi": true, "includeAll": true}}"#
        )
    };
    format!(
        r#"{{"title": "D", "schemaVersion": 39, "editable": false, "templating": {{"list": [{{"type": "datasource", "name": "datasource", "label": "Data source"}}, {}, {}]}},
"panels": [{{"type": "timeseries", "title": "P", "description": "What it is.", "fieldConfig": {{"defaults": {{"unit": "percentunit", "thresholds": {{"mode": "absolute", "steps": [{{"color": "green", "value": null}}{steps}]}}}}}}, "targets": [{{"expr": "{expr}"}}]}}]}}"#,
        variable("job"),
        variable("instance")
    )
}

#[test]
fn a_panel_threshold_without_a_matching_alert_is_reported() {
    let rules = rule("max by (job) (disk_used_ratio) > 0.85", "{{ $value | humanizePercentage }}");
    let found = |steps: &str| {
        let expr = r#"disk_used_ratio{job=~\"$job\", instance=~\"$instance\"}"#;
        run(&[source("r.yaml", &rules), source("d.json", &dashboard(expr, steps))], &Options::default()).findings
    };
    assert_eq!(about(&found(r#", {"color": "red", "value": 0.85}"#), "RG050"), [] as [&str; 0]);
    assert_eq!(about(&found(r#", {"color": "red", "value": 85}"#), "RG050"), [] as [&str; 0], "in percent");
    // A Grafana step includes its own value, so a step may be slightly above the limit of a count.
    let counts = rule("max by (job) (jobs_waiting) > 5", "{{ $value | humanize }}");
    let counted = |step: &str| {
        let panel = dashboard(r#"jobs_waiting{job=~\"$job\", instance=~\"$instance\"}"#, step);
        let found = run(&[source("r.yaml", &counts), source("d.json", &panel)], &Options::default()).findings;
        about(&found, "RG050").len()
    };
    let steps = [r#", {"value": 5}"#, r#", {"value": 5.001}"#, r#", {"value": 0.001}"#, r#", {"value": 5.5}"#];
    assert_eq!(steps.map(counted), [0, 0, 0, 1]);
    let either = rule("jobs_waiting > 5 or avg_over_time(jobs_waiting[10m]) > 5", "{{ $value | humanize }}");
    let panel = |step| dashboard(r#"jobs_waiting{job=~\"$job\", instance=~\"$instance\"}"#, step);
    let of_either = |step| {
        let found = run(&[source("r.yaml", &either), source("d.json", &panel(step))], &Options::default()).findings;
        about(&found, "RG050").len()
    };
    assert_eq!([r#", {"value": 5}"#, r#", {"value": 5.5}"#].map(of_either), [0, 1]);
    let wrong = found(r#", {"color": "red", "value": 0.9}"#);
    assert_eq!(
        about(&wrong, "RG050"),
        ["the threshold colour changes at 0.9, but no alert on the same metrics fires there"]
    );
}

#[test]
fn queries_that_ignore_the_job_variable_or_show_raw_counters_are_reported() {
    let of = |expr: &str| {
        let findings = run(&[source("d.json", &dashboard(expr, ""))], &Options::default()).findings;
        about(&findings, "RG050").iter().map(|message| (*message).to_owned()).collect::<Vec<_>>()
    };
    let chosen = r#"job=~\"$job\", instance=~\"$instance\""#;
    assert_eq!(of(&format!("sum(rate(x_total{{{chosen}}}[$__rate_interval]))")), [] as [&str; 0]);
    assert_eq!(
        of(&format!("sum(x_total{{{chosen}}})")),
        ["the counter x_total is shown as its total since the process started"]
    );
    assert_eq!(of(r#"up{instance=~\"$instance\"}"#), ["the query of up ignores the variable job"]);
    let broken = dashboard("up", "").replace("label_values(up, job)", "label_values(up{, job)");
    let findings = run(&[source("d.json", &broken)], &Options::default()).findings;
    assert!(
        about(&findings, "RG050").iter().any(|message| message.starts_with("the query of the variable job does not"))
    );
    let without = dashboard("up", "").replace("\"name\": \"job\"", "\"name\": \"other\"");
    let findings = run(&[source("d.json", &without)], &Options::default()).findings;
    assert!(
        about(&findings, "RG050")
            .contains(&"the dashboard has no variable to select one, several or all values of job"),
        "{findings:#?}"
    );
}

#[test]
fn an_alertmanager_config_gets_only_alerts_of_its_namespace_and_must_define_its_receivers() {
    let object = |receiver: &str| {
        format!(
            "apiVersion: monitoring.coreos.com/v1alpha1\nkind: AlertmanagerConfig\nmetadata: {{name: a, namespace: shop}}\nspec:\n  route: {{receiver: pager, routes: [{{receiver: {receiver}, matchers: []}}]}}\n  receivers: [{{name: pager}}]\n"
        )
    };
    let found = |expr: &str, receiver: &str| {
        run(&[source("r.yaml", &rule(expr, "It is.")), source("a.yaml", &object(receiver))], &Options::default())
            .findings
    };
    let lost = found("sum by (job) (up) == 0", "pager");
    assert!(
        about(&lost, "RG036")[0].contains("only alerts with namespace=shop to this object: Example and 0 more"),
        "{lost:#?}"
    );
    assert_eq!(about(&found("sum by (namespace) (up) == 0", "pager"), "RG036"), [] as [&str; 0]);
    let unknown = found("sum by (namespace) (up) == 0", "nobody");
    assert_eq!(about(&unknown, "RG036"), ["the receiver nobody is not defined in this object"]);
    assert!(unknown.iter().any(|finding| finding.id == "RG036" && finding.level == Level::Error));
}

#[test]
fn a_raw_value_with_a_unit_in_a_text_is_reported() {
    for (expr, unit) in [
        ("max by (job) (disk_free_bytes) < 5", Some("in bytes")),
        ("time() - max by (job) (backup_timestamp_seconds) > 5", Some("in seconds")),
        ("avg_over_time(used_ratio[5m]) > 0.5", Some("a ratio")),
        ("rate(cpu_seconds[5m]) > 5", None),
        ("queue_length > 5", None),
    ] {
        let found = |description: &str| {
            let findings = run(&[source("r.yaml", &rule(expr, description))], &Options::default()).findings;
            about(&findings, "RG032").iter().map(|message| (*message).to_owned()).collect::<Vec<_>>()
        };
        let wanted: Vec<String> =
            unit.iter().map(|unit| format!("description shows the raw value, which is {unit}")).collect();
        assert_eq!(found("It is {{ $value }}."), wanted, "{expr}");
        assert_eq!(found("It is {{ $value | humanize }}."), [] as [&str; 0], "{expr}");
        assert_eq!(found("It is bad."), [] as [&str; 0], "{expr}");
    }
}

#[test]
fn a_matcher_with_an_unknown_label_value_is_reported() {
    let mut options = Options::default();
    options.known.add_scrape("# TYPE jobs gauge\njobs{queue=\"mail\"} 1\njobs{queue=\"reports\"} 2\n");
    let found = |expr: &str| {
        let findings = run(&[source("r.yaml", &rule(expr, "It is."))], &options).findings;
        about(&findings, "RG010").iter().map(|message| (*message).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("jobs{queue=\"mail\"} > 5"), [] as [&str; 0]);
    assert_eq!(found("jobs{queue=\"mial\"} > 5"), ["jobs has no series with queue=\"mial\" (did you mean mail?)"]);
    assert_eq!(found("jobs{topic=\"mail\"} > 5"), ["jobs has no label topic"]);
    let check = found("checklist_backup_present{check=\"bakup\"} == 0");
    assert_eq!(check, ["checklist_backup_present has no series with check=\"bakup\" (did you mean backup?)"]);
}

/// root may read every file, so the program runs as another user.
#[test]
fn an_unreadable_file_is_an_error_and_the_others_are_linted() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let closed = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    std::fs::write(folder.path().join("closed.yaml"), rule("up == 0", "It is."))?;
    std::fs::write(folder.path().join("open.yaml"), rule("up ==", "It is."))?;
    std::fs::create_dir(folder.path().join("shut"))?;
    for name in ["closed.yaml", "shut"] {
        std::fs::set_permissions(folder.path().join(name), closed.clone())?;
    }
    // The folder of the binary may be closed to the other user, so a copy is used.
    let program = folder.path().join("rules-gen");
    std::fs::copy(env!("CARGO_BIN_EXE_rules-gen"), &program)?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    let mut command = Command::new(&program);
    command.args(["lint", "."]).current_dir(folder.path());
    if is_root() {
        command.uid(65_534).gid(65_534);
    }
    let output = command.output()?;
    std::fs::set_permissions(folder.path().join("shut"), std::fs::Permissions::from_mode(0o755))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    for part in ["closed.yaml", "cannot be read: Permission denied", "shut", "open.yaml:5", "does not parse"] {
        assert!(printed.contains(part), "{part} is not in {printed}");
    }
    Ok(())
}

/// Whether this process can read files without permissions.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}

#[test]
fn operands_that_never_match_by_labels_or_values_are_reported() {
    let found = |expr: &str| {
        let findings = run(&[source("r.yaml", &rule(expr, "It is."))], &Options::default()).findings;
        about(&findings, "RG015").iter().map(|message| (*message).to_owned()).collect::<Vec<_>>()
    };
    for (expr, why) in [
        ("up / sum(up) < 0.5", "the right side of / has no label instance"),
        ("sum(up) / sum by (job) (up) < 0.5", "the left side of / has no label job"),
        ("foo{a=\"x\"} / foo{a=\"y\"} > 5", "has a=\"x\", the right side a=\"y\""),
        ("foo{a=\"x\"} / on (a, b) group_left () foo{a=\"y\"} > 5", "has a=\"x\""),
        ("sum by (a) (foo{a=\"x\"}) unless sum by (a) (foo{a=\"y\"}) > 5", "has a=\"x\""),
        ("absent(foo{a=\"x\"}) and absent(up)", "has no label a"),
    ] {
        assert!(found(expr).iter().any(|message| message.contains(why)), "{expr}: {:?}", found(expr));
    }
    for fine in [
        "sum by (job) (up) / sum by (job) (up) < 0.5",
        "up / on () group_left () sum(up) < 0.5",
        "foo{a=\"x\"} / ignoring (a) foo{a=\"y\"} > 5",
        "foo{a=\"x\"} / on (b) foo{a=\"y\"} > 5",
        "sum(foo{a=\"x\"}) / sum(foo{a=\"y\"}) > 5",
        "label_replace(foo{a=\"x\"}, \"a\", \"y\", \"\", \"\") / foo{a=\"y\"} > 5",
        "foo{a=\"x\"} or foo{a=\"y\"} > 5",
        "(foo{a=\"x\"} or foo{a=\"y\"}) / foo{a=\"y\"} > 5",
        "foo{a=~\"x\"} / foo{a=\"y\"} > 5",
        "count_values(\"version\", build{job=\"a\"}) == on (version) wanted{version=\"1\"}",
        "absent(up) and absent(down)",
        "absent(up{job=\"a\"}) == on (job) foo{job=\"a\"}",
    ] {
        assert_eq!(found(fine), [] as [&str; 0], "{fine}");
    }
}

#[test]
fn a_loki_query_is_not_parsed_as_promql_and_fixed_ranges_are_reported() {
    let with = |query: &str, source: &str| {
        let board =
            dashboard(query, "").replace("\"targets\": [{", &format!("\"datasource\": {source}, \"targets\": [{{"));
        let variable = r#"{"type": "datasource", "name": "logs", "query": "loki", "label": "Data source"}, {"type": "query", "name": "job""#;
        let board = board.replacen(r#"{"type": "query", "name": "job""#, variable, 1);
        let findings = run(&[source_of(&board)], &Options::default()).findings;
        about(&findings, "RG050").iter().map(|message| (*message).to_owned()).collect::<Vec<_>>()
    };
    let typed = r#"{"type": "loki", "uid": "${logs}"}"#;
    let auto = r#"sum(rate({job=\"a\"} |= `x` [$__auto]))"#;
    assert_eq!(with(auto, typed), [] as [&str; 0]);
    assert_eq!(with(auto, r#"{"uid": "$logs"}"#), [] as [&str; 0], "the variable's own type");
    let fixed = "a LogQL query uses the fixed range [5m] for every time range of the dashboard";
    assert_eq!(with(&auto.replace("$__auto", "5m"), typed), [fixed]);
    assert_eq!(with(r#"sum(rate({job=\"a\"}[$__auto])"#, typed), ["a LogQL query does not parse: a ( is not closed"]);
    assert!(with(auto, r#"{"type": "prometheus", "uid": "$datasource"}"#)[0].starts_with("a query does not parse"));
}

fn source_of(board: &str) -> Source {
    source("d.json", board)
}

/// The recordings of one file, read by the rules of another.
#[test]
fn a_recorded_series_has_the_labels_and_the_interval_of_its_rule_in_another_file() {
    let records = "groups:\n- name: records\n  interval: 5m\n  rules:\n  \
                   - {record: 'job:errors:rate5m', expr: 'sum by (job) (rate(errors_total[5m]))'}\n  \
                   - {record: 'all:errors:rate5m', expr: sum (job:errors:rate5m)}\n";
    let found = |alert: &str| {
        run(&[source("records.yaml", records), source("alerts.yaml", alert)], &Options::default()).findings
    };
    let lost = found(&rule("job:errors:rate5m > 5", "On {{ $labels.instance }}."));
    assert_eq!(
        about(&lost, "RG032"),
        ["description shows the label instance, which the result of the expression does not have"]
    );
    assert_eq!(about(&lost, "RG034").len(), 1, "one value of the recording lasts for five minutes: {lost:?}");
    let twice = found(&rule("all:errors:rate5m > 5", "Of {{ $labels.job }} in {{ $labels.cluster }}."));
    assert_eq!(
        about(&twice, "RG032"),
        ["description shows the label job, which the result of the expression does not have"]
    );
    let kept = found(&rule("job:errors:rate5m > 5", "Of {{ $labels.job }}.").replace("for: 5m", "for: 15m"));
    assert!(kept.iter().all(|finding| finding.level < Level::Warning), "{kept:?}");
    let other = found(&rule("job:errors:rate1h > 5", "Of {{ $labels.job }}."));
    assert_eq!(about(&other, "RG010"), ["no linted rule records job:errors:rate1h, but one records job:errors:rate5m"]);
    let filtered = found(&rule("job:errors:rate5m{instance=\"a\"} > 5", "Of {{ $labels.job }}."));
    assert_eq!(about(&filtered, "RG010"), ["job:errors:rate5m is recorded without the label instance"]);
    let short = found(&rule("delta(job:errors:rate5m[5m]) > 5", "Of {{ $labels.job }}."));
    assert_eq!(about(&short, "RG012").len(), 1, "{short:?}");
    // Where the labels of one of several recordings are not known, nothing is reported about them.
    let either = format!("{records}  - {{record: 'job:errors:rate5m', expr: errors_per_second}}\n");
    let alert = rule("job:errors:rate5m > 5", "On {{ $labels.instance }}.");
    let unknown = run(&[source("records.yaml", &either), source("alerts.yaml", &alert)], &Options::default()).findings;
    assert_eq!(about(&unknown, "RG032"), [] as [&str; 0]);
}
