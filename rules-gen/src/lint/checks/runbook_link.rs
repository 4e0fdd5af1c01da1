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
    found: &[Example::Group(
        r"
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
    fine: &[Example::Group(
        r"
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
    // The page of a template depends on the alert.
    let Some(folder) = context.options.runbooks.as_ref().filter(|_| !url.value.contains("{{")) else { return };
    let (address, anchor) =
        url.value.split_once('#').map_or((&*url.value, None), |(page, anchor)| (page, Some(anchor)));
    let address = address.split('?').next().unwrap_or_default();
    let name = address.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let source = name.trim_end_matches(".html");
    let mut files =
        [name.to_owned(), format!("{source}.md"), format!("{name}/index.md"), format!("{name}/README.md")].into_iter();
    let Some(text) = files.find_map(|file| std::fs::read_to_string(folder.join(file)).ok()) else {
        let message = format!("the runbook {name} does not exist in {}", folder.display());
        report.at(LINT.id, Level::Error, url, message, mend);
        return;
    };
    if let Some(anchor) = anchor.filter(|anchor| !anchor.is_empty())
        && !has_anchor(&text, anchor)
    {
        let message = format!("the runbook {name} has no heading for #{anchor}");
        report.at(LINT.id, Level::Error, url, message, "write the section, or correct the link");
    }
}

/// Whether a Markdown page has a heading for an anchor, or sets the anchor itself. Sites make anchors of headings in
/// different ways, so only letters and digits are compared. A heading that is repeated has a number after its anchor.
fn has_anchor(page: &str, anchor: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let repeated = anchor.rsplit_once('-').filter(|(_, count)| count.parse::<u32>().is_ok()).map(|(first, _)| first);
    let wanted: Vec<String> = [Some(anchor), repeated].into_iter().flatten().map(plain).collect();
    let lines: Vec<&str> = page.lines().collect();
    let heading = |at: usize| {
        let underline = lines.get(at + 1).is_some_and(|line| line.starts_with("===") || line.starts_with("---"));
        (lines[at].starts_with('#') || underline) && wanted.contains(&plain(lines[at]))
    };
    let set = [format!("{{#{anchor}}}"), format!("id=\"{anchor}\""), format!("name=\"{anchor}\"")];
    (0..lines.len()).any(heading) || set.iter().any(|set| page.contains(set))
}

#[cfg(test)]
mod tests {
    use super::has_anchor;

    #[test]
    fn anchors_are_those_that_sites_make_of_headings() {
        let page = "Service down\n===\n## What's wrong? (disk)\n## Fix\n## Fix\n<a id=\"old\"></a>\n## More {#rest}\n";
        for anchor in ["service-down", "whats-wrong-disk", "what-s-wrong-disk", "fix", "fix-1", "old", "rest"] {
            assert!(has_anchor(page, anchor), "{anchor}");
        }
        for anchor in ["wrong", "fix-disk", "serviced"] {
            assert!(!has_anchor(page, anchor), "{anchor}");
        }
    }
}
