//! Compares the lints with promtool on thousands of files: what promtool refuses must be an error, and what it accepts
//! must not be a syntax error.

mod random;

use random::Random;
use rules_gen::lint::files::Source;
use rules_gen::lint::report::{Finding, Level};
use rules_gen::lint::{Options, run};
use std::process::Command;

fn lint(text: &str, options: &Options) -> Vec<Finding> {
    let source = Source { name: "example.yaml".to_owned(), named: true, text: Ok(text.to_owned()) };
    run(&[source], options).findings
}

/// Returns for each text whether promtool accepts it.
fn promtool(program: &str, texts: &[String]) -> std::io::Result<Vec<bool>> {
    let folder = tempfile::tempdir()?;
    let names: Vec<String> = (0..texts.len()).map(|at| format!("{at:05}.yaml")).collect();
    for (name, text) in names.iter().zip(texts) {
        std::fs::write(folder.path().join(name), text)?;
    }
    // One process checks all files. It continues after an invalid one.
    let output = Command::new("sh")
        .args(["-c", "exec 2>&1; \"$0\" check rules --lint=none [0-9]*.yaml", program])
        .current_dir(folder.path())
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let verdict = |name: &String| {
        let section = printed.split_once(&format!("Checking {name}")).map(|(_, after)| after);
        let section = section.unwrap_or_else(|| panic!("promtool is needed (make test installs it): {printed}"));
        section.split("Checking 0").next().is_some_and(|section| section.contains("SUCCESS"))
    };
    Ok(names.iter().map(verdict).collect())
}

const GOOD: &str = r#"groups:
- name: first
  interval: 30s
  limit: 10
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
    labels: {team: sre}
  - alert: ServiceDown
    expr: |
      up{job="api", instance=~"a.*|b"} == 0
        and on (instance) time() - boot_time_seconds > 300
    for: 5m
    keep_firing_for: 10m
    labels:
      severity: critical
    annotations:
      summary: A service is down.
      description: "{{ $labels.instance }} of {{ $labels.job }}: {{ $value | humanize }}{{ if gt $value 1.0 }}!{{ end }}"
- name: second
  rules:
  - {alert: Slow, expr: 'histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m]))) > 1', for: 1h30m}
"#;

const GOOD_RECORD: &str = "groups:\n- name: g\n  rules:\n  - record: a\n    expr: up\n";

/// Simple changes to a valid file: words and lines are removed, doubled, swapped or indented.
fn mutants() -> Vec<String> {
    let mut all = Vec::new();
    let words = [
        "groups",
        "name",
        "rules",
        "record",
        "alert",
        "expr",
        "for",
        "labels",
        "annotations",
        "interval",
        "limit",
        "5m",
        "30s",
        "10",
        "==",
        "sum",
        "by",
        "(",
        ")",
        "{",
        "}",
        "\"",
        "$labels",
        "humanize",
        "end",
        "if",
        "|",
        ":",
        "and",
        "on",
        "[5m]",
        "job",
        "first",
        "second",
        "up",
        "- ",
        "api",
        "0.9",
        "team",
        "severity",
        "gt",
    ];
    let others = ["", "x", "1", "nosuch", "''", "[]", "{}", "-5m", "5", "null", "é", "a b", "__name__", "first"];
    for word in words {
        for (at, _) in GOOD.match_indices(word).take(3) {
            for other in others {
                all.push(format!("{}{other}{}", &GOOD[..at], &GOOD[at + word.len()..]));
            }
        }
    }
    let lines: Vec<&str> = GOOD.lines().collect();
    for at in 0..lines.len() {
        let mut dropped = lines.clone();
        dropped.remove(at);
        all.push(dropped.join("\n") + "\n");
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        all.push(doubled.join("\n") + "\n");
        let mut shifted: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        shifted[at] = format!("  {}", shifted[at]);
        all.push(shifted.join("\n") + "\n");
    }
    all.extend(
        ["", "---\n", "groups:\n", "groups: []\n", "groups: 5\n", "[]\n", "5\n", "\u{feff}groups: []\n"]
            .map(ToOwned::to_owned),
    );
    all.push(GOOD.replace('\n', "\r\n"));
    all.push(format!("x: &x {{a: 1}}\n{GOOD}"));
    all.push(GOOD.replace("labels: {team: sre}", "labels: &l {team: sre}"));
    all
}

const DURATIONS: &[&str] =
    &["1000y", "292y", "293y", "106751d", "106752d", "9223372036854ms", "9223372036855ms", "1y2w", "2w1y"];
const EXPRESSIONS: &[&str] = &[
    "up[1000000y]",
    "up offset 1000y",
    "up offset -300y",
    "rate(up[293y])",
    "rate(up[292y])",
    "rate(up[1y:300y])",
    "up @ 1e30",
    "up @ 9223372036854775",
    "up @ -1e30",
    "up @ NaN",
    "rate(up[5m:0])",
    "start()",
    "end() - start()",
    "up @ start()",
    "rate(up[5m]) @ end()",
    "start",
    "sum by (start) (up)",
    "rate(up[300])",
    "up offset 5",
    "rate(up[1e300])",
    "up offset 1e300",
    "up == 1e300",
    "range()",
    "step() > 1",
];
const TEXTS: &[&str] = &[
    "{{ . | nil }}",
    "{{ true.x }}",
    "{{ nil }}",
    "{{ nil.x }}",
    "{{ . | true }}",
    "{{ true }}",
    "{{ printf nil }}",
    "{{ (nil) }}",
    "{{ nil | printf \"%v\" }}",
    "{{ false.a.b }}",
    "{{ with true.x }}{{end}}",
    "{{ 1i }}",
    "{{ 1.5.x }}",
    "{{ 0x1p-2 }}",
    "{{ () }}",
    "{{ (.).x }}",
    "{{ ..x }}",
    "{{ $labels. }}",
    "{{ .5 }}",
    "{{ . .x}}",
    "{{ 1e+5 }}",
    "{{ if . }}{{ else if . }}{{ end }}",
    "{{ 'a'.x }}",
    "{{ 08 }}",
    "{{ 0x }}",
    "{{ 1_000 }}",
];
const LIMITS: &[&str] = &[
    "\"5\"",
    "'5'",
    "0o7",
    "1_000",
    "1e2",
    "5.0",
    "1.5",
    "0x1F",
    "0b11",
    "-5",
    "+5",
    "05",
    "08",
    "1e30",
    "true",
    ".5",
    "!!int \"5\"",
    "!!int 5",
    "!!str 5",
    "null",
    "~",
    "",
    "1e-2",
    ".inf",
    ".nan",
    "-0x1",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "1e18",
    "1e19",
    "2020-01-01",
    "1:30",
    "[1]",
    "no",
    "_1",
    "5.",
];

/// Templates of random tokens.
fn templates() -> Vec<String> {
    let words = [
        ".", ".x", "$labels", "$value", ".Labels", "nil", "true", "1", "1.5", "0x1", "08", "\"a\"", "`b`", "'c'", "|",
        "(", ")", "printf", "len", "if", "else", "end", "range", "with", "$x", ":=", "=", ",", " ", "-", "+1", "-2",
        "1e3", "$", ".5", "and", "first", "query", "1i", "_", "0b1", "x",
    ];
    let mut random = Random(0x7E4A_11A7_E500_0001);
    let mut one = || {
        let space = if random.below(2) == 0 { " " } else { "" };
        let count = 1 + random.below(5);
        let pick = |random: &mut Random| words[usize::try_from(random.below(words.len() as u64)).unwrap_or_default()];
        let body: Vec<&str> = (0..count).map(|_| pick(&mut random)).collect();
        let end = if random.below(3) == 0 { "x{{ end }}" } else { "" };
        let text = format!("{{{{ {} }}}}{end}", body.join(space)).replace('\'', "''");
        format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    annotations: {{d: '{text}'}}\n")
    };
    (0..1500).map(|_| one()).collect()
}

/// Cases that were written to find differences: durations, times, numbers, templates, tabs and directives.
fn written() -> Vec<String> {
    let alert = |expr: &str, pending: &str, text: &str| {
        let quote = |text: &str| text.replace('\'', "''");
        format!(
            "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: '{}'\n    for: {pending}\n    annotations: {{d: '{}'}}\n",
            quote(expr),
            quote(text)
        )
    };
    let good = GOOD_RECORD;
    let mut all = Vec::new();
    for pending in DURATIONS {
        all.push(alert("up", pending, "x"));
    }
    for expr in EXPRESSIONS {
        all.push(alert(expr, "5m", "x"));
    }
    for text in TEXTS {
        all.push(alert("up", "5m", text));
    }
    for limit in LIMITS {
        all.push(good.replace("  rules", &format!("  limit: {limit}\n  rules")));
    }
    let directives =
        ["%YAML 1.3", "%YAML 1.2", "%YAML 1.1", "%YAML 2.0", "%FOO", "%FOO bar", "%TAG !e! tag:e:", "%YAML x"];
    all.extend(directives.map(|directive| format!("{directive}\n---\n{good}")));
    all.extend([good.to_owned() + "\t\n", good.to_owned() + "\t# c\n", good.replace(": up", ": up\t# c")]);
    for (from, to) in [
        ("- name", "-\tname"),
        ("name: g", "name:\tg"),
        ("  - record", "  -\trecord"),
        ("expr: up", "expr: |\n\t\tup"),
        ("expr: up", "expr: >-\n      up\n\t  "),
        ("expr: up", "expr: up\t"),
        ("expr: up", "expr: |\n      \tup"),
        ("expr: up", "expr: |2\n      \tup"),
        ("name: g", "\tname: g"),
        ("name: g", "name: [\n\tg]"),
        ("name: g", "name: g\n  labels: {\n\ta: b}"),
        ("expr: up", "expr: |\n      up\n      -\tup"),
        ("expr: up", "expr: up\n      -\tup"),
        ("expr: up", "expr: \"up\n\t+ up\""),
        ("expr: up", "labels: {a:\tb}\n    expr: up"),
    ] {
        all.push(good.replacen(from, to, 1));
    }
    all
}

/// Ways to write a file, valid and invalid: quotes, brackets, comments, documents, keys of other servers, JSON.
fn spelt(good: &str) -> Vec<String> {
    let mut all = Vec::new();
    for value in [
        "{{ $labels.job }}",
        "{{ $labels.job }} is down",
        "is\n{{ $labels.job }} down",
        "a: b",
        "'it's'",
        "\"say \"x\" now\"",
        "`x`",
        "@x",
        "%x",
        "*x",
        "[x] y",
        "- y",
        "| y",
        "\"\\d\"",
        "\"\\/\"",
        "\"\\ud83d\\ude00\"",
        "\"\\u00e9\\\\/\"",
        "a\u{85}b",
        "a\u{2028}b",
        "\"a\u{2028}b\"",
        "# a\u{2029}b",
        "a\u{7f}b",
        "a\u{7}b",
        "[what?]",
        "{a: what?}",
        "{a: b, }",
        "{,}",
        "'{{ .Values.x }}'",
    ] {
        all.push(format!(
            "groups:\n- name: g\n  rules:\n  - alert: a\n    expr: up\n    annotations:\n      d: {value}\n      e: f\n"
        ));
    }
    for labels in ["{a: b?}", "{a: ?b}", "{a?b: c}", "{a: , c: d}", "{a:, c: d}", "{a: b,}", "{a: 'b?'}", "{a: [b]}"] {
        all.push(format!("{good}    labels: {labels}\n"));
    }
    let comments = "  # c\n".repeat(300);
    for (before, after) in [
        ("", "---\n"),
        ("", "...\n"),
        ("", "...\n---\n"),
        ("...\n", ""),
        ("# c\n...\n", ""),
        ("---\n", "---\n---\n"),
        (&comments, &comments),
    ] {
        all.push(format!("{before}{good}{after}"));
    }
    for part in ["- name", "  rules", "  - record", "    expr"] {
        all.push(good.replacen(part, &format!("{comments}{part}"), 1));
    }
    for key in ["source_tenants: [a]", "partial_response_strategy: warn", "query_offset: 1m", "limits: 5"] {
        all.push(good.replace("  rules", &format!("  {key}\n  rules")));
    }
    let rule = |expr: &str| {
        format!("{{\"groups\":[{{\"name\":\"g\",\"rules\":[{{\"record\":\"a\",\"expr\":\"{expr}\"}}]}}]}}")
    };
    all.extend(["up", "up\\/2", "up{a=\\\"b\\\"}", "\\u0075p", "up{a='\\ud83d\\ude00'}"].map(rule));
    all
}

/// Files on which promtool's answer is not comparable: if the first line is indented, it reads an empty document and
/// accepts the file.
fn is_known(mutant: &str) -> bool {
    mutant.starts_with("  groups:")
}

fn compare(program: &str, version: (u32, u32)) -> std::io::Result<()> {
    let mut mutants = mutants();
    mutants.extend(written());
    mutants.extend(spelt(GOOD_RECORD));
    mutants.extend(templates());
    let mut refused = 0;
    let mut differences = Vec::new();
    let options = Options { version: Some(version), ..Options::default() };
    assert_eq!(promtool(program, &[GOOD.to_owned()])?, [true], "the corpus begins with a good file");
    for (mutant, accepted) in mutants.iter().zip(promtool(program, &mutants)?) {
        refused += usize::from(!accepted);
        let syntax = ["RG001", "RG002", "RG003", "RG005", "RG006", "RG032"];
        let findings = lint(mutant.strip_prefix('\u{feff}').unwrap_or(mutant), &options);
        // RG032 also reports labels that the expression drops, which promtool does not check.
        let error = findings.iter().find(|finding| {
            finding.level == Level::Error
                && syntax.contains(&finding.id)
                && (finding.id != "RG032" || finding.message.contains("does not parse"))
        });
        if accepted == error.is_some() && !is_known(mutant) {
            differences.push(format!("promtool {accepted}, {:?} of {mutant:?}", error.map(|e| &e.message)));
        }
    }
    println!("{} files, {refused} refused, {} differences", mutants.len(), differences.len());
    assert!(refused > 300, "only {refused} of {} are bad", mutants.len());
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    Ok(())
}

/// promtool decides: what it refuses must be an error here, and what it accepts must not be a syntax error.
#[test]
fn errors_match_promtool() -> std::io::Result<()> {
    compare("promtool", (2, 42))
}

#[test]
#[cfg_attr(not(has_newest_promtool), ignore = "no promtool 3 in target/parts (make parts)")]
fn errors_match_the_newest_promtool() -> std::io::Result<()> {
    compare(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/parts/bin/promtool"), (3, 16))
}
