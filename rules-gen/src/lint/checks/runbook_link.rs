//! RG033: links to pages that do not exist. Links of dashboards are checked in `dashboards/links.rs`.

use crate::lint::context::Context;
use crate::lint::dashboards::links::leads_nowhere;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::live::{LINKS, page};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;

pub(super) static LINT: Lint = Lint {
    id: "RG033",
    title: "a link to nowhere",
    level: Level::Error,
    text: "Who is woken up follows the link. `--runbooks FOLDER` says where the pages are: the file must be there, and its heading too. When dashboards are linted together with the rules, a `dashboard_url`, or a link of a dashboard, that ends in `/d/UID` must lead to one of them; nothing is said when one of them has no `uid`. With `--live` the pages behind `runbook_url` and `dashboard_url` must answer.",
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
    let mend = "write the page, or mend the link";
    for (name, url) in rule.annotations.iter().filter(|(name, _)| LINKS.contains(&name.as_str())) {
        if let Some(why) = context.options.broken_links.get(page(&url.value)) {
            report.at(LINT.id, Level::Error, url, format!("{name} leads nowhere: {why}"), mend);
        }
    }
    if let Some(url) = rule.annotation("dashboard_url")
        && let Some(why) = leads_nowhere(&url.value, context.uids)
    {
        let fix = "lint the dashboard too, or mend the link";
        report.at(LINT.id, Level::Warning, url, format!("dashboard_url: {why}"), fix);
    }
    let Some(url) = rule.annotation("runbook_url") else {
        if rule.label("severity").is_some_and(|severity| severity.value == "critical") {
            let fix = "say what to do at three at night";
            report.at(LINT.id, Level::Info, &rule.name, "a page without runbook_url", fix);
        }
        return;
    };
    let Some(folder) = &context.options.runbooks else { return };
    let page = url.value.rsplit('/').next().unwrap_or_default();
    let (file, anchor) = page.split_once('#').map_or((page, None), |(file, anchor)| (file, Some(anchor)));
    let Ok(text) = std::fs::read_to_string(folder.join(file)) else {
        let message = format!("there is no {file} in {}", folder.display());
        report.at(LINT.id, Level::Error, url, message, mend);
        return;
    };
    let heading = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        line.starts_with('#') && Some(title.as_str()) == anchor
    };
    if anchor.is_some() && !text.lines().any(heading) {
        let message = format!("{file} has no heading #{}", anchor.unwrap_or_default());
        report.at(LINT.id, Level::Error, url, message, "write the section, or mend the link");
    }
}
