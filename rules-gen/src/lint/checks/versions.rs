//! What older servers do not know: RG005.

use super::Context;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;

/// Functions and the version of Prometheus that first had them (its CHANGELOG).
const SINCE: [(&str, (u32, u32)); 13] = [
    ("sort_by_label", (2, 49)),
    ("sort_by_label_desc", (2, 49)),
    ("mad_over_time", (2, 51)),
    ("histogram_avg", (2, 52)),
    ("histogram_stddev", (2, 46)),
    ("histogram_stdvar", (2, 46)),
    ("double_exponential_smoothing", (3, 0)),
    ("info", (3, 0)),
    ("limitk", (2, 54)),
    ("limit_ratio", (2, 54)),
    ("ts_of_max_over_time", (3, 5)),
    ("ts_of_min_over_time", (3, 5)),
    ("ts_of_last_over_time", (3, 5)),
];

pub(super) fn check(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    let Some(version) = context.options.version else { return };
    for (name, since) in SINCE {
        let called = rule.expr.value.match_indices(name).any(|(at, _)| {
            let before = rule.expr.value[..at].chars().next_back();
            let after = rule.expr.value[at + name.len()..].trim_start();
            before.is_none_or(|c| !c.is_alphanumeric() && c != '_') && after.starts_with(['(', 'b', 'w'])
        });
        if called && version < since {
            let message = format!("{name}() needs Prometheus {}.{}", since.0, since.1);
            report.word("RG005", Level::Error, &rule.expr, name, message, "");
        }
    }
    if version < (3, 0)
        && let Some(what) = written_for_three(&rule.expr.value)
    {
        let message = format!("{what} needs Prometheus 3.0");
        report.at("RG005", Level::Error, &rule.expr, message, "older servers refuse the file");
    }
}

/// What only Prometheus 3 reads: seconds without a unit as a range, durations as numbers, quoted names.
fn written_for_three(expr: &str) -> Option<&'static str> {
    let mut rest = expr;
    let (mut range, mut braces, mut last) = (0_usize, 0_usize, "");
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '.';
        let length = match first {
            '"' | '\'' | '`' => {
                let mut escaped = false;
                let end = rest.char_indices().skip(1).find(|(_, c)| {
                    let closes = *c == first && !escaped;
                    escaped = *c == '\\' && !escaped && first != '`';
                    closes
                });
                let end = end.map_or(rest.len(), |(at, _)| at + 1);
                let after = rest[end..].trim_start();
                let named = braces > 0 && ["{", ","].contains(&last);
                let grouped = ["by(", "without(", "on(", "ignoring("].contains(&last);
                if grouped || (named && (after.starts_with(['=', '!', ',', '}']))) {
                    return Some("a quoted name");
                }
                last = "text";
                end
            }
            '[' | '{' => {
                if first == '[' {
                    range += 1;
                } else {
                    braces += 1;
                }
                last = if first == '{' { "{" } else { "[" };
                1
            }
            ']' | '}' => {
                if first == ']' {
                    range = range.saturating_sub(1);
                } else {
                    braces = braces.saturating_sub(1);
                }
                last = "]";
                1
            }
            c if word(c) => {
                let end = rest.find(|c: char| !word(c)).unwrap_or(rest.len());
                let token = rest[..end].trim_end_matches(':');
                let duration = crate::lint::rule_file::seconds(token).is_some() && token != "0";
                let number = token.parse::<f64>().is_ok();
                match token {
                    _ if range > 0 && number => return Some("a range without a unit"),
                    _ if range == 0 && duration && last != "offset" => return Some("a duration as a number"),
                    "by" => last = "by",
                    "without" => last = "without",
                    "on" => last = "on",
                    "ignoring" => last = "ignoring",
                    "offset" => last = "offset",
                    _ => last = "word",
                }
                end.max(1)
            }
            '(' => {
                last = match last {
                    "by" => "by(",
                    "without" => "without(",
                    "on" => "on(",
                    "ignoring" => "ignoring(",
                    _ => "(",
                };
                1
            }
            ',' => {
                last = ",";
                1
            }
            '-' if last == "offset" => 1,
            c => {
                if !c.is_whitespace() {
                    last = "";
                }
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    None
}
