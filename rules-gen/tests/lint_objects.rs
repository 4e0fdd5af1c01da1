//! Rules and dashboards inside Kubernetes objects, and rules that occur in several files.

use rules_gen::lint::files::Source;
use rules_gen::lint::report::{Finding, Level};
use rules_gen::lint::{Options, Outcome, run};

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), named: true, text: Ok(text.to_owned()) }
}

fn lint(files: &[(&str, &str)]) -> Outcome {
    let sources: Vec<Source> = files.iter().map(|(name, text)| source(name, text)).collect();
    run(&sources, &Options::default())
}

fn places<'a>(outcome: &'a Outcome, id: &str) -> Vec<(&'a str, usize, usize)> {
    let mine = outcome.findings.iter().filter(|finding| finding.id == id);
    mine.map(|finding| (finding.file.as_str(), finding.place.line, finding.place.column)).collect()
}

fn rules(expr: &str, more: &str) -> String {
    format!(
        "groups:\n- name: g\n  rules:\n  - alert: Example\n    expr: {expr}\n    for: 5m\n    labels: {{severity: warning}}\n    annotations: {{summary: It is bad., description: It is., {more}}}\n"
    )
}

fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect()
}

fn config_map(key: &str, value: &str) -> String {
    format!(
        "# A comment.\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c, labels: {{grafana_dashboard: '1'}}}}\ndata:\n  other.txt: up ==\n  {key}: {value}"
    )
}

/// A dashboard with one panel.
fn dashboard(uid: &str, title: &str, expr: &str) -> String {
    format!(
        "{{\n  \"title\": \"D\",\n  \"uid\": \"{uid}\",\n  \"panels\": [\n    {{\n      \"title\": \"{title}\",\n      \"type\": \"table\",\n      \"targets\": [{{\"expr\": \"{expr}\"}}]\n    }}\n  ]\n}}\n"
    )
}

#[test]
fn a_finding_in_a_config_map_has_its_position_in_the_outer_file() {
    let text = config_map("rules.yaml", &format!("|\n{}", indented(&rules("up ==", "a: b"), 4)));
    let outcome = lint(&[("c.yaml", &text)]);
    assert_eq!(places(&outcome, "RG001"), [("c.yaml", 12, 20)], "{outcome:#?}");
    assert!(outcome.findings[0].snippet.contains("expr: up =="), "{outcome:#?}");
    let good = config_map("rules.yaml", &format!("|\n{}", indented(&rules("up == 0", "a: b"), 4)));
    assert_eq!(lint(&[("c.yaml", &good)]).findings, []);
    // A word in an expression has its own place, and a suppression in the text has an effect.
    let wrong = config_map("rules.yml", &format!("|-\n\n{}", indented(&rules("up != 0", "a: b"), 6)));
    assert_eq!(places(&lint(&[("c.yaml", &wrong)]), "RG018"), [("c.yaml", 13, 17)]);
    let ignored = wrong.replace("      - alert", "      # rules-gen: ignore RG018 because it is a test\n      - alert");
    assert_ne!(ignored, wrong);
    assert_eq!(places(&lint(&[("c.yaml", &ignored)]), "RG018"), []);
}

#[test]
fn a_finding_in_a_quoted_text_has_the_position_of_its_key() {
    let quoted = serde_json::to_string(&rules("up ==", "a: b")).unwrap();
    let outcome = lint(&[("c.yaml", &config_map("rules.yaml", &format!("{quoted}\n")))]);
    assert_eq!(places(&outcome, "RG001"), [("c.yaml", 7, 3)], "{outcome:#?}");
    let list = format!(
        "{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {{\"name\": \"c\"}}, \"data\": {{\n\"rules.yaml\": {quoted}}}}}]}}"
    );
    assert_eq!(places(&lint(&[("c.json", &list)]), "RG001"), [("c.json", 2, 1)]);
}

#[test]
fn mounted_files_must_parse_and_unrelated_files_are_skipped() {
    let broken = config_map("d.json", "|\n    {\"panels\": [\n      ]]\n");
    let outcome = lint(&[("c.yaml", &broken)]);
    assert_eq!(places(&outcome, "RG001"), [("c.yaml", 9, 8)], "{outcome:#?}");
    assert!(outcome.findings[0].message.starts_with("d.json in ConfigMap c is not valid JSON"), "{outcome:#?}");
    let broken = config_map("r.yaml", "|\n    groups:\n    - a: [\n");
    assert_eq!(places(&lint(&[("c.yaml", &broken)]), "RG001").len(), 1);
    let unmounted = broken.replace("grafana_dashboard", "app");
    let outcome = lint(&[("c.yaml", &unmounted)]);
    assert_eq!(outcome.findings, []);
    assert!(outcome.notes.iter().any(|note| note.contains("r.yaml in ConfigMap c is not valid YAML")), "{outcome:#?}");
    let outcome = lint(&[("c.yaml", &config_map("app.yaml", "|\n    listen: 80\n"))]);
    assert_eq!(outcome.findings, []);
    let why: Vec<String> = outcome.left_out.iter().map(|one| format!("{}: {}", one.file, one.why)).collect();
    assert_eq!(why, ["c.yaml: the ConfigMap contains no rules and no dashboard"]);
}

#[test]
fn a_finding_in_a_grafana_dashboard_object_has_its_position_in_the_outer_file() {
    let object = |name: &str, json: &str| {
        format!(
            "apiVersion: grafana.integreatly.org/v1beta1\nkind: GrafanaDashboard\nmetadata: {{name: {name}}}\nspec:\n  instanceSelector: {{}}\n  json: |\n{}",
            indented(json, 4)
        )
    };
    let first = object("one", &dashboard("one", "P", "up"));
    let text = format!("{first}---\n{}", object("two", &dashboard("two", "P", "up ==")));
    let outcome = lint(&[("d.yaml", &text)]);
    let broken = |finding: &&Finding| finding.id == "RG050" && finding.level == Level::Error;
    let found: Vec<usize> = outcome.findings.iter().filter(broken).map(|finding| finding.place.line).collect();
    // The panel of the second dashboard, although the first one has a panel with the same title.
    let panel = text.lines().enumerate().filter(|(_, line)| line.contains("\"title\": \"P\"")).nth(1).unwrap().0 + 1;
    assert_eq!(found, [panel], "{outcome:#?}");
}

#[test]
fn a_link_to_a_dashboard_that_is_not_linted_is_reported() {
    let link = |uid: &str| rules("up == 0", &format!("dashboard_url: 'https://grafana/d/{uid}?orgId=1'"));
    let board = dashboard("orders", "P", "up");
    let found = |uid: &str, board: &str| {
        let outcome = lint(&[("r.yaml", &link(uid)), ("d.json", board)]);
        let mine = outcome.findings.into_iter().filter(|finding| finding.id == "RG033");
        mine.map(|finding| finding.message).collect::<Vec<_>>()
    };
    assert_eq!(found("orders", &board), [] as [&str; 0]);
    assert_eq!(found("orders/some-title", &board), [] as [&str; 0]);
    assert_eq!(found("{{ $labels.uid }}", &board), [] as [&str; 0]);
    assert_eq!(found("order", &board), ["dashboard_url: no linted dashboard has the uid order (did you mean orders?)"]);
    assert_eq!(
        found("order", &board.replace("\"uid\": \"orders\"", "\"uid\": null")),
        [] as [&str; 0],
        "Grafana's own"
    );
    assert_eq!(lint(&[("r.yaml", &link("order"))]).findings, [], "without dashboards nobody knows");
    let linked = |uid: &str| {
        let links = format!("\"links\": [{{\"url\": \"/d/{uid}/x\"}}],\n  \"panels\"");
        let outcome = lint(&[("d.json", &board.replace("\"panels\"", &links))]);
        places(&outcome, "RG033").len()
    };
    assert_eq!((linked("orders"), linked("nosuch"), linked("${uid}")), (0, 1, 0));
}

#[test]
fn identical_rules_in_several_files_are_reported_once() {
    let rule = rules("up != 0", "a: b");
    let object = format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: x}}\nspec:\n{}",
        indented(&rule, 2)
    );
    let outcome = lint(&[("a.yaml", &rule), ("b.yaml", &object), ("c.yaml", &rule)]);
    assert_eq!(places(&outcome, "RG018"), [("a.yaml", 5, 11)]);
    let other = lint(&[("a.yaml", &rule), ("b.yaml", &rule.replace("a: b", "a: c"))]);
    assert_eq!(places(&other, "RG018").len(), 2, "another annotation is another rule");
    // A copy of the rules for a test has no annotations. While the rules themselves are linted, it gives no findings.
    let slice = rule.replace("summary: It is bad., description: It is., a: b", "").replace("name: g", "name: test");
    let test = "rule_files: [./e.rules.yaml]\ntests: []\n";
    let files = [("t/e.rules.yaml", &*slice), ("t/e.test.yaml", test), ("z.yaml", &*rule)];
    let outcome = lint(&files);
    assert_eq!(places(&outcome, "RG018"), [("z.yaml", 5, 11)], "{outcome:#?}");
    assert_eq!(places(&outcome, "RG031"), []);
    // In the folder of the rules too.
    let files = [("e.rules.yaml", &*slice), ("e.test.yaml", test), ("z.yaml", &*rule)];
    assert_eq!(places(&lint(&files), "RG004"), []);
    let alone = lint(&files[..2]);
    assert_eq!((places(&alone, "RG018").len(), places(&alone, "RG031").len()), (1, 1), "{alone:#?}");
    let without_test = lint(&[files[0], files[2]]);
    assert_eq!(places(&without_test, "RG018").len(), 2, "nobody says that it is for a test");
    let other_slice = slice.replace("up != 0", "up != 1");
    assert_eq!(places(&lint(&[("t/e.rules.yaml", &other_slice), files[1], files[2]]), "RG031").len(), 1);
}

#[test]
fn a_dashboard_in_several_forms_is_reported_once() {
    let board = dashboard("one", "P", "up ==");
    let object = config_map("one.json", &format!("|\n{}", indented(&board, 4)));
    let errors = |outcome: Outcome| {
        let bad = outcome.findings.into_iter().filter(|finding| finding.level == Level::Error);
        bad.map(|finding| finding.file).collect::<Vec<_>>()
    };
    assert_eq!(errors(lint(&[("a.json", &board), ("c.yaml", &object)])), ["a.json"]);
    assert_eq!(errors(lint(&[("c.yaml", &object)])), ["c.yaml"]);
}
