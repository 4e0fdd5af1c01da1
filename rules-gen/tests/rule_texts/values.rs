//! Values of fields: durations, expressions, templates, limits.

use super::RECORD;
use crate::random::Random;

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
pub(super) fn templates() -> Vec<String> {
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
pub(super) fn written() -> Vec<String> {
    let alert = |expr: &str, pending: &str, text: &str| {
        let quote = |text: &str| text.replace('\'', "''");
        format!(
            "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: '{}'\n    for: {pending}\n    annotations: {{d: '{}'}}\n",
            quote(expr),
            quote(text)
        )
    };
    let good = RECORD;
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
