//! PromQL in rules: what each version and feature flag of Prometheus allows, and where mistakes are reported.

use rules_gen::lint::files::Source;
use rules_gen::lint::report::{Finding, Level};
use rules_gen::lint::{Options, run};

fn lint(text: &str, options: &Options) -> Vec<Finding> {
    let source = Source { name: "rules.yaml".to_owned(), named: true, text: Ok(text.to_owned()) };
    let mut findings = run(&[source], options).findings;
    let judged = ["RG001", "RG002", "RG005", "RG006", "RG007", "RG024", "RG025", "RG026", "RG032"];
    findings.retain(|finding| finding.level >= Level::Warning && judged.contains(&finding.id));
    findings
}

fn options(version: (u32, u32), features: &[&str]) -> Options {
    let features = features.iter().map(|feature| (*feature).to_owned()).collect();
    Options { version: Some(version), features, ..Options::default() }
}

/// Returns the id and message of every finding on a recording rule with this expression.
fn of(expr: &str, options: &Options) -> Vec<(&'static str, String)> {
    let quoted = expr.replace('\'', "''");
    let text = format!("groups:\n- name: x\n  rules:\n  - {{record: 'a:b', expr: '{quoted}'}}\n");
    lint(&text, options).into_iter().map(|finding| (finding.id, finding.message)).collect()
}

#[test]
fn each_construct_requires_the_version_that_introduced_it() {
    let old = options((2, 42), &[]);
    for (expr, version) in [
        ("rate(foo[5m*2])", "3.4"),
        ("rate(foo[step()])", "3.6"),
        ("foo offset (2*5m)", "3.4"),
        ("info(foo, {data=~\".+\"})", "2.55"),
        ("histogram_count(foo </ 1)", "3.11"),
        ("foo > 1_000", "2.54"),
        ("rate(foo[5m] anchored)", "3.7"),
        ("foo smoothed", "3.7"),
        ("rate(foo[.5])", "2.54"),
        ("foo + fill(0) bar", "3.10"),
        ("foo + on (a) fill_left(0) fill_right(1) bar", "3.10"),
        ("rate(foo[3e2])", "2.54"),
        ("rate(foo[0x1F])", "2.54"),
        ("{\"my.metric\"} > 1", "2.51"),
        ("sum by (\"my.label\") (foo)", "3.0"),
        ("foo @ 5m", "2.54"),
        ("first_over_time(foo[5m])", "3.7"),
        ("limitk(1, foo)", "2.54"),
    ] {
        let messages = of(expr, &old);
        let needs = format!("needs Prometheus {version}");
        assert!(
            messages.iter().any(|(id, message)| *id == "RG005" && message.contains(&needs)),
            "{expr}: {messages:?}"
        );
    }
    for fine in [
        "sum(foo) BY (job)",
        "foo OFFSET 60s",
        "foo OFFSET 1m AND ON (a) bar",
        "holt_winters(foo[5m], 0.5, 0.5)",
        "foo{ns=~`team-\\d+`}",
        "foo{a=\"\\u00e9\"} @ 1e9 offset -5m",
        "foo > 0x1F",
    ] {
        assert_eq!(of(fine, &old), [], "{fine}");
    }
}

#[test]
fn a_missing_feature_flag_is_reported_by_its_prometheus_name() {
    let functions = "promql-experimental-functions";
    for (expr, flag, version) in [
        ("mad_over_time(foo[5m])", functions, (3, 16)),
        ("limit_ratio(0.5, foo)", functions, (3, 16)),
        ("info(foo)", functions, (3, 16)),
        ("foo + fill(0) bar", "promql-binop-fill-modifiers", (3, 16)),
        ("my.metric", "promql-unquoted-utf8-names", (3, 16)),
        ("rate(foo[5m*2])", "promql-duration-expr", (3, 13)),
        ("rate(foo[5m] anchored)", "promql-extended-range-selectors", (3, 15)),
        ("first_over_time(foo[5m])", functions, (3, 13)),
    ] {
        let messages = of(expr, &options(version, &[]));
        let needs = format!("--enable-feature={flag}");
        assert!(
            messages.iter().any(|(id, message)| *id == "RG006" && message.contains(&needs)),
            "{expr}: {messages:?}"
        );
        assert_eq!(of(expr, &options(version, &[flag])), [], "{expr}");
    }
    for stable in ["rate(foo[5m*2])", "rate(foo[5m] anchored)", "first_over_time(foo[5m])"] {
        assert_eq!(of(stable, &Options::default()), [], "{stable}");
    }
}

#[test]
fn constructs_removed_in_newer_versions_are_reported_for_them() {
    let expr = "holt_winters(foo[5m], 0.5, 0.5)";
    assert_eq!(of(expr, &options((2, 55), &[])), []);
    let gone = ("RG005", "holt_winters() was removed in Prometheus 3.0".to_owned());
    assert_eq!(of(expr, &options((3, 0), &[])), std::slice::from_ref(&gone));
    assert_eq!(of(expr, &Options::default()), [gone]);
    let new = options((3, 5), &[]);
    assert_eq!(of("rate(foo_total[5m:5m])", &new)[0].0, "RG007");
    assert_eq!(of("rate(foo_total[10m:5m])", &new), []);
    assert_eq!(of("foo_bucket{le=\"1\"}", &new)[0].0, "RG007");
    assert_eq!(of("foo_bucket{le=\"1.0\"} or foo_bucket{le=~\"1(\\\\.0)?\"}", &new), []);
    assert_eq!(of("foo_bucket{le=\"1\"} or rate(foo_total[5m:5m])", &options((2, 42), &[])), []);
}

#[test]
fn utf_8_names_need_a_server_that_supports_them() {
    let text = "groups:\n- name: x\n  rules:\n  - record: \"http.requests:rate\"\n    \
                expr: sum by (\"http.method\") (rate({\"http.requests\"}[5m]))\n    labels: {\"my.label\": b}\n  \
                - alert: Slow\n    expr: '{\"http.requests:rate\"} > 1'\n    for: 5m\n    \
                labels: {severity: warning, \"team.name\": x}\n    \
                annotations: {summary: It is slow., description: 'By {{ index $labels \"http.method\" }}.', \"run.book\": x}\n";
    assert_eq!(lint(text, &options((3, 14), &[])), []);
    let old: Vec<String> = lint(text, &options((2, 42), &[])).into_iter().map(|finding| finding.message).collect();
    for what in
        ["the metric name http.requests:rate", "the label name my.label", "the label name team.name", "run.book"]
    {
        assert!(
            old.iter().any(|message| message.contains(what) && message.contains("needs Prometheus 3.0")),
            "{old:?}"
        );
    }
    let braces = text.replace("http.requests:rate\"\n", "foo{a=b}\"\n");
    assert!(lint(&braces, &options((3, 14), &[])).iter().any(|finding| finding.id == "RG002"));
}

#[test]
fn every_syntax_error_is_reported_at_its_position_in_the_file() {
    let text = "groups:\n- name: x\n  rules:\n  - alert: Errors\n    expr: |\n      sum by (job) (\n        \
                rate(http_requests_total{code=~\"5.(\"}[5m])\n      )\n      >> 0.05\n    for: 5m\n    \
                labels: {severity: warning}\n    annotations: {summary: Errors., description: 'Of {{ $labels.job }}.'}\n";
    let messages: Vec<(usize, usize, &str)> =
        lint(text, &Options::default()).iter().map(|one| (one.place.line, one.place.column, one.id)).collect();
    assert_eq!(messages, [(7, 34, "RG001"), (9, 8, "RG001")]);
    let missing = "groups:\n- name: x\n  rules:\n  - {record: 'a:b', expr: 'sum(rate(foo[5m])'}\n";
    let messages = lint(missing, &Options::default());
    assert_eq!((messages[0].place.line, messages[0].place.column), (4, 45), "{messages:?}");
}

#[test]
fn patterns_and_labels_are_checked_from_the_expression_alone() {
    let any = Options::default();
    for (expr, id) in [
        ("up{job!~\".*\"}", "RG024"),
        ("label_replace(up, \"a\", \"$1\", \"b\", \"(\")", "RG025"),
        ("sum by (job, zone) (sum by (job) (up))", "RG026"),
        ("sum by (zone) (sum without (zone) (up))", "RG026"),
        ("up * on (job) group_left (team) max by (job) (owner_info)", "RG026"),
        ("max by (job) (owner_info) * on (job) group_right (team) up", "RG026"),
    ] {
        let messages = of(expr, &any);
        assert!(messages.iter().any(|(found, _)| *found == id), "{expr}: {messages:?}");
    }
    for fine in [
        "up{job!~\"a.*\"} and up{job=~\"api|web\"}",
        "label_replace(up, \"a\", \"$1\", \"b\", \"(.*)\")",
        "sum by (job, zone) (sum by (job, zone, pod) (up))",
        "sum by (job) (sum without (pod) (up))",
        "sum by (host) (label_replace(sum by (instance) (up), \"host\", \"$1\", \"instance\", \"(.*):.*\"))",
        "sum by (version) (count_values by (job) (\"version\", up))",
        "up * on (job) group_left (team) owner_info",
        "up * on (job) group_left (team) topk by (job) (1, max by (job, team) (owner_info))",
        "sum by (a, b) (sum by (a) (x) * on (a) group_left (b) max by (a, b) (y))",
        "sum by (team) (info(sum by (job) (up)))",
    ] {
        let messages: Vec<_> = of(fine, &any).into_iter().filter(|(id, _)| *id != "RG006").collect();
        assert_eq!(messages, [], "{fine}");
    }
}

#[test]
fn queries_in_templates_are_linted() {
    let alert = |description: &str| {
        format!(
            "groups:\n- name: x\n  rules:\n  - alert: Down\n    expr: up == 0\n    for: 5m\n    labels: {{severity: warning}}\n    \
             annotations:\n      summary: A service is down.\n      description: '{description}'\n"
        )
    };
    let good =
        alert("{{ with query \"sum(up) > 0\" }}{{ . | first | value }}{{ end }}{{ range query `up` }}x{{ end }}");
    assert_eq!(lint(&good, &Options::default()), []);
    for bad in ["{{ with query \"sum(up\" }}x{{ end }}", "{{ \"rate(up)\" | query | first | value }}"] {
        let messages = lint(&alert(bad), &Options::default());
        assert!(
            messages.iter().any(|one| one.id == "RG032" && one.message.contains("does not parse")),
            "{bad}: {messages:?}"
        );
    }
}

#[test]
fn variables_are_accepted_anywhere_in_a_panel_query() {
    let board = |expr: &str| {
        serde_json::json!({
            "title": "b", "uid": "b", "schemaVersion": 39, "editable": false,
            "templating": {"list": [{"type": "datasource", "name": "datasource", "label": "Data source"}]},
            "panels": [{"type": "timeseries", "title": "T", "description": "D.",
                "datasource": {"type": "prometheus", "uid": "$datasource"},
                "fieldConfig": {"defaults": {"unit": "short"}}, "targets": [{"expr": expr}]}],
        })
        .to_string()
    };
    let messages = |expr: &str| {
        let source = Source { name: "board.json".to_owned(), named: true, text: Ok(board(expr)) };
        let findings = run(&[source], &Options::default()).findings;
        findings.into_iter().filter(|one| one.message.contains("does not parse")).count()
    };
    for fine in [
        "topk($k, up)",
        "up > $threshold",
        "$metric{job=\"x\"}",
        "sum by ($group) (up)",
        "sum by (${a:csv}, b) (up)",
        "sum(up) / ${n:raw}",
        "up{le=\"$le\"} > $__interval_ms / 1000",
        "up and $__range_s > 3600",
        "rate(x_total[${w}m])",
        "rate(x_total[$__rate_interval] offset $shift)",
        "label_replace(up, \"a\", \"$1\", \"b\", \"(.*)\")",
    ] {
        assert_eq!(messages(fine), 0, "{fine}");
    }
    for bad in ["sum(up", "rate($x)[5m]", "up > $"] {
        assert_eq!(messages(bad), 1, "{bad}");
    }
}
