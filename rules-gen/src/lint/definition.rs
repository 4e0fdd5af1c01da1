//! What a lint is: its id, its page, its check and its examples. Each is a file in `checks`.

use super::context::Context;
use super::dashboards::context::DashboardContext;
use super::report::{Level, Report};
use super::rule_file::Rule;
use super::yaml::Node;
use promql::Expr;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

/// A lint.
#[derive(Debug)]
pub struct Lint {
    /// `RG011`.
    pub id: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// The level of its findings, or of the worst of them.
    pub level: Level,
    /// What it finds and why that matters, in Markdown. The first paragraph stands alone in code scanning.
    pub text: &'static str,
    /// Who looks.
    pub check: Check,
    /// What it must find: the first is on its page, all are its tests.
    pub found: &'static [Example],
    /// What it must leave alone.
    pub fine: &'static [Example],
}

/// Who makes a lint's findings.
#[derive(Debug)]
pub enum Check {
    /// A check of one rule.
    Rule(fn(&Rule, &Context<'_>, &mut Report<'_>)),
    /// A check of one rule whose expression parses.
    Expr(fn(&Rule, &Expr, &Context<'_>, &mut Report<'_>)),
    /// A check of the rules of one file.
    Rules(fn(&[Rule], &Context<'_>, &mut Report<'_>)),
    /// A check of a rule test.
    Test(fn(&Node, &Context<'_>, &mut Report<'_>)),
    /// A check of a dashboard.
    Dashboard(fn(&Value, &DashboardContext<'_>, &mut Report<'_>)),
    /// A check of the text of a scrape.
    Scrape(fn(&str, &mut Report<'_>)),
    /// The readers of files, while they read.
    Reader,
    /// A live server.
    Server,
}

/// What a lint is shown.
#[derive(Debug, Clone, Copy)]
pub enum Example {
    /// An alert with this expression; `for`, severity and texts are as they should be.
    Expr(&'static str),
    /// A rule file.
    Rules(&'static str),
    /// A rule file that a server of this version must accept.
    RulesFor((u32, u32), &'static str),
    /// A dashboard.
    Dashboard(&'static str),
    /// A scrape.
    Scrape(&'static str),
    /// Files that are linted together: names and texts.
    Files(&'static [(&'static str, &'static str)]),
}

impl Lint {
    /// The first paragraph.
    pub fn why(&self) -> &'static str {
        self.text.split("\n\n").next().unwrap_or_default()
    }

    /// All of its page below the heading.
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
    /// Its files: names and texts.
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
