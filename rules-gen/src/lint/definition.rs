//! The definition of a lint: its id, page, check and examples. The lints are in `checks`, one file each.

use super::context::Context;
use super::dashboards::context::DashboardContext;
use super::report::{Level, Report};
use super::rule_file::Rule;
use super::yaml::Node;
use promql::Expr;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

/// A rule file without findings, for examples.
pub(super) const SERVICE_DOWN: &str = r"
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: up == 0
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
";

#[derive(Debug)]
pub struct Lint {
    /// The id, such as `RG011`.
    pub id: &'static str,
    /// The title: what is wrong, in a few words.
    pub title: &'static str,
    /// The level of its findings; if they differ, the highest.
    pub level: Level,
    /// What the lint finds and why it matters, in Markdown. Code scanning shows only the first paragraph.
    pub text: &'static str,
    /// The check, or the part of the program that makes the findings.
    pub check: Check,
    /// Examples with a finding. The first is shown on the lint's page, and all are tests.
    pub found: &'static [Example],
    /// Examples without a finding.
    pub fine: &'static [Example],
}

/// How the findings of a lint are made.
#[derive(Debug)]
pub enum Check {
    /// A check of each rule.
    Rule(fn(&Rule, &Context<'_>, &mut Report<'_>)),
    /// A check of each rule whose expression parses.
    Expr(fn(&Rule, &Expr, &Context<'_>, &mut Report<'_>)),
    /// A check of all rules of a file together.
    Rules(fn(&[Rule], &Context<'_>, &mut Report<'_>)),
    /// A check of the rules of a file together, without copies of rules that are linted in another file.
    OwnRules(fn(&[&Rule], &Context<'_>, &mut Report<'_>)),
    /// A check of each rule test.
    Test(fn(&Node, &Context<'_>, &mut Report<'_>)),
    /// A check of each dashboard.
    Dashboard(fn(&Value, &DashboardContext<'_>, &mut Report<'_>)),
    /// A check of the text of a scrape.
    Scrape(fn(&str, &mut Report<'_>)),
    /// The readers of files report the findings while they read.
    Reader,
    /// The findings come from a live server.
    Server,
}

/// An example of a lint.
#[derive(Debug, Clone, Copy)]
pub enum Example {
    /// An alert with this expression. Its `for`, severity and annotations have no findings.
    Expr(&'static str),
    /// The rules of a file with one group.
    Group(&'static str),
    /// A rule file.
    Rules(&'static str),
    /// A rule file that a server of this version must accept.
    RulesFor((u32, u32), &'static str),
    /// A dashboard.
    Dashboard(&'static str),
    /// A scrape.
    Scrape(&'static str),
    /// Files that are linted together, as names and texts.
    Files(&'static [(&'static str, &'static str)]),
}

fn group(rules: &str) -> String {
    format!("groups:\n- name: example\n  rules:{rules}")
}

impl Lint {
    /// Returns the first paragraph of the text.
    pub fn why(&self) -> &'static str {
        self.text.split("\n\n").next().unwrap_or_default()
    }

    /// Returns the page of the lint in Markdown, without the heading.
    pub fn page(&self) -> String {
        let most = if self.level == Level::Info { "" } else { " at most" };
        let mut page = format!("{}\n\nLevel: {}{most}.\n", self.text, self.level);
        for (heading, examples) in [("Found", self.found), ("Fine", self.fine)] {
            if let Some(example) = examples.first() {
                // Writing to a String cannot fail.
                let _ = write!(page, "\n## {heading}\n\n{}", example.markdown());
            }
        }
        page
    }
}

impl Example {
    /// Returns the files of the example, as names and texts.
    pub fn files(&self) -> Vec<(String, String)> {
        let one = |name: &str, text: &str| vec![(name.to_owned(), text.trim_start().to_owned())];
        match self {
            Self::Expr(expr) => {
                let quoted = expr.replace('\'', "''");
                let rest = "for: 5m\n    labels: {severity: warning}\n    annotations: {summary: Something is wrong., description: Look at the dashboard.}\n";
                let text =
                    format!("groups:\n- name: g\n  rules:\n  - alert: Example\n    expr: '{quoted}'\n    {rest}");
                one("example.yaml", &text)
            }
            Self::Group(rules) => one("example.yaml", &group(rules)),
            Self::Rules(text) | Self::RulesFor(_, text) => one("example.yaml", text),
            Self::Dashboard(text) => one("example.json", text),
            Self::Scrape(text) => one("example.txt", text),
            Self::Files(files) => files.iter().flat_map(|(name, text)| one(name, text)).collect(),
        }
    }

    fn markdown(&self) -> String {
        let block = |kind: &str, text: &str| format!("```{kind}\n{}\n```\n", text.trim());
        match self {
            Self::Expr(expr) => block("promql", expr),
            Self::Group(rules) => block("yaml", &group(rules)),
            Self::Rules(text) => block("yaml", text),
            Self::RulesFor((major, minor), text) => {
                format!("With `--prometheus-version {major}.{minor}`:\n\n{}", block("yaml", text))
            }
            Self::Dashboard(text) => block("json", text),
            Self::Scrape(text) => block("text", text),
            Self::Files(files) => {
                let file = |(name, text): &(&str, &str)| {
                    let kind = if Path::new(name).extension().is_some_and(|ending| ending == "json") {
                        "json"
                    } else {
                        "yaml"
                    };
                    format!("`{name}`:\n\n{}", block(kind, text))
                };
                files.iter().map(file).collect::<Vec<_>>().join("\n")
            }
        }
    }
}
