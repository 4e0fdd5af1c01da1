//! What older servers do not know: RG005. Versions are those of Prometheus' CHANGELOG.

use super::context::Context;
use crate::lint::expr::walk;
use crate::lint::place::Text;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use crate::lint::template;
use promql_parser::parser::Expr;
use regex::Regex;
use std::sync::LazyLock;

type Version = (u32, u32);

/// Functions and aggregations of PromQL.
const PROMQL: [(&str, Version); 20] = [
    ("double_exponential_smoothing", (3, 0)),
    ("end", (3, 12)),
    ("first_over_time", (3, 7)),
    ("histogram_avg", (2, 51)),
    ("histogram_quantiles", (3, 11)),
    ("histogram_stddev", (2, 47)),
    ("histogram_stdvar", (2, 47)),
    ("info", (2, 55)),
    ("limit_ratio", (2, 54)),
    ("limitk", (2, 54)),
    ("mad_over_time", (2, 49)),
    ("range", (3, 12)),
    ("sort_by_label", (2, 49)),
    ("sort_by_label_desc", (2, 49)),
    ("start", (3, 12)),
    ("step", (3, 12)),
    ("ts_of_first_over_time", (3, 7)),
    ("ts_of_last_over_time", (3, 5)),
    ("ts_of_max_over_time", (3, 5)),
    ("ts_of_min_over_time", (3, 5)),
];
/// Functions of templates.
const TEMPLATES: [(&str, Version); 6] = [
    ("now", (3, 6)),
    ("parseDuration", (2, 32)),
    ("stripDomain", (2, 36)),
    ("toDuration", (3, 6)),
    ("toTime", (2, 38)),
    ("urlQueryEscape", (3, 8)),
];
/// Numbers and durations stand for each other.
const INTERCHANGEABLE: Version = (2, 54);
/// Names of metrics and labels may be quoted.
const QUOTED: Version = (3, 0);

pub(super) fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    let Some(version) = context.options.version else { return };
    walk(ast, &mut Vec::new(), &mut |part, _| {
        let name = match part {
            Expr::Call(call) => call.func.name.to_owned(),
            Expr::Aggregate(one) => one.op.to_string(),
            _ => return,
        };
        since(&name, &PROMQL, version, &rule.expr, report);
    });
    let text = without_strings(&rule.expr.value);
    for (what, found, since) in [
        ("a number for a duration, or a duration for a number", interchanged(&text), INTERCHANGEABLE),
        ("a quoted name", quoted(&text), QUOTED),
    ] {
        if found && version < since {
            let message = format!("{what} needs Prometheus {}.{}", since.0, since.1);
            report.at("RG005", Level::Error, &rule.expr, message, "older servers refuse the file");
        }
    }
    for (_, text) in rule.labels.iter().chain(&rule.annotations).filter(|_| rule.alerts) {
        for name in template::read(&text.value).map(|used| used.functions).unwrap_or_default() {
            since(&name, &TEMPLATES, version, text, report);
        }
    }
}

fn since(name: &str, table: &[(&str, Version)], version: Version, text: &Text, report: &mut Report<'_>) {
    let known = table.iter().find(|(known, _)| *known == name);
    if let Some((_, since)) = known.filter(|(_, since)| version < *since) {
        let message = format!("{name}() needs Prometheus {}.{}", since.0, since.1);
        report.word("RG005", Level::Error, text, name, message, "older servers refuse the file");
    }
}

/// The expression with every string as an empty one: what is inside of them is no syntax.
fn without_strings(expr: &str) -> String {
    static STRING: LazyLock<Regex> = LazyLock::new(|| fixed(r#""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`"#));
    STRING.replace_all(expr, "\"\"").into_owned()
}

fn interchanged(text: &str) -> bool {
    static RANGE: LazyLock<Regex> = LazyLock::new(|| fixed(r"\[[^\]]*\]"));
    static BARE: LazyLock<Regex> = LazyLock::new(|| fixed(r"[\[:]\s*[0-9.]+\s*[\]:]"));
    static OFFSET: LazyLock<Regex> = LazyLock::new(|| fixed(r"offset\s+-?\s*[0-9a-z]+"));
    static DURATION: LazyLock<Regex> = LazyLock::new(|| fixed(r"(?:^|[^\w:.])(?:[0-9]+(?:ms|[smhdwy]))+(?:$|[^\w:.])"));
    static BARE_OFFSET: LazyLock<Regex> = LazyLock::new(|| fixed(r"offset\s+[-+]?\s*[0-9.]+(?:$|[^\w.])"));
    if BARE_OFFSET.is_match(text) {
        return true;
    }
    let bare = RANGE.find_iter(text).any(|range| BARE.is_match(range.as_str()));
    bare || DURATION.is_match(&OFFSET.replace_all(&RANGE.replace_all(text, ""), ""))
}

fn quoted(text: &str) -> bool {
    static BRACES: LazyLock<Regex> = LazyLock::new(|| fixed(r"\{[^{}]*\}"));
    static NAME: LazyLock<Regex> = LazyLock::new(|| fixed(r#"[{,]\s*""\s*[=!,}]"#));
    static GROUPING: LazyLock<Regex> =
        LazyLock::new(|| fixed(r#"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*""#));
    GROUPING.is_match(text) || BRACES.find_iter(text).any(|braces| NAME.is_match(braces.as_str()))
}

#[expect(clippy::expect_used, reason = "the pattern is part of the program; a test compiles it")]
fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern that compiles")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_older_servers_refuse_is_told() {
        let text = |expr| without_strings(expr);
        for new in [
            "x[300]",
            "x[5m:30]",
            "time() - x > 5m",
            "x[1h:5]",
            "x offset 5",
            "x offset -5 > 1",
            "offset_total > 1h30m",
        ] {
            assert!(interchanged(&text(new)), "{new}");
        }
        for old in [
            "x[5m]",
            "x[1h:5m] offset -5m",
            "x offset 1d > 5",
            "a5m > 1",
            "x{a=\"5m\"}",
            "label_replace(x, 'a', '5m', 'b', '')",
        ] {
            assert!(!interchanged(&text(old)), "{old}");
        }
        for new in ["{\"a.b\"}", "x{'c d'=\"1\"}", "sum by (\"a.b\") (x)", "a / on (\"b\") c"] {
            assert!(quoted(&text(new)), "{new}");
        }
        for old in ["x{a=\"}\", b='{'}", "label_replace(x, \"a\", \"$1\", \"b\", \"(.*)\")", "sum by (a) (x{b=\"c\"})"]
        {
            assert!(!quoted(&text(old)), "{old}");
        }
    }
}
