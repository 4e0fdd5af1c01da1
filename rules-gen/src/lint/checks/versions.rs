//! What the servers do not have: RG005, which versions lack; RG006, what needs a feature flag. What `PromQL` has is in the
//! parser's table; the functions of templates are here.

use super::context::Context;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use crate::lint::template;
use promql::table::NEWEST;
use promql::{Missing, Version};

/// Functions of templates.
const TEMPLATES: [(&str, (u32, u32)); 6] = [
    ("now", (3, 6)),
    ("parseDuration", (2, 32)),
    ("stripDomain", (2, 36)),
    ("toDuration", (3, 6)),
    ("toTime", (2, 38)),
    ("urlQueryEscape", (3, 8)),
];

pub(super) fn check(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    let options = context.options;
    let version = options.version.map_or(NEWEST, |(major, minor)| Version(major, minor));
    for one in &rule.uses {
        let Some(missing) = one.construct.missing_in(version, &options.features) else { continue };
        let name = match one.construct.signature() {
            Some(_) => format!("{}()", one.construct.name),
            None => one.construct.name.to_owned(),
        };
        let message = format!("{name} {missing}");
        let (id, level, fix) = match missing {
            Missing::Feature(flag) => {
                ("RG006", Level::Error, format!("--enable-feature={flag} when the servers have it"))
            }
            Missing::With(_) => ("RG006", Level::Error, "quote the name".to_owned()),
            Missing::Since(_) => ("RG005", Level::Error, "older servers refuse the file".to_owned()),
            // Older servers may be meant; nobody has said.
            Missing::Until(_) if options.version.is_none() => ("RG005", Level::Warning, gone(one.construct.name)),
            Missing::Until(_) => ("RG005", Level::Error, gone(one.construct.name)),
        };
        report.part(id, level, &rule.expr, one.span, message, &fix);
    }
    let Some(version) = options.version else { return };
    for (_, text) in rule.labels.iter().chain(&rule.annotations).filter(|_| rule.alerts) {
        for name in template::read(&text.value).map(|used| used.functions).unwrap_or_default() {
            let since = TEMPLATES.iter().find(|(known, since)| *known == name && version < *since);
            if let Some((_, (major, minor))) = since {
                let message = format!("{name}() needs Prometheus {major}.{minor}");
                report.word("RG005", Level::Error, text, &name, message, "older servers refuse the file");
            }
        }
    }
}

fn gone(name: &str) -> String {
    match name {
        "holt_winters" => {
            "double_exponential_smoothing() with --enable-feature=promql-experimental-functions is the same".to_owned()
        }
        _ => "newer servers refuse the file".to_owned(),
    }
}
