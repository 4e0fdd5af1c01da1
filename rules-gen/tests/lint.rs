//! Every lint finds its own examples and accepts the corrected ones, and the command handles hostile input.

use rules_gen::lint::configuration::{self, Configuration};
use rules_gen::lint::definition::{Check, Example};
use rules_gen::lint::files::Source;
use rules_gen::lint::left_out::Why;
use rules_gen::lint::metric_facts::MetricFacts;
use rules_gen::lint::output::{Format, render};
use rules_gen::lint::report::{Finding, Level};
use rules_gen::lint::{Options, checks, report::Report, run};
use rules_gen::terminal::Style;
use std::process::Command;

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), named: true, text: Ok(text.to_owned()) }
}

fn lint(text: &str, options: &Options) -> Vec<Finding> {
    run(&[source("example.yaml", text)], options).findings
}

/// Returns the ids of the findings in an example: all warnings and errors, and every finding of one lint.
fn found(example: &Example, id: &str) -> Vec<&'static str> {
    let mut options = Options { known: MetricFacts::catalog(None), ..Options::default() };
    if let Example::RulesFor(version, _) = example {
        options.version = Some(*version);
    }
    let files = example.files();
    let mut findings = if let Example::Scrape(scrape) = example {
        let mut report = Report::new("scrape", scrape, None);
        checks::scrape(scrape, &mut report);
        report.finish(options.today, checks::id)
    } else {
        let (own, files): (Vec<_>, Vec<_>) = files.iter().partition(|(name, _)| name == configuration::NAME);
        let read = |(name, text): &(String, String)| Configuration::parse(name.as_ref(), text, true, checks::id);
        options.configurations =
            own.iter().map(|file| read(file).unwrap_or_else(|error| panic!("{error:?}"))).collect();
        let sources: Vec<Source> = files.iter().map(|(name, text)| source(name, text)).collect();
        run(&sources, &options).findings
    };
    findings.retain(|finding| finding.level >= Level::Warning || finding.id == id);
    findings.into_iter().map(|finding| finding.id).collect()
}

#[test]
fn every_lint_reports_its_bad_examples_and_nothing_in_good_ones() {
    for lint in checks::ALL.iter().filter(|lint| !matches!(lint.check, Check::Server)) {
        for example in lint.found {
            let bad = found(example, lint.id);
            assert!(bad.contains(&lint.id), "{} does not find {example:?}, but {bad:?}", lint.id);
        }
        for example in lint.fine {
            let good = found(example, lint.id);
            assert!(good.is_empty(), "{} in the fine example {example:?}: {good:?}", lint.id);
        }
        assert!(!lint.found.is_empty() && !lint.fine.is_empty(), "{} has no examples", lint.id);
        assert!(!lint.title.is_empty() && lint.why().len() > 40, "{}", lint.id);
    }
}

#[test]
fn generated_rules_and_dashboards_have_no_findings() {
    let config = checklist::Config::parse("checklist.yaml", include_str!("../../examples/checklist.yaml")).unwrap();
    let sources: Vec<Source> = rules_gen::outputs::generate(&config, "checklist.yaml")
        .unwrap()
        .into_iter()
        .filter(|output| output.path.starts_with("rules") || output.path.starts_with("dashboards"))
        .map(|output| source(&output.path.display().to_string(), &output.content))
        .collect();
    let outcome = run(
        &sources,
        &Options {
            known: MetricFacts::catalog(Some(&config)),
            retention: Some(100.0 * 86_400.0),
            ..Options::default()
        },
    );
    let shown = render(Format::Text, &outcome.findings, &outcome.files, Style::PLAIN);
    let bad = outcome.findings.iter().filter(|finding| finding.level >= Level::Warning).count();
    assert_eq!(bad, 0, "{shown}");
}

/// Alerts of four public projects that could never work, rewritten in our own words. Each passed its project's checks.
#[test]
fn alerts_that_can_never_fire_are_reported() {
    let alert = |expr: &str| {
        format!(
            "groups:\n- name: g\n  rules:\n  - alert: Broken\n    expr: {expr}\n    for: 5m\n    labels: {{severity: critical}}\n    annotations: {{summary: It broke., description: It broke.}}\n"
        )
    };
    for (expr, id) in [
        ("up{job=\"backup-operator\"} != 0", "RG018"),
        ("timestamp(last_autovacuum_timestamp_seconds > 0) < time() - 36000", "RG020"),
        ("rate(stat_activity_max_transaction_duration[2m]) > 120", "RG011"),
        ("sum by (alertname) (count_over_time(ALERTS[1d])) > 100", "RG019"),
    ] {
        let findings = lint(&alert(expr), &Options::default());
        let found = findings.iter().find(|finding| finding.id == id);
        assert!(found.is_some_and(|finding| finding.level >= Level::Warning), "{expr}: {findings:?}");
    }
}

#[test]
#[cfg_attr(not(has_sarif_schema), ignore = "no schema of SARIF (scripts/install-schemas)")]
fn sarif_output_is_valid_against_its_schema() {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../target/schemas/node_modules/@microsoft/jest-sarif/lib/schemas/");
    let schema = std::fs::read_to_string(format!("{path}sarif-2.1.0-rtm.5.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let bad = "groups:\n- name: g\n  rules:\n  - alert: Broken\n    expr: up != 0\n";
    for text in [bad, "groups: [\n", "groups: []\n"] {
        let outcome = run(&[source("rules/a b.yaml", text)], &Options::default());
        let sarif = render(Format::Sarif, &outcome.findings, &outcome.files, Style::PLAIN);
        let mut sarif: serde_json::Value = serde_json::from_str(&sarif).unwrap();
        let mistakes: Vec<String> = validator.iter_errors(&sarif).map(|error| error.to_string()).collect();
        assert!(mistakes.is_empty(), "{mistakes:#?}");
        // An invalid document must fail the schema.
        sarif["runs"][0]["tool"] = serde_json::json!({});
        assert!(!validator.is_valid(&sarif));
    }
}

#[test]
fn every_output_format_is_well_formed_and_names_the_position() {
    let bad = "groups:\n- name: g\n  rules:\n  - alert: Bro<ken\n    expr: up{job=\"a&b\"} != 0\n";
    let outcome = run(&[source("a:b,c.yaml", bad)], &Options::default());
    let shown = |format| render(format, &outcome.findings, &outcome.files, Style::PLAIN);
    let text = shown(Format::Text);
    assert!(text.contains("error[RG018] Bro<ken: up is 1 while everything works"), "{text}");
    assert!(text.contains("  --> a:b,c.yaml:5:11\n5 |     expr: up{job=\"a&b\"} != 0\n  |           ^^"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&shown(Format::Json)).unwrap();
    assert!(json.as_array().unwrap().iter().any(|one| one["id"] == "RG018" && one["line"] == 5 && one["column"] == 11));
    let sarif: serde_json::Value = serde_json::from_str(&shown(Format::Sarif)).unwrap();
    let run = &sarif["runs"][0];
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
    assert!(shown(Format::Github).contains("::error file=a%3Ab%2Cc.yaml,line=5,col=11,title=RG018::up is 1"));
    for format in [Format::Junit, Format::Checkstyle] {
        let xml = shown(format);
        assert!(xml.contains("a:b,c.yaml") && !xml.contains("Bro<ken"), "{xml}");
    }
}

#[test]
fn a_suppression_applies_to_its_rule_until_its_end_date() {
    let rules = |comment: &str| {
        format!(
            "groups:\n- name: g\n  rules:\n  {comment}\n  - record: a:b\n    expr: timestamp(a > 1)\n  - record: a:c\n    expr: timestamp(b > 1)\n"
        )
    };
    let today = jiff::civil::date(2026, 11, 24);
    let ids = |comment: &str| -> Vec<(usize, &str)> {
        let options = Options { today, ..Options::default() };
        lint(&rules(comment), &options).iter().map(|finding| (finding.place.line, finding.id)).collect()
    };
    assert_eq!(ids("# nothing"), [(6, "RG020"), (8, "RG020")]);
    assert_eq!(ids("# rules-gen: ignore RG020 because b never rests"), [(8, "RG020")]);
    assert_eq!(ids("# rules-gen: ignore RG020 until 2026-11-24 because b never rests"), [(8, "RG020")]);
    assert_eq!(ids("# rules-gen: ignore-file RG020 because nothing rests"), []);
    assert_eq!(ids("# rules-gen: ignore RG020 until 2026-11-23 because x")[0], (4, "RG099"));
    assert_eq!(ids("# rules-gen: ignore RG020")[0], (4, "RG099"));
    assert_eq!(ids("# rules-gen: ignore RG999 because x")[0], (4, "RG099"));
}

#[test]
fn hostile_files_get_a_named_error_and_the_others_are_checked() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let good = "groups:\n- name: g\n  rules:\n  - {record: 'a:b', expr: up}\n";
    let bomb: String = std::iter::once("groups:\na0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned())
        .chain((1..12).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", "))))
        .collect();
    let files: [(&str, Vec<u8>, Option<&str>); 12] = [
        ("good.yaml", good.into(), None),
        ("crlf.yaml", good.replace('\n', "\r\n").into(), None),
        ("bom.yaml", format!("\u{feff}{good}").into(), None),
        ("empty.yaml", Vec::new(), None),
        ("deep.yaml", format!("groups: {}", "[".repeat(100_000)).into(), Some("RG001")),
        ("deeper.yaml", format!("groups: {}1{}", "[".repeat(150), "]".repeat(150)).into(), Some("RG001")),
        ("bomb.yaml", bomb.into(), Some("RG001")),
        ("latin.yaml", b"groups: \xe9\n".to_vec(), Some("RG001")),
        ("tabs.yaml", "groups:\n\t- name: g\n".into(), Some("RG001")),
        ("twice.yaml", "groups: []\ngroups: []\n".into(), Some("RG001")),
        (
            "brackets.yaml",
            good.replace("up", &format!("{}up{}", "(".repeat(5_000), ")".repeat(5_000))).into(),
            Some("RG001"),
        ),
        ("large.yaml", vec![b'#'; 70 * 1024 * 1024], Some("RG001")),
    ];
    for (name, bytes, _) in &files {
        std::fs::write(folder.path().join(name), bytes)?;
    }
    std::os::unix::fs::symlink(folder.path(), folder.path().join("loop"))?;
    std::os::unix::fs::symlink("nowhere.yaml", folder.path().join("dangling.yaml"))?;
    let sources = rules_gen::lint::files::collect(&[folder.path().display().to_string()]).unwrap();
    assert_eq!(sources.len(), files.len() + 1, "a link back is not followed");
    let outcome = run(&sources, &Options::default());
    for (name, _, id) in
        files.iter().map(|(name, bytes, id)| (*name, bytes, *id)).chain([("dangling.yaml", &Vec::new(), Some("RG001"))])
    {
        let mine = |finding: &&Finding| finding.file.ends_with(&format!("/{name}")) && finding.level == Level::Error;
        let found = outcome.findings.iter().find(mine);
        assert_eq!(found.map(|finding| finding.id), id, "{name}: {found:?}");
    }
    Ok(())
}

#[test]
fn exit_codes_distinguish_findings_usage_and_a_server_without_response() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(
        folder.path().join("bad.yaml"),
        "groups:\n- name: g\n  rules:\n  - {record: 'a:b', expr: 'up =='}\n",
    )?;
    std::fs::write(folder.path().join("helm.yaml"), "{{- if .Values.rules }}\ngroups: []\n{{- end }}\n")?;
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_rules-gen"))
            .arg("lint")
            .args(arguments)
            .current_dir(folder.path())
            .output()?;
        std::io::Result::Ok((
            output.status.code(),
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        ))
    };
    assert_eq!(run(&["bad.yaml"])?.0, Some(1));
    assert_eq!(run(&["bad.yaml", "--ignore", "RG001"])?.0, Some(0));
    assert_eq!(run(&["bad.yaml", "--select", "RG018"])?.0, Some(0));
    let (code, printed) = run(&["helm.yaml"])?;
    assert!(code == Some(2) && printed.contains("helm.yaml was not linted: this is a Helm template"), "{printed}");
    assert_eq!(run(&["*.nothing"])?.0, Some(2));
    assert_eq!(run(&["bad.yaml", "--select", "RG999"])?.0, Some(2));
    assert_eq!(run(&["bad.yaml", "--live", "http://127.0.0.1:1"])?.0, Some(3));
    let (code, printed) = run(&["--explain", "rg018"])?;
    assert!(code == Some(0) && printed.contains("up != 0"), "{printed}");
    Ok(())
}

#[test]
fn an_alert_that_notifies_nobody_is_reported_with_its_routes() {
    let rules = "groups:\n- name: g\n  rules:\n  - {alert: Down, expr: up == 0, for: 5m, labels: {severity: critical}, annotations: {summary: Down., description: Down.}}\n";
    let routes = |receiver: &str| {
        format!(
            "route: {{receiver: {receiver}}}\nreceivers:\n- name: nobody\n- name: pager\n  webhook_configs: [{{url: 'http://localhost/'}}]\n"
        )
    };
    let ids = |receiver: &str| -> Vec<&str> {
        let sources = [source("rules.yaml", rules), source("alertmanager.yaml", &routes(receiver))];
        let findings = run(&sources, &Options::default()).findings;
        findings.iter().filter(|finding| finding.level == Level::Error).map(|finding| finding.id).collect()
    };
    assert_eq!(ids("pager"), [] as [&str; 0]);
    assert_eq!(ids("nobody"), ["RG036"]);
    assert_eq!(ids("nosuch"), ["RG036"], "Alertmanager refuses an unknown receiver");
}

#[test]
fn a_chain_of_thousands_of_operators_is_a_finding_and_the_other_files_are_checked() {
    let rule = |expr: &str| format!("groups:\n- name: g\n  rules:\n  - record: a:b\n    expr: '{expr}'\n");
    let chains = ["up + ", "up or ", "- ", "up ^ "].map(|part| rule(&format!("{}up", part.repeat(8000))));
    let mut sources: Vec<Source> =
        chains.iter().enumerate().map(|(at, text)| source(&format!("{at}.yaml"), text)).collect();
    sources.push(source("long.yaml", &rule(&format!("{}up", "up + ".repeat(500)))));
    sources.push(source("other.yaml", &rule("up ==")));
    let findings = run(&sources, &Options::default()).findings;
    let about = |name: &str| findings.iter().filter(|found| found.file == name && found.id == "RG001").count();
    for name in ["0.yaml", "1.yaml", "2.yaml", "3.yaml", "other.yaml"] {
        assert_eq!(about(name), 1, "{name}");
    }
    assert_eq!(about("long.yaml"), 0);
    assert!(findings.iter().any(|found| found.message.contains("more than 1000 operators")));
}

#[test]
fn only_files_with_helm_actions_are_skipped_as_templates() {
    let rule = |name: &str, summary: &str| {
        format!(
            "groups:\n- name: a\n  rules:\n  - alert: {name}\n    expr: up == 0\n    annotations:\n      summary: {summary}\n"
        )
    };
    let left_out = |text: &str| {
        let outcome = run(&[source("example.yaml", text)], &Options::default());
        let broken = outcome.findings.iter().any(|found| found.id == "RG001");
        (outcome.left_out.iter().any(|one| one.why == Why::Helm), broken)
    };
    let broken = rule("X", "\"{{- if eq $labels.job \"api\" }}API{{ end }} is down\"");
    assert_eq!(left_out(&broken), (false, true));
    assert_eq!(left_out(&rule("{{ .Values.name }}", "x")), (true, false));
    assert_eq!(left_out("kind: PrometheusRule\nmetadata:\n  name: {{ include \"x.fullname\" . }}\n"), (true, false));
    assert_eq!(left_out("{{- range .Values.alerts }}\n- a: [\n{{- end }}\n"), (true, false));
    assert_eq!(left_out("{{- range .alerts }}\n- a: [\n{{- end }}\n"), (false, true));
    assert_eq!(left_out(&rule("X", "It is\n{{ $labels.job }} and down")), (false, true), "quotes were forgotten");
    assert_eq!(left_out(&rule("X", "'see {{ .Values.runbook }}'")), (false, false), "it is YAML");
    let ours = "\"{{ $value }} {{ .Value }} {{ .Labels.x }} {{ $labels.Release.x }} .Values.x\"";
    assert_eq!(left_out(&rule("X", ours)), (false, false));
}

#[test]
fn an_invalid_address_is_a_usage_error() {
    for arguments in [["lint", "--live", "notaurl", "x.yaml"], ["noise", "--prometheus", "notaurl", "--quiet"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_rules-gen")).args(arguments).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{printed}");
        assert!(printed.contains(arguments[1]) && printed.contains("http://localhost:9090"), "{printed}");
    }
}

#[test]
fn the_objects_of_a_list_are_linted_in_place() {
    for kind in ["List", "PrometheusRuleList"] {
        let text = format!(
            "apiVersion: v1\nkind: {kind}\nitems:\n- apiVersion: monitoring.coreos.com/v1\n  kind: PrometheusRule\n  metadata: {{name: x}}\n  spec:\n    groups:\n    - name: a\n      rules:\n      - alert: X\n        expr: up ==\n"
        );
        let outcome = run(&[source("example.yaml", &text)], &Options::default());
        assert!(outcome.findings.iter().any(|found| found.id == "RG001" && found.place.line == 12), "{outcome:?}");
    }
}

#[test]
fn an_empty_scrape_and_a_missing_runbook_folder_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    let rules = "groups:\n- name: g\n  rules:\n  - {record: 'a:b', expr: x_total}\n";
    std::fs::write(folder.path().join("rules.yaml"), rules).unwrap();
    std::fs::write(folder.path().join("empty.txt"), "# TYPE x_total counter\n<h1>404 5</h1>\n").unwrap();
    std::fs::write(folder.path().join("good.txt"), "# TYPE x_total counter\nx_total{a=\"b c\"} 5\n").unwrap();
    let large = std::fs::File::create(folder.path().join("large.yaml")).unwrap();
    large.set_len(65 * 1024 * 1024).unwrap();
    for (option, value, code, word) in [
        ("--catalog-from", "empty.txt", 2, "no sample"),
        ("--catalog-from", "large.yaml", 2, "larger than 64 MiB"),
        ("--config", "large.yaml", 2, "larger than 64 MiB"),
        ("--runbooks", "nowhere", 2, "--runbooks: nowhere is not a folder"),
        ("--catalog-from", "good.txt", 0, ""),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rules-gen"));
        let output = command.args(["lint", "rules.yaml", option, value]).current_dir(folder.path()).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{option} {value}: {printed}");
        assert!(printed.contains(word), "{printed}");
    }
}

/// In a folder, a pipe without a writer would block for ever.
#[test]
fn a_pipe_is_read_if_named_and_skipped_in_a_folder() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(
        folder.path().join("bad.yaml"),
        "groups:\n- name: g\n  rules:\n  - {record: 'a:b', expr: 'up =='}\n",
    )?;
    assert!(Command::new("mkfifo").arg(folder.path().join("pipe.yaml")).status()?.success());
    let lint = |script: &str| {
        let line = format!("rules_gen() {{ {} \"$@\"; }}; {script}", env!("CARGO_BIN_EXE_rules-gen"));
        let output = Command::new("bash").args(["-c", &line]).current_dir(folder.path()).output()?;
        std::io::Result::Ok((output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned()))
    };
    for script in [
        "rules_gen lint <(cat bad.yaml)",
        "rules_gen lint /dev/stdin < bad.yaml",
        "cat bad.yaml | rules_gen lint /dev/stdin",
        "cat bad.yaml > pipe.yaml & rules_gen lint pipe.yaml",
    ] {
        let (code, printed) = lint(script)?;
        assert!(
            code == Some(1) && printed.contains(":4:") && printed.contains("does not parse"),
            "{script}: {printed}"
        );
    }
    assert_eq!(lint("rules_gen lint /dev/null")?.0, Some(2), "nothing was judged");
    let (code, printed) = lint("rules_gen lint /dev/zero")?;
    assert!(code == Some(1) && printed.contains("larger than 64 MiB"), "{printed}");
    let (code, printed) = lint("rules_gen lint .")?;
    assert!(
        code == Some(1)
            && printed.contains("read only when the command line names it")
            && printed.contains("pipe.yaml"),
        "{printed}"
    );
    Ok(())
}
