//! RG012: ranges that contain too few samples for a rate.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Duration, Expr, Kind};

pub(super) static LINT: Lint = Lint {
    id: "RG012",
    title: "range too short for the scrape interval",
    level: Level::Error,
    text: "`rate()` needs two samples in its range. If the range is shorter than four scrape intervals, one missed scrape can leave too few samples: the result has a gap, and the alert resolves. A recorded series has a sample for each evaluation of its group, so the interval of that group counts.",
    check: Check::Expr(check),
    found: &[
        Example::Expr("rate(http_errors_total[1m]) > 5"),
        Example::Rules(
            "
groups:
- name: example
  interval: 5m
  rules:
  - {record: 'job:queue_length:max', expr: max by (job) (queue_length)}
  - {record: 'job:queue_length:delta', expr: 'delta(job:queue_length:max[5m])'}
",
        ),
    ],
    fine: &[
        Example::Expr("rate(http_errors_total[5m]) > 5"),
        Example::Rules(
            "
groups:
- name: example
  interval: 5m
  rules:
  - {record: 'job:queue_length:max', expr: max by (job) (queue_length)}
  - {record: 'job:queue_length:delta', expr: 'delta(job:queue_length:max[10m])'}
",
        ),
    ],
};

/// Functions that need two samples.
const OF_TWO: [&str; 6] = ["rate", "irate", "increase", "delta", "deriv", "idelta"];

/// Reports only the range with the fewest samples, because the others have the same cause.
fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    let mut fewest: Option<Short<'_>> = None;
    ast.walk(&mut |part, _| {
        let Kind::Call(call) = &part.kind else { return };
        let Some(selector) = call.args.first().and_then(|arg| arg.bare().selector()) else { return };
        let range = selector.range.as_ref().filter(|_| OF_TWO.contains(&call.function.text.as_str()));
        let Some((range, seconds)) = range.and_then(|range| Some((range, range.seconds()?))) else { return };
        let recorded = selector.metric().filter(|name| context.recordings.has(name));
        let every = recorded.and_then(|name| context.recordings.interval(name));
        let one = Short {
            function: &call.function.text,
            range,
            seconds,
            recorded: every.and(recorded),
            every: every.unwrap_or(context.options.scrape_interval),
        };
        if fewest.as_ref().is_none_or(|least| one.samples() < least.samples()) {
            fewest = Some(one);
        }
    });
    let Some(short) = fewest else { return };
    let Short { function, seconds, every, .. } = short;
    let (message, fix) = match short.recorded {
        // A rule is evaluated in time, so nothing but a restart leaves a gap.
        Some(name) if short.samples() < 2.0 => (
            format!("{function}() over {seconds}s of {name}, which is recorded every {every}s: it needs two samples"),
            "take at least two intervals of the group that records it",
        ),
        None if short.samples() < 4.0 => (
            format!(
                "{function}() over {seconds}s of samples every {every}s (--scrape-interval): a missed scrape leaves nothing"
            ),
            "use a range of at least four scrape intervals",
        ),
        _ => return,
    };
    let level = if short.samples() < 2.0 { Level::Error } else { Level::Warning };
    report.part(LINT.id, level, &rule.expr, short.range.span, message, fix);
}

/// A range of a function that needs two samples.
struct Short<'a> {
    function: &'a str,
    range: &'a Duration,
    seconds: f64,
    /// The name of the series if a linted rule records it at an interval of its own.
    recorded: Option<&'a str>,
    /// The seconds between two samples.
    every: f64,
}

impl Short<'_> {
    fn samples(&self) -> f64 {
        self.seconds / self.every
    }
}
