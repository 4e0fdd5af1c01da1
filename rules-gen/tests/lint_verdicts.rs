//! `rules-gen lint` succeeds only if something was linted, and fails only on findings.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::path::Path;
use std::process::{Command, Output};

const RULES: &str = "groups:\n- name: g\n  rules:\n  - {record: 'a:b', expr: up}\n";

fn lint(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rules-gen"));
    command.arg("lint").args(arguments).current_dir(folder).output().unwrap()
}

/// Returns the exit code and everything that was printed.
fn verdict(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = lint(folder, arguments);
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code(), printed)
}

/// Returns the verdict on one named file.
fn of(name: &str, text: impl AsRef<[u8]>, arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    verdict(folder.path(), &[&[name], arguments].concat())
}

#[test]
fn a_named_file_that_was_not_linted_fails_the_run() {
    let helm = "{{- if .Values.enabled }}\ngroups: []\n{{- end }}\n";
    let grafana = "apiVersion: 1\ngroups:\n- orgId: 1\n  name: g\n  folder: f\n  rules: [{uid: a, title: b}]\n";
    for (text, why) in [
        ("", "the file is empty"),
        ("# groups:\n---\n# nothing\n", "the file is empty"),
        ("groups:\n", "groups has no entries"),
        ("groups: null\n", "groups has no entries"),
        (helm, "this is a Helm template"),
        ("apiVersion: v1\nkind: Service\n---\n", "objects of kind Service are not linted"),
        (grafana, "Grafana-managed alert rules"),
        (&RULES.replacen("groups", "group", 1), "unknown key group (did you mean groups?)"),
        (&RULES.replacen("groups", "Groups", 1), "unknown key Groups (did you mean groups?)"),
        ("tests: [lint, unit]\n", "unknown key tests"),
    ] {
        let (code, printed) = of("rules.yaml", text, &[]);
        assert!(
            code == Some(2) && printed.contains(why) && printed.contains("rules.yaml was not linted"),
            "{text}: {printed}"
        );
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rules.yaml"), text).unwrap();
        let (code, printed) = verdict(folder.path(), &["."]);
        assert!(code == Some(2) && printed.contains("nothing in . was linted"), "{text}: {printed}");
    }
    // Files that Prometheus refuses are findings.
    for text in ["groups: {}\n", "groups: [\n", "[]\n", "groups: [5]\n", "groups: \"\\/\"\n"] {
        let (code, printed) = of("rules.yaml", text, &[]);
        assert!(matches!(code, Some(1 | 2)) && printed.contains("RG001"), "{text}: {printed}");
    }
    assert_eq!(of("rules.yaml", "groups: []\n", &[]).0, Some(0), "none, on purpose");
    let groups: String = RULES.lines().map(|line| format!("  {line}\n")).collect();
    let object = |head: &str| format!("{head}metadata: {{name: x}}\nspec:\n{groups}");
    let version = "apiVersion: monitoring.coreos.com/v1\n";
    for (head, why) in [
        ("kind: PrometheusRule\n".to_owned(), "the object has no apiVersion"),
        (format!("{version}kind: PrometheusRules\n"), "unknown kind PrometheusRules (did you mean PrometheusRule?)"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rules.yaml"), object(&head)).unwrap();
        let (code, printed) = verdict(folder.path(), &["."]);
        assert!(code == Some(1) && printed.contains(why), "{printed}");
    }
    let (code, printed) = of("rules.yaml", object(&format!("{version}kind: PrometheusRule\n")), &[]);
    assert_eq!(code, Some(0), "{printed}");
}

#[test]
fn a_folder_without_anything_to_lint_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("rules/a.rules", RULES);
    write("rules/b.rule", &RULES.replace("a:b", "b:c"));
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    write("foreign/ci.yaml", "jobs: []\n");
    write("foreign/groups.json", "{\"groups\": [\"admin\", \"users\"]}\n");
    write("rules/playbook.yml", "- hosts: all\n  tasks:\n  - group: {{ name }} of\n\t{% if x %}\n");
    for at in 0..30 {
        write(&format!("many/{at}.yaml"), "kind: Service\napiVersion: v1\ngroup: x\n");
    }
    for (path, code, word) in [
        ("rules", 0, "3 files: 0 errors"),
        ("empty", 2, "nothing in empty was linted: it contains no YAML or JSON file"),
        ("foreign", 2, "nothing in foreign was linted: 2 files such as foreign/ci.yaml"),
        ("foreign/*.json", 2, "nothing in foreign/*.json was linted"),
        ("nothing/*.yaml", 2, "nothing matches"),
        (".", 0, "33 files contain nothing to lint and were skipped (objects of other kinds: 30, other files: 3)"),
    ] {
        let (found, printed) = verdict(folder.path(), &[path]);
        assert!(found == Some(code) && printed.contains(word), "{path}: {found:?} {printed}");
    }
    let (code, printed) = verdict(folder.path(), &["rules", "empty"]);
    assert!(code == Some(2) && printed.contains("nothing in empty"), "each is asked for: {printed}");
}

#[test]
fn files_that_prometheus_loads_have_no_error() {
    let comments = |count: usize, indent: &str| format!("{indent}# c\n").repeat(count);
    let many = comments(1000, "  ");
    let base = RULES.replace("{record: 'a:b', expr: up}", "record: a:b\n    expr: up\n    labels:\n      x: y");
    for text in [
        base.replace("  - record", &format!("{many}  - record")),
        base.replace("    expr", &format!("{many}    expr")),
        base.replace("      x", &format!("{many}      x")),
        base.replace("  rules:\n", &format!("  rules: # c\n{many}")),
        format!("{many}---\n{many}{base}{many}---\n{many}"),
        format!("{base}---\n"),
        format!("{base}...\n"),
        format!("---\n{base}...\n---\n# c\n"),
        format!("\u{feff}{base}"),
        base.replace('\n', "\r\n"),
        base.replace("expr: up", "expr: up{ns=~`team-\\d+`, pod=~`(\\w+)`}"),
        base.replace("expr: up", "expr: 'up{ns=~`team-\\d+`}'"),
        base.replace("labels:\n      x: y", "labels: {a: , c: d}"),
    ] {
        let (code, printed) = of("rules.yaml", &text, &[]);
        assert_eq!(code, Some(0), "{printed}\n{text:.300}");
    }
    let wide: Vec<u8> = [0xFF, 0xFE].into_iter().chain(base.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(of("rules.yaml", wide, &[]).0, Some(0), "what PowerShell writes");
}

/// Two YAML parsers limit the number of comments before an item.
#[test]
fn expired_suppressions_in_comments_do_not_fail_other_verbs() {
    let comments = "  # - {name: old}\n".repeat(200);
    let routes = format!("route:\n  receiver: a\nreceivers:\n{comments}- name: a\n{comments}- name: b\n");
    let (code, printed) = of("alertmanager.yaml", routes, &[]);
    assert_eq!(code, Some(0), "{printed}");
    let folder = tempfile::tempdir().unwrap();
    let rules = RULES.replace("  - {", &format!("{comments}  - {{"));
    std::fs::write(folder.path().join("rules.yaml"), rules).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rules-gen"));
    let arguments = ["backtest", "--prometheus", "http://127.0.0.1:1", "--rules", "rules.yaml"];
    let output = command.args(arguments).current_dir(folder.path()).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(printed.contains("no alert matches"), "{printed}");
}

#[test]
fn keys_of_mimir_and_thanos_are_accepted_unless_another_server_is_given() {
    let with = |key: &str| RULES.replace("  rules", &format!("  {key}\n  rules"));
    for (text, server, key) in [
        (with("source_tenants: [a, b]"), "mimir", "source_tenants"),
        (with("align_evaluation_time_on_interval: true"), "mimir", "align_evaluation_time_on_interval"),
        (with("evaluation_delay: 1m"), "mimir", "evaluation_delay"),
        (with("partial_response_strategy: warn"), "thanos", "partial_response_strategy"),
        (format!("namespace: n\n{RULES}"), "mimir", "namespace"),
    ] {
        assert_eq!(of("rules.yaml", &text, &[]).0, Some(0), "{text}");
        assert_eq!(of("rules.yaml", &text, &["--server", server]).0, Some(0), "{text}");
        for other in [["--server", "prometheus"], ["--prometheus-version", "2.42"]] {
            let (code, printed) = of("rules.yaml", &text, &other);
            assert!(code == Some(1) && printed.contains(&format!("accepts the key {key}")), "{printed}");
        }
    }
    let (code, printed) = of("rules.yaml", with("partial_response_strategy: maybe"), &[]);
    assert!(code == Some(1) && printed.contains("must be warn or abort"), "{printed}");
    assert_eq!(of("rules.yaml", with("source_tenant: [a]"), &[]).0, Some(1), "a key of nobody");
}

#[test]
fn rules_gen_yaml_sets_levels_accepts_findings_and_requires_labels() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let alert = "groups:\n- name: g\n  rules:\n  - alert: Down\n    expr: up == 0\n    for: 5m\n    labels: {severity: page, env: x}\n    \
                 annotations: {summary: It is down., description: 'Of {{ $labels.job }}.'}\n";
    write("rules/team-a/a.yaml", alert);
    write(
        "rules/b.json",
        "{\"groups\":[{\"name\":\"g\",\"rules\":[{\"record\":\"a:b\",\"expr\":\"avg(a_total / rate(b_total[5m]))\"}]}]}",
    );
    let ids = |arguments: &[&str]| {
        let output = lint(folder.path(), &[arguments, &["--output", "json"]].concat());
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{printed}"));
        let one = |one: &serde_json::Value| {
            format!("{}:{} {} {}", one["file"].as_str()?, one["line"], one["id"].as_str()?, one["level"].as_str()?)
                .into()
        };
        found.as_array().unwrap().iter().filter_map(one).collect::<Vec<String>>()
    };
    let before = ids(&["rules"]);
    assert!(before.iter().any(|one| one == "rules/b.json:1 RG016 warning"), "{before:?}");
    write(
        "rules/rules-gen.yaml",
        "levels:\n- {lints: [RG018, RG040], level: off}\nignores:\n- lints: [RG016]\n  paths: [b.json]\n  reason: b never rests\n  \
         until: 2999-01-01\n- {lints: [RG013], reason: nothing looks back}\npolicies:\n- paths: [team-a/**]\n  \
         severities: [critical, warning]\n  labels: {required: [team], forbidden: [env]}\n  annotations: {required: [runbook_url]}\n",
    );
    let after = ids(&["rules"]);
    let about = |id: &str| after.iter().filter(|one| one.contains(id)).map(String::as_str).collect::<Vec<_>>();
    assert_eq!(about("b.json"), [] as [&str; 0], "{after:?}");
    assert_eq!(
        about("RG080"),
        [
            "rules/team-a/a.yaml:4 RG080 error",
            "rules/team-a/a.yaml:4 RG080 error",
            "rules/team-a/a.yaml:7 RG080 error",
            "rules/team-a/a.yaml:7 RG080 error"
        ]
    );
    assert_eq!(about("RG099"), ["rules/rules-gen.yaml:8 RG099 warning"], "it suppresses nothing");
    write("other.yaml", "levels: []\n");
    assert_eq!(ids(&["rules", "--rules-config", "other.yaml"]), before);
    for (text, why) in [
        ("level: []\n", "1:1: unknown key level (did you mean levels?)"),
        ("levels:\n- {lints: [RG999], level: off}\n", "2:12: unknown lint RG999"),
        ("levels:\n- {lints: [RG018], level: loud}\n", "2:27: level must be one of"),
        ("ignores:\n- {lints: [RG018]}\n", "2:3: lints and reason are required"),
        ("ignores:\n- {lints: [RG018], reason: x, until: soon}\n", "until must be a date"),
        ("policies: {}\n", "policies must be a list"),
        ("fix: {runbook: x}\n", "1:7: unknown key runbook"),
        ("a: [\n", "invalid YAML"),
    ] {
        write("other.yaml", text);
        let (code, printed) = verdict(folder.path(), &["rules", "--rules-config", "other.yaml"]);
        assert!(code == Some(2) && printed.contains("other.yaml:") && printed.contains(why), "{text}: {printed}");
    }
    write("rules/rules-gen.yaml", "ignores:\n- {lints: [RG016], reason: x, until: 2020-01-01}\n");
    let ended = ids(&["rules"]);
    assert!(ended.iter().any(|one| one == "rules/rules-gen.yaml:2 RG099 error"), "{ended:?}");
}

#[test]
fn a_suppression_without_effect_is_reported() {
    let text = RULES.replace("  - {", "  # rules-gen: ignore RG016 because there is no divisor\n  - {");
    let (code, printed) = of("rules.yaml", &text, &[]);
    assert!(code == Some(1) && printed.contains("RG016 finds nothing here") && printed.contains(":4:"), "{printed}");
}

#[test]
fn a_configuration_without_any_integration_is_one_finding_however_many_alerts_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let alert = |n: usize| format!("  - {{alert: A{n}, expr: up == 0, for: 5m, labels: {{severity: critical}}}}\n");
    let rules: String = (0..20).map(alert).collect();
    std::fs::write(folder.path().join("rules.yaml"), format!("groups:\n- name: g\n  rules:\n{rules}")).unwrap();
    let routes = "route: {receiver: nobody}\nreceivers:\n- name: nobody\n";
    std::fs::write(folder.path().join("alertmanager.yaml"), routes).unwrap();
    let (code, printed) = verdict(folder.path(), &["."]);
    assert!(code == Some(1) && printed.matches("RG036").count() == 1, "{printed}");
    assert!(printed.contains("no receiver has an integration: the 20 alerts notify nobody"), "{printed}");
    assert!(printed.contains("alertmanager.yaml:2:1"), "{printed}");
    // With an integration on one of two receivers, each alert that the other one takes is reported.
    let routes = "route: {receiver: nobody}\nreceivers:\n- name: nobody\n- name: pager\n  webhook_configs: [{url: 'http://localhost:9093/'}]\n";
    std::fs::write(folder.path().join("alertmanager.yaml"), routes).unwrap();
    assert_eq!(verdict(folder.path(), &["."]).1.matches("which has no integration").count(), 20);
}

#[test]
fn fix_changes_only_unambiguous_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yaml");
    std::fs::write(folder.path().join("rules-gen.yaml"), "fix: {runbook_url: 'https://r.example.org/{alert}'}\n")
        .unwrap();
    std::fs::write(
        &path,
        "groups:\n- name: g\n  rules:\n  - alert: Down\n    expr: up == 0\n    for: 5 min\n    labels: {severity: critical}\n    \
         annotations:\n      summary: It is down.\n      description: {{ $labels.job }} is down\n",
    )
    .unwrap();
    assert_eq!(verdict(folder.path(), &["rules.yaml"]).0, Some(1));
    let (code, printed) = verdict(folder.path(), &["rules.yaml", "--fix"]);
    assert!(
        code == Some(0) && printed.contains("was fixed (durations: 1, runbook links added: 1, texts quoted: 1)"),
        "{printed}"
    );
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("for: 5m\n") && text.contains("runbook_url: https://r.example.org/Down\n"), "{text}");
    assert!(text.contains("description: '{{ $labels.job }} is down'\n"), "{text}");
    assert!(!verdict(folder.path(), &["rules.yaml", "--fix"]).1.contains("fixed"), "once is enough");
}

#[test]
fn a_finding_in_a_long_line_shows_only_its_surroundings() {
    let rule = |n: usize, expr: &str| format!("{{\"record\":\"a:b{n}\",\"expr\":\"{expr}\"}}");
    let mut rules: Vec<String> = (0..200).map(|n| rule(n, "up")).collect();
    rules.push(rule(200, "sum(up) by (job) >> 1"));
    let text = format!("{{\"groups\":[{{\"name\":\"é\",\"rules\":[{}]}}]}}", rules.join(","));
    let (code, printed) = of("rules.json", &text, &[]);
    let column = text[..=text.find(">> 1").unwrap()].chars().count() + 1;
    assert!(code == Some(1) && printed.contains(&format!("rules.json:1:{column}\n")), "{printed}");
    let lines: Vec<&str> = printed.lines().collect();
    let at = lines.iter().position(|line| line.contains(">> 1")).unwrap();
    let (shown, caret) = (lines[at], lines[at + 1].find('^').unwrap());
    assert_eq!(shown.chars().skip(caret).take(3).collect::<String>(), "> 1", "{printed}");
}

/// Folders with rules often contain configurations of servers too.
/// A part of a configuration is enough for a file that is named. In a folder it may belong to another program.
#[test]
fn a_named_file_with_keys_of_prometheus_alone_is_its_configuration() {
    for text in [
        "rule_files: ['*.rules']\n",
        "remote_write: [{url: 'http://a/'}]\n",
        "global:\n",
        "storage: {tsdb: {out_of_order_time_window: 5m}}\n",
        "rate_limit: {burst: 5, interval: 1s}\n",
    ] {
        let (code, printed) = of("a.yml", text, &[]);
        assert_eq!(code, Some(0), "{text}: {printed}");
    }
    let (code, printed) = of("a.yml", "remote_write: [{url: 'http://a/', queue_configs: {}}]\n", &[]);
    assert!(code == Some(1) && printed.contains("RG008") && printed.contains("queue_configs"), "{printed}");
}

#[test]
fn server_configurations_in_folders_are_recognized() {
    for (name, text, code, word) in [
        ("prometheus.yml", "global: {scrape_intervall: 30s}\nrule_files: [a.yaml]\n", 1, "RG008"),
        ("prometheus.yml", "global: {scrape_interval: 30s}\nrule_files: ['*.rules']\n", 0, "0 errors"),
        ("prometheus.yml", "global: {scrape_interval: 30s}\nrule_files: [a.yaml]\n", 1, "there is no file a.yaml"),
        ("prometheus.yml", "scrape_configs:\n- job_name: a\n  relabel_configs: [\n", 1, "RG001"),
        ("prometheus.yml", "alerting:\n  alertmanagers:\n  - static_configs: {{ x }}\n", 1, "3:22"),
        ("web.yaml", "tls_server_config: {certificate: a}\n", 1, "RG008"),
        ("web.yaml", "basic_auth_users:\n  a: {{ password }}\n", 1, "2:7"),
        ("web.yaml", "basic_auth_users:\n  a: {% password %}\n", 1, "RG001"),
        ("web.yaml", "http_server_config: {http2: false}\n", 0, "0 errors"),
        ("promtail.yaml", "clients: []\nscrape_configs:\n- job_name: {{ name }}\n", 2, "contains no rules"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        let (found, printed) = verdict(folder.path(), &["."]);
        assert!(found == Some(code) && printed.contains(word), "{text}: {found:?} {printed}");
    }
}

#[test]
fn a_document_separator_before_or_after_hides_no_finding() {
    let test = "rule_files: []\ntests:\n- {interval: soon}\n";
    let prometheus = "scrape_configs: [{metrics_path: /m}]\n";
    let routes = "route: {receiver: a}\nreceivers: [{name: b}]\n";
    for (text, id) in [(test, "RG041"), (prometheus, "RG008"), (routes, "RG036")] {
        for whole in [
            format!("---\n{text}"),
            format!("{text}---\n"),
            format!("# c\n---\n{text}...\n"),
            format!("{text}---\n# c\n"),
            format!("{text}---\na: b\n"),
        ] {
            let (code, printed) = of("file.yaml", &whole, &[]);
            assert!(code == Some(1) && printed.contains(id), "{whole}: {printed}");
        }
        let (code, printed) = of("file.yaml", format!("groups: []\n---\n{text}"), &[]);
        assert!(code == Some(1) && printed.contains("only the first document of a file is loaded"), "{printed}");
        let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
        let map = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata:\n  a.yaml: |\n    ---\n{indented}    ---\n"
        );
        let (code, printed) = of("map.yaml", &map, &[]);
        assert!(code == Some(1) && printed.contains(id), "{map}: {printed}");
    }
}

#[test]
fn a_glob_pattern_lints_the_files_that_it_matches() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("a/deep")).unwrap();
    std::fs::write(folder.path().join("a/foreign.yaml"), "jobs: []\n").unwrap();
    std::fs::write(folder.path().join("a/deep/rules.yaml"), RULES).unwrap();
    let (code, printed) = verdict(folder.path(), &["a/*.yaml", "a/deep"]);
    assert!(code == Some(2) && printed.contains("nothing in a/*.yaml was linted"), "{printed}");
}

/// The findings about a rule test depend on which rule files are linted with it.
#[test]
fn a_suppression_of_a_lint_that_depends_on_other_files_is_not_reported_as_unused() {
    let folder = tempfile::tempdir().unwrap();
    let ignore = |id: &str, text: &str| format!("# rules-gen: ignore-file {id} because it is so\n{text}");
    let test = ignore(
        "RG041",
        "rule_files: [rules.yaml]\ntests: [{interval: 1m, alert_rule_test: [{eval_time: 1m, alertname: Other}]}]\n",
    );
    let counter = ignore("RG011", RULES).replace("up}", "'rate(a:things:count[5m])'}");
    std::fs::write(folder.path().join("test.yaml"), test).unwrap();
    std::fs::write(folder.path().join("counter.yaml"), counter).unwrap();
    for paths in [&["test.yaml"][..], &["counter.yaml"]] {
        let (code, printed) = verdict(folder.path(), paths);
        assert!(code == Some(0) && !printed.contains("RG099"), "{printed}");
    }
}

#[test]
fn templates_and_data_of_other_programs_in_a_folder_are_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let data =
        "groups:\n- name: databases\n  services:\n  - name: postgres\n    exporters: [{rules: [{name: down}]}]\n";
    for (name, text) in [
        ("data.yml", data),
        ("liquid.yml", "{% assign x = 1 %}\ngroups:\n{% for g in groups %}\n- name: {{ g.name }}\n{% endfor %}\n"),
        ("erb.yml", "groups:\n<% groups.each do |g| %>\n- name: <%= g %>\n  rules: [\n<% end %>\n"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::write(folder.path().join("rules.yaml"), RULES).unwrap();
    let (code, printed) = verdict(folder.path(), &["."]);
    assert!(code == Some(0) && printed.contains("data.yml: the file contains no rules"), "{printed}");
    let (code, printed) = verdict(folder.path(), &["liquid.yml"]);
    assert!(code == Some(1) && printed.contains("RG001"), "who names it means it: {printed}");
    let misspelt = RULES.replace("  rules:", "  rule:");
    std::fs::write(folder.path().join("rules.yaml"), misspelt).unwrap();
    let (code, printed) = verdict(folder.path(), &["."]);
    assert!(code == Some(1) && printed.contains("unknown key rule (did you mean rules?)"), "{printed}");
}
