//! RG024: regular expressions that match everything, or that an equality could replace.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::{is_plain_text, matchers};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Expr, MatchOp, Matcher};

pub(super) static LINT: Lint = Lint {
    id: "RG024",
    title: "a regular expression that says nothing more than a text",
    level: Level::Error,
    text: r#"A matcher with `.*` selects what it would select without it; one with a plain text is an equality that costs more; `^` and `$` stand around every pattern already. `!~".*"` matches nothing at all."#,
    check: Check::Expr(check),
    found: &[Example::Expr(r#"up{job!~".*"} == 0"#)],
    fine: &[Example::Expr(r#"up{job!~"api|web"} == 0"#)],
};

fn check(rule: &Rule, ast: &Expr, _: &Context<'_>, report: &mut Report<'_>) {
    for one in ast.selectors() {
        matchers(one).for_each(|matcher| pattern(rule, matcher, report));
    }
}

fn pattern(rule: &Rule, matcher: &Matcher, report: &mut Report<'_>) {
    let positive = match matcher.op {
        MatchOp::Regex => true,
        MatchOp::NotRegex => false,
        MatchOp::Equal | MatchOp::NotEqual => return,
    };
    let (label, value) = (&matcher.name.text, &*matcher.value);
    let (level, message, fix) = if value == ".*" {
        let message = if positive {
            format!("{label}=~\".*\" matches every series, those without the label too")
        } else {
            format!("{label}!~\".*\" matches no series")
        };
        let level = if positive { Level::Info } else { Level::Error };
        (level, message, if positive { "leave it out; .+ asks for the label" } else { "leave it out" }.to_owned())
    } else if (positive && ["", "^$"].contains(&value)) || (!positive && value == ".+") {
        let message = format!("this matches only series without the label {label}");
        (Level::Info, message, format!("{label}=\"\" says it"))
    } else if is_plain_text(value) {
        let fix = format!("{label}{}{}", if positive { "=" } else { "!=" }, matcher.value);
        (Level::Info, format!("{label} is compared with a plain text by a regular expression"), fix)
    } else if anchored(value) {
        let message = format!("the pattern of {label} is anchored twice: Prometheus matches the whole value anyway");
        (Level::Info, message, "leave ^ and $ out".to_owned())
    } else {
        return;
    };
    report.part(LINT.id, level, &rule.expr, matcher.span, message, &fix);
}

/// Whether the pattern begins with `^` or ends with `$`, and the anchor applies to the whole pattern.
fn anchored(pattern: &str) -> bool {
    let escaped = pattern.strip_suffix('$').is_some_and(|rest| {
        let backslashes = rest.chars().rev().take_while(|c| *c == '\\').count();
        backslashes % 2 == 1
    });
    // The pattern is a single group between `^` and `$`.
    if let Some(inner) = pattern.strip_prefix("^(").and_then(|rest| rest.strip_suffix(")$")) {
        return !inner.contains(['(', ')', '[', '\\']);
    }
    // With alternatives, classes, groups or quoting, `^` or `$` may not be an anchor of the whole pattern.
    let plain = !pattern.contains(['|', '[', '(']) && !pattern.contains("\\Q") && pattern.len() > 1;
    plain && (pattern.starts_with('^') || (pattern.ends_with('$') && !escaped))
}

#[cfg(test)]
mod tests {
    use super::anchored;

    #[test]
    fn an_anchor_is_one_only_where_it_stands_for_the_whole_pattern() {
        for twice in ["^api$", "^5..", "^(a|b)$", "web-.+$", "a\\\\$"] {
            assert!(anchored(twice), "{twice}");
        }
        for once in ["api", "a\\$", "^a|b$", "^(a)|(b)$", "(^a)", "[a$", "$", ""] {
            assert!(!anchored(once), "{once}");
        }
    }
}
