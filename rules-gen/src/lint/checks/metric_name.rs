//! RG060: metric names that break the rules of promlint.

use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};

pub(super) static LINT: Lint = Lint {
    id: "RG060",
    title: "metric name breaks the naming conventions",
    level: Level::Warning,
    text: "Base units, `_total` on counters, no colon, no camelCase: the same conventions as `promtool check metrics`. Checked on the metrics of the scrape that `--catalog-from` names.",
    check: Check::Scrape(check),
    found: &[Example::Scrape(
        r#"
# TYPE request_latency_milliseconds gauge
request_latency_milliseconds 3
up{job="a"} 1
"#,
    )],
    fine: &[Example::Scrape(
        r#"
# TYPE request_latency_seconds gauge
request_latency_seconds 3
up{job="a"} 1
"#,
    )],
};

/// Units in metric names, and the base units that should replace them.
const UNITS: [(&str, &str); 10] = [
    ("milliseconds", "seconds"),
    ("microseconds", "seconds"),
    ("minutes", "seconds"),
    ("hours", "seconds"),
    ("days", "seconds"),
    ("kilobytes", "bytes"),
    ("megabytes", "bytes"),
    ("kibibytes", "bytes"),
    ("percentage", "ratio"),
    ("fahrenheit", "celsius"),
];

fn check(scrape: &str, report: &mut Report<'_>) {
    for (name, kind) in scrape.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')) {
        let warn = |message: String, fix: &str, report: &mut Report<'_>| {
            report.about(Some(name.to_owned()));
            report.line(LINT.id, Level::Warning, 1, message, fix);
        };
        if kind.trim() == "counter" && !name.ends_with("_total") {
            warn(format!("the counter {name} does not end in _total"), "rename it", report);
        }
        if name.contains(':') {
            warn(format!("{name} contains a colon, which is reserved for recording rules"), "rename it", report);
        }
        if name.chars().any(|c| c.is_ascii_uppercase()) {
            warn(format!("{name} is in camelCase"), "use snake_case", report);
        }
        if let Some((unit, base)) = UNITS.iter().find(|(unit, _)| name.split('_').any(|part| part == *unit)) {
            warn(format!("the unit of {name} is {unit}, which is not a base unit"), &format!("use {base}"), report);
        }
    }
}
