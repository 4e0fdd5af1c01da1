//! RG005: features that some versions of the servers lack. PromQL features are in the parser's table, template
//! functions are in this file, and the reader of rule files reports their fields.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint, SERVICE_DOWN};
use crate::lint::expr::construct;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use crate::lint::template;
use promql::table::NEWEST;
use promql::{Missing, Version};

pub(super) static LINT: Lint = Lint {
    id: "RG005",
    title: "not supported by this version of Prometheus",
    level: Level::Error,
    text: "Prometheus refuses a file with fields or functions that its version does not have. The operator removes unknown fields without an error: an alert loses its `keep_firing_for`, and nobody notices. Use `--prometheus-version` to name the oldest server that must accept the rules.",
    check: Check::Rule(check),
    found: &[
        Example::RulesFor(
            (2, 41),
            r"
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: up == 0
    for: 5m
    keep_firing_for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
        ),
        Example::RulesFor((2, 42), ALIAS),
    ],
    fine: &[
        Example::RulesFor((2, 42), MERGED),
        Example::RulesFor((3, 3), ALIAS),
        Example::RulesFor((2, 41), SERVICE_DOWN),
    ],
};

const ALIAS: &str = "
groups:
- name: example
  rules:
  - {record: 'job:up:sum', expr: &sum sum by (job) (up)}
  - {record: 'job:up:copy', expr: *sum}
";
const MERGED: &str = "
groups:
- name: example
  rules:
  - &sum
    record: job:up:sum
    expr: sum by (job) (up)
  - {<<: *sum, record: 'job:up:copy'}
";

/// Template functions, and the first version of Prometheus that has each.
const TEMPLATES: [(&str, (u32, u32)); 6] = [
    ("now", (3, 6)),
    ("parseDuration", (2, 32)),
    ("stripDomain", (2, 36)),
    ("toDuration", (3, 6)),
    ("toTime", (2, 38)),
    ("urlQueryEscape", (3, 8)),
];

fn check(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    let options = context.options;
    let version = options.version.map_or(NEWEST, |(major, minor)| Version(major, minor));
    for one in &rule.uses {
        let Some(missing) = one.construct.missing_in(version, &options.features) else { continue };
        let (level, fix) = match missing {
            // RG006 reports feature flags.
            Missing::Feature(_) | Missing::With(_) => continue,
            Missing::Since(_) => (Level::Error, "older versions refuse the file".to_owned()),
            // Without a given version, an older server may be meant.
            Missing::Until(_) if options.version.is_none() => (Level::Warning, gone(one.construct.name)),
            Missing::Until(_) => (Level::Error, gone(one.construct.name)),
        };
        report.part(LINT.id, level, &rule.expr, one.span, format!("{} {missing}", construct(one.construct)), &fix);
    }
    let Some(version) = options.version else { return };
    for (_, text) in rule.labels.iter().chain(&rule.annotations).filter(|_| rule.alerts) {
        for name in template::read(&text.value).map(|used| used.functions).unwrap_or_default() {
            let since = TEMPLATES.iter().find(|(known, since)| *known == name && version < *since);
            if let Some((_, (major, minor))) = since {
                let message = format!("{name}() needs Prometheus {major}.{minor}");
                report.word(LINT.id, Level::Error, text, &name, message, "older versions refuse the file");
            }
        }
    }
}

fn gone(name: &str) -> String {
    match name {
        "holt_winters" => {
            "the same function is double_exponential_smoothing(), with --enable-feature=promql-experimental-functions"
                .to_owned()
        }
        _ => "newer versions refuse the file".to_owned(),
    }
}
