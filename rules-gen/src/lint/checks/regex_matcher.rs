//! RG024: regular expressions that match everything, or that an equality could replace.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::{is_plain_text, matchers};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Expr, MatchOp, Matcher};

pub(super) static LINT: Lint = Lint {
    id: "RG024",
    title: "unnecessary or ineffective regular expression",
    level: Level::Error,
    text: r#"A matcher `=~".*"` has no effect. A pattern that is a plain text is a more expensive `=`. Prometheus anchors every pattern, so `^` and `$` have no effect (these are infos). `!~".*"` matches no series at all, which is an error."#,
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
            format!("{label}=~\".*\" matches every series, also those without the label")
        } else {
            format!("{label}!~\".*\" never matches a series")
        };
        let level = if positive { Level::Info } else { Level::Error };
        (
            level,
            message,
            if positive { "remove the matcher, or use .+ to require the label" } else { "remove the matcher" }
                .to_owned(),
        )
    } else if (positive && ["", "^$"].contains(&value)) || (!positive && value == ".+") {
        let message = format!("this matches only series that do not have the label {label}");
        (Level::Info, message, format!("write {label}=\"\""))
    } else if is_plain_text(value) {
        let fix = format!("{label}{}{}", if positive { "=" } else { "!=" }, matcher.value);
        (Level::Info, format!("the regular expression for {label} is a plain text"), fix)
    } else if anchored(value) {
        let message =
            format!("the anchors in the pattern for {label} have no effect: Prometheus always matches the whole value");
        (Level::Info, message, "remove ^ and $".to_owned())
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
    fn an_anchor_is_redundant_only_if_it_applies_to_the_whole_pattern() {
        for twice in ["^api$", "^5..", "^(a|b)$", "web-.+$", "a\\\\$"] {
            assert!(anchored(twice), "{twice}");
        }
        for once in ["api", "a\\$", "^a|b$", "^(a)|(b)$", "(^a)", "[a$", "$", ""] {
            assert!(!anchored(once), "{once}");
        }
    }
}
