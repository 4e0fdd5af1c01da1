//! Ways to write a file.

use super::RECORD;

/// Values with tags, of the named type and not.
const TAGGED: [&str; 35] = [
    "!!str 5",
    "!!int 0x1F",
    "!!int 1_0",
    "!!int 0o17",
    "!!int 1.0",
    "!!int \"5\"",
    "!!int ''",
    "!!int 99999999999999999999",
    "!!int x",
    "!!float 5",
    "!!float .inf",
    "!!float '1.5'",
    "!!float x",
    "!!bool true",
    "!!bool 'true'",
    "!!bool on",
    "!!bool x",
    "!!null ~",
    "!!null ''",
    "!!null x",
    "!!timestamp 2020-01-01",
    "!!timestamp x",
    "!!binary d2FybmluZw==",
    "!!binary d2FybmluZw",
    "!!binary 'd2Fy bmluZw=='",
    "!!binary ''",
    "!!binary /w==",
    "!!binary '@'",
    "!!seq x",
    "!!merge x",
    "!!foo x",
    "!foo x",
    "! 5",
    "!<tag:yaml.org,2002:str> x",
    "!<tag:yaml.org,2002:int> x",
];

/// Quotes, brackets, comments, documents, keys of other servers, JSON.
pub(super) fn spelt() -> Vec<String> {
    let (good, mut all) = (RECORD, Vec::new());
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
    for value in TAGGED {
        all.push(format!("{good}    labels: {{a: {value}}}\n"));
    }
    for (from, to) in [
        ("record: a", "record: !!binary YQ=="),
        ("expr: up", "expr: !!binary \"dXAgPT0gMA==\""),
        ("expr: up", "expr: !!int 5"),
        ("expr: up", "!!str expr: up"),
        ("expr: up", "!!binary ZXhwcg==: up"),
        ("expr: up", "expr: up\n    labels: {!!merge <<: {a: b}}"),
        ("expr: up", "expr: up\n    labels: !!seq {a: b}"),
        ("  rules", "  labels: {a: b}\n  rules"),
        ("  rules", "  labels: {'': b}\n  rules"),
        ("  rules", "  labels: {__name__: b}\n  rules"),
        ("  rules", "  labels: {a: '{{ x'}\n  rules"),
    ] {
        all.push(good.replacen(from, to, 1));
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
