//! RG037: numbers in a text, such as "80%" or "the last hour", that the expression does not have.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::{constant, matchers, offset};
use crate::lint::place::Text;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::{Rule, seconds};
use promql::{Binary, BinaryOp, Duration, Expr, Kind};
use regex::Regex;
use std::sync::LazyLock;

pub(super) static LINT: Lint = Lint {
    id: "RG037",
    title: "number in the text differs from the expression",
    level: Level::Warning,
    text: r#"The text says "in the last hour" but the expression counts ten hours: the person on call looks for the wrong thing."#,
    check: Check::Expr(check),
    found: &[Example::Group(
        r"
  - alert: ServiceDown
    expr: increase(errors_total[10h]) > 5
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: There are errors.
      description: There were errors in the last hour.
",
    )],
    fine: &[
        Example::Group(
            "
  - alert: CertificateEnds
    expr: 0 <= round((last_over_time(certificate_expiry[10m]) - time()) / 86400, 0.1) < 20
    for: 5m
    labels: {severity: warning}
    annotations: {summary: A certificate ends in less than 20 days.}
  - alert: SlowForLong
    expr: last_over_time(requests:seconds:p99_1h[10m]) > 2
    for: 90m
    labels: {severity: warning}
    annotations: {summary: Requests of the last hour were slow.}
  - alert: Slow
    expr: 1000 * rate(x_seconds_sum[5m]) / (rate(x_seconds_count[5m]) > 0) > 200
    for: 5m
    labels: {severity: warning}
    annotations: {summary: 'Requests take more than 200ms, for 10 minutes.'}
",
        ),
        Example::Group(
            r"
  - alert: ServiceDown
    expr: increase(errors_total[1h]) > 5
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: There are errors.
      description: There were errors in the last hour.
",
        ),
    ],
};

/// Words that precede a limit in a text.
const LIMITS: [&str; 9] = ["than", "above", "below", "over", "under", "exceeds", "limit", "least", "beyond"];

/// What a text with a number or a time has: a digit, or "the last hour".
static NUMBERS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("(?i)[0-9]|last|past").unwrap_or_else(|error| panic!("{error}")));

fn check(rule: &Rule, ast: &Expr, _: &Context<'_>, report: &mut Report<'_>) {
    let has_numbers = |(name, text): &&(String, Text)| {
        ["summary", "description", "message"].contains(&name.as_str()) && NUMBERS.is_match(&text.value)
    };
    let texts: Vec<&(String, Text)> = rule.annotations.iter().filter(has_numbers).collect();
    if !rule.alerts || texts.is_empty() {
        return;
    }
    let mut values = vec![rule.pending, rule.keep_firing];
    // The ranges of `last_over_time` only limit how old a value may be, so a text need not name them, but may.
    let mut reaches = Vec::new();
    // Numbers that are not times.
    let mut numbers = Vec::new();
    let is_last = |above: &[&Expr]| {
        above.last().is_some_and(|call| matches!(&call.kind, Kind::Call(one) if one.function.text == "last_over_time"))
    };
    ast.walk(&mut |part, above| match &part.kind {
        Kind::Number(one) => {
            values.push(one.value);
            numbers.push(one.value);
        }
        Kind::Subquery(one) => {
            values.extend(one.range.seconds());
            let offset = one.modifiers.offset.as_ref().map(|_| offset(&one.modifiers));
            // A range with an offset reaches back for both together.
            values.extend(
                offset.into_iter().flat_map(|ago| [Some(ago), one.range.seconds().map(|long| long + ago)]).flatten(),
            );
        }
        Kind::Selector(one) => {
            let range = one.range.as_ref().and_then(Duration::seconds);
            if is_last(above) {
                reaches.extend(range);
            } else {
                values.extend(range);
            }
            values.extend(one.modifiers.offset.as_ref().map(|_| offset(&one.modifiers)));
            values.extend(matchers(one).filter_map(|matcher| seconds(&matcher.value)));
        }
        Kind::Binary(one) => {
            values.extend(constant(part));
            numbers.extend(constant(part));
            values.extend(ahead(one));
        }
        _ => {}
    });
    // A text may mean the range and `for` together.
    let ranges: Vec<f64> = values[2..].iter().copied().filter(|value| *value >= 60.0).collect();
    values.extend(ranges.iter().map(|range| range + rule.pending));
    values.extend(reaches);
    let within =
        |all: &[f64], wanted: f64| all.iter().any(|value| (value - wanted).abs() <= 1e-6 * wanted.abs().max(1e-6));
    let near = |wanted: f64| within(&values, wanted);
    for (_, text) in texts {
        if text.value.contains("humanizeDuration")
            // A rate of burning is computed from the shares and times of its text.
            || text.value.to_lowercase().contains("budget")
        {
            continue;
        }
        let plain = outside_actions(&text.value);
        let words: Vec<&str> = plain.split([' ', '\n', ',', ';', '(', ')']).filter(|word| !word.is_empty()).collect();
        for (at, word) in words.iter().enumerate() {
            let word = word.trim_end_matches(['.', ':']);
            if let Some(percent) = word.strip_suffix('%').and_then(|number| number.parse::<f64>().ok()) {
                let share = percent / 100.0;
                let fits = [percent, share, 100.0 - percent, 1.0 - share, 1.0 + share, percent * 10.0]
                    .into_iter()
                    .any(|wanted| within(&numbers, wanted));
                // Only a percentage after one of these words is a limit.
                let limit =
                    words[at.saturating_sub(3)..at].iter().any(|word| LIMITS.contains(&word.to_lowercase().as_str()));
                if !fits && limit {
                    differs(rule, text, word, report);
                }
            }
            let last = || at > 0 && ["last", "past"].iter().any(|last| last.eq_ignore_ascii_case(words[at - 1]));
            let unit = match word.trim_end_matches('s') {
                "minute" => Some(60.0),
                "hour" => Some(3_600.0),
                "day" => Some(86_400.0),
                "week" => Some(604_800.0),
                _ => None,
            };
            let count = words.get(at.wrapping_sub(1)).and_then(|number| number.parse::<f64>().ok());
            let spoken = match (unit, count) {
                (Some(unit), Some(count)) => Some(count * unit),
                (Some(unit), None) if last() => Some(unit),
                _ => None,
            };
            let written = seconds(word).filter(|_| word.len() > 1 && word != "0");
            // "20 days" may be a number that the expression compares, as may "200ms" with a metric in milliseconds.
            let literal = count.filter(|_| unit.is_some()).or_else(|| {
                word.trim_end_matches(|c: char| c.is_ascii_alphabetic())
                    .parse::<f64>()
                    .ok()
                    .filter(|_| written.is_some())
            });
            if let Some(wanted) = spoken.or(written)
                && !ranges.is_empty()
                && !near(wanted)
                && !literal.is_some_and(near)
            {
                differs(rule, text, word, report);
            }
        }
    }
}

/// Returns the times of an extrapolation: a change since an offset, multiplied by a number.
fn ahead(one: &Binary) -> Vec<f64> {
    let (Some(times), BinaryOp::Mul) = (constant(&one.left), one.op) else { return Vec::new() };
    let mut since = Vec::new();
    one.right.walk(&mut |part, _| match &part.kind {
        Kind::Subquery(one) => since.extend(one.modifiers.offset.as_ref().map(|_| times * offset(&one.modifiers))),
        Kind::Selector(one) => since.extend(one.modifiers.offset.as_ref().map(|_| times * offset(&one.modifiers))),
        _ => {}
    });
    since
}

fn differs(rule: &Rule, text: &Text, word: &str, report: &mut Report<'_>) {
    let message =
        format!("the text says {word}, but the expression of {} does not contain this number", rule.name.value);
    report.word(LINT.id, Level::Warning, text, word, message, "correct the text or the expression");
}

fn outside_actions(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        plain.push_str(before);
        rest = after.split_once("}}").map_or("", |(_, after)| after);
    }
    plain + rest
}
