//! `rules-gen lint` succeeds only if something was linted, and fails only on findings.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

mod verdict;

use std::process::Command;
use verdict::{RULES, of, verdict};

#[test]
fn a_named_file_that_was_not_linted_fails_the_run() {
    let helm = "{{- if .Values.enabled }}\ngroups: []\n{{- end }}\n";
    let grafana = "apiVersion: 1\ngroups:\n- orgId: 1\n  name: g\n  folder: f\n  rules: [{uid: a, title: b}]\n";
    for (text, why) in [
        ("", "the file is empty"),
        ("# groups:\n---\n# nothing\n", "the file is empty"),
        ("groups:\n", "groups has no entries"),
        ("groups: null\n", "groups has no entries"),
        ("groups: []\n", "groups has no entries"),
        ("apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec: {groups: []}\n", "groups has no entries"),
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

#[test]
fn a_glob_pattern_lints_the_files_that_it_matches() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("a/deep")).unwrap();
    std::fs::write(folder.path().join("a/foreign.yaml"), "jobs: []\n").unwrap();
    std::fs::write(folder.path().join("a/deep/rules.yaml"), RULES).unwrap();
    let (code, printed) = verdict(folder.path(), &["a/*.yaml", "a/deep"]);
    assert!(code == Some(2) && printed.contains("nothing in a/*.yaml was linted"), "{printed}");
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
