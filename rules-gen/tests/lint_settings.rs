//! What changes the findings of `rules-gen lint`: rules-gen.yaml, suppressions, and `--fix`.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

mod verdict;

use verdict::{RULES, lint, of, verdict};

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
        ("levels:\n- {lints: [RG018], level: off, paths: []}\n", "paths is empty"),
        ("levels:\n- {lints: [RG018], level: off, paths: [../a]}\n", "paths are relative to the folder of this file"),
        ("levels:\n- {lints: [RG018], level: off, paths: [/a]}\n", "paths are relative to the folder of this file"),
        ("ignores:\n- {lints: [RG018], reason: x, until: 2030-01-01T00:00}\n", "until must be a date"),
        ("policies: [{paths: [a]}]\n", "a policy needs at least one of severities"),
        ("policies: [{for: {min: 1h, max: 5m}}]\n", "min is longer than max"),
        ("fix: {runbook_url: 'https://r.example.org/{alrt}'}\n", "runbook_url must be an address"),
        ("fix: {runbook_url: 'runbooks/{alert}'}\n", "runbook_url must be an address"),
        ("fix: {runbook: x}\n", "1:7: unknown key runbook"),
        ("a: [\n", "invalid YAML"),
    ] {
        write("other.yaml", text);
        let (code, printed) = verdict(folder.path(), &["rules", "--rules-config", "other.yaml"]);
        assert!(code == Some(2) && printed.contains("other.yaml:") && printed.contains(why), "{text}: {printed}");
    }
    for missing in ["team-x/**", "team-a/c.yaml", "team-x/*.yaml", "{team-a,team-b}/**"] {
        write("rules/rules-gen.yaml", &format!("levels:\n- {{lints: [RG016], level: off, paths: ['{missing}']}}\n"));
        let (code, printed) = verdict(folder.path(), &["rules"]);
        assert!(code == Some(2) && printed.contains(":2:") && printed.contains("there is no "), "{missing}: {printed}");
    }
    write("rules/rules-gen.yaml", "levels:\n");
    assert_eq!(ids(&["rules"]), before, "all entries are commented out");
    write("rules/rules-gen.yaml", "ignores:\n- {lints: [RG016], reason: x, until: 2020-01-01}\n");
    let ended = ids(&["rules"]);
    assert!(ended.iter().any(|one| one == "rules/rules-gen.yaml:2 RG099 error"), "{ended:?}");
}

/// A check before a commit names the changed files, but an entry may be about another file.
#[test]
fn an_entry_without_effect_is_reported_only_if_a_folder_with_its_files_was_linted() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("rules/a.yaml", RULES),
        ("rules/b.yaml", RULES),
        ("other/c.yaml", RULES),
        ("rules-gen.yaml", "ignores:\n- {lints: [RG016], paths: [./rules/b.yaml], reason: its divisor is never 0}\n"),
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    for (path, reported) in
        [("rules/a.yaml", false), ("rules/b.yaml", false), ("other", false), ("rules", true), (".", true)]
    {
        let (code, printed) = verdict(folder.path(), &[path]);
        assert_eq!(
            (code, printed.contains("suppresses no finding")),
            (Some(i32::from(reported)), reported),
            "{path}: {printed}"
        );
    }
}

#[test]
fn rules_gen_yaml_applies_to_files_that_are_named_by_their_whole_path_and_yml_is_not_overlooked() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    std::fs::create_dir(root.join("rules")).unwrap();
    std::fs::write(root.join("rules/a.yaml"), RULES).unwrap();
    std::fs::write(root.join("rules-gen.yaml"), "policies: [{paths: [rules/*], names: {records: 'x:.*'}}]\n").unwrap();
    for path in ["rules", "./rules/", "rules/a.yaml", root.join("rules").to_str().unwrap()] {
        let (code, printed) = verdict(&root, &[path]);
        assert!(code == Some(1) && printed.contains("RG080"), "{path}: {printed}");
    }
    std::fs::rename(root.join("rules-gen.yaml"), root.join("rules-gen.yml")).unwrap();
    let (code, printed) = verdict(&root, &["rules"]);
    assert!(code == Some(2) && printed.contains("rules-gen.yml is not read: rename it to rules-gen.yaml"), "{printed}");
    std::fs::rename(root.join("rules-gen.yml"), root.join("renamed")).unwrap();
    std::fs::create_dir(root.join("rules-gen.yaml")).unwrap();
    let (code, printed) = verdict(&root, &["rules"]);
    assert!(code == Some(2) && printed.contains("rules-gen.yaml is a folder"), "{printed}");
}

#[test]
fn a_suppression_without_effect_is_reported() {
    let text = RULES.replace("  - {", "  # rules-gen: ignore RG016 because there is no divisor\n  - {");
    let (code, printed) = of("rules.yaml", &text, &[]);
    assert!(code == Some(1) && printed.contains("RG016 finds nothing here") && printed.contains(":4:"), "{printed}");
}

#[test]
fn a_suppression_is_recognized_whatever_its_spaces_and_letters() {
    let rules = |comment: &str| {
        format!(
            "groups:\n- name: g\n  rules:\n  {comment}\n  - {{alert: Up, expr: up != 0, for: 5m, labels: {{severity: warning}}, \
             annotations: {{summary: It is down., description: 'Of {{{{ $labels.job }}}}.'}}}}\n"
        )
    };
    assert_eq!(of("rules.yaml", rules(""), &[]).0, Some(1));
    for begin in ["# rules-gen: ", "#rules-gen:", "## rules-gen: ", "#  Rules-Gen : ", "# rules-gen:\t"] {
        let (code, printed) = of("rules.yaml", rules(&format!("{begin}ignore RG018 because it is inverted")), &[]);
        assert_eq!(code, Some(0), "{begin}: {printed}");
    }
    let (code, printed) = of("rules.yaml", rules("# rules-gen: ignore RG018 until 2999-01-01T00:00 because x"), &[]);
    assert!(code == Some(1) && printed.contains("until needs a date"), "{printed}");
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
fn fix_changes_only_unambiguous_errors() {
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
fn blocks_anchors_and_shared_annotations_keep_their_meaning() {
    let bad = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: &e up == 0\n    labels: &l {a: b}\n    annotations:\n      \
               description: |\n        Note: {{ $labels.job }} is down: really\n      text: \"a\n        b: {{ x }}: c\"\n      \
               summary: {{ $labels.job }} is down\n  - alert: B\n    expr: *e\n    labels: *l\n    annotations: &c\n      summary: shared\n  \
               - alert: C\n    expr: up\n    annotations: *c\n  - <<: &base {alert: D, expr: up}\n  - <<: *base\n    for: 5M\n";
    let fixed = rules_gen::lint::fix::fix(bad, Some("https://r.example.org/{alert}")).unwrap();
    let good = bad.replace("summary: {{ $labels.job }} is down", "summary: '{{ $labels.job }} is down'").replacen(
        "      description",
        "      runbook_url: https://r.example.org/A\n      description",
        1,
    );
    assert_eq!(fixed.text, good);
    assert_eq!(fixed.what, ["runbook links added: 1", "texts quoted: 1"]);
}
