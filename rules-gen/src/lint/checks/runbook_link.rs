//! RG033: links to pages that do not exist. Links of dashboards are checked in `dashboards/links.rs`.

use crate::lint::context::Context;
use crate::lint::dashboards::links::leads_nowhere;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::live::{LINKS, page};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;

pub(super) static LINT: Lint = Lint {
    id: "RG033",
    title: "broken or missing link",
    level: Level::Error,
    text: "The person on call follows these links. With `--runbooks FOLDER` the page of each `runbook_url` must exist in that folder, with the heading that the link names. If dashboards are linted together with the rules, the UID of each link to `/d/UID` must be one of theirs; this is skipped when one of them has no `uid`. With `--live` the pages of `runbook_url` and `dashboard_url` are requested and must exist.",
    check: Check::Rule(check),
    found: &[Example::Rules(
        r"
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: up == 0
    for: 5m
    labels:
      severity: critical
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
    )],
    fine: &[Example::Rules(
        r"
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: up == 0
    for: 5m
    labels:
      severity: critical
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
      runbook_url: https://runbooks.example.com/service.md#servicedown
",
    )],
};

fn check(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    if !rule.alerts {
        return;
    }
    let mend = "write the page, or correct the link";
    for (name, url) in rule.annotations.iter().filter(|(name, _)| LINKS.contains(&name.as_str())) {
        if let Some(why) = context.options.broken_links.get(page(&url.value)) {
            report.at(LINT.id, Level::Error, url, format!("the page of {name} cannot be opened: {why}"), mend);
        }
    }
    if let Some(url) = rule.annotation("dashboard_url")
        && let Some(why) = leads_nowhere(&url.value, context.uids)
    {
        let fix = "correct the link, or lint that dashboard too";
        report.at(LINT.id, Level::Warning, url, format!("dashboard_url: {why}"), fix);
    }
    let Some(url) = rule.annotation("runbook_url") else {
        if rule.label("severity").is_some_and(|severity| severity.value == "critical") {
            let fix = "add a link to a page that says what to do";
            report.at(LINT.id, Level::Info, &rule.name, "a critical alert without runbook_url", fix);
        }
        return;
    };
    let Some(folder) = &context.options.runbooks else { return };
    let page = url.value.rsplit('/').next().unwrap_or_default();
    let (file, anchor) = page.split_once('#').map_or((page, None), |(file, anchor)| (file, Some(anchor)));
    let Ok(text) = std::fs::read_to_string(folder.join(file)) else {
        let message = format!("the runbook {file} does not exist in {}", folder.display());
        report.at(LINT.id, Level::Error, url, message, mend);
        return;
    };
    let heading = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        line.starts_with('#') && Some(title.as_str()) == anchor
    };
    if anchor.is_some() && !text.lines().any(heading) {
        let message = format!("the runbook {file} has no heading for #{}", anchor.unwrap_or_default());
        report.at(LINT.id, Level::Error, url, message, "write the section, or correct the link");
    }
}
