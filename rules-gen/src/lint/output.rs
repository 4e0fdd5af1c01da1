//! Writes findings as text for people and in formats for other programs.
//!
//! SARIF is written as a JSON value. A crate with SARIF types would need a builder for each object, and a test
//! validates the output against the SARIF schema anyway.

mod xml;

use super::checks::ALL;
use super::report::{Finding, Level};
use crate::terminal::{Colour, Style};
use checklist::config::digest;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The output format of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The line with a caret below the place, for people.
    Text,
    /// A list of JSON objects.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// A JUnit test suite with a case for each file and lint.
    Junit,
    /// Workflow commands of GitHub Actions, which become annotations without a token.
    Github,
    /// Checkstyle XML, for other tools.
    Checkstyle,
}

/// Writes the findings. `files` are the names of all linted files, including those without findings.
pub fn render(format: Format, findings: &[Finding], files: &[String], style: Style) -> String {
    match format {
        Format::Text => text(findings, files.len(), style),
        Format::Json => pretty(&Value::Array(findings.iter().map(object).collect())),
        Format::Sarif => pretty(&sarif(findings)),
        Format::Junit => xml::junit(findings, files),
        Format::Github => findings.iter().map(github).collect(),
        Format::Checkstyle => xml::checkstyle(findings, files),
    }
}

fn pretty(value: &Value) -> String {
    // A value whose keys are all texts always serialises.
    serde_json::to_string_pretty(value).map(|text| text + "\n").unwrap_or_default()
}

fn text(findings: &[Finding], files: usize, style: Style) -> String {
    let mut out = String::new();
    for finding in findings {
        let colour = match finding.level {
            Level::Error => Colour::Red,
            Level::Warning => Colour::Yellow,
            Level::Info => Colour::Cyan,
        };
        let head = style.paint(colour, &format!("{}[{}]", finding.level, finding.id));
        let subject = finding.subject.as_ref().map(|subject| format!("{subject}: ")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{head} {subject}{}", clean(&finding.message));
        let place = format!("{}:{}:{}", finding.file, finding.place.line, finding.place.column);
        let _ = writeln!(out, "  --> {place}");
        if !finding.snippet.trim().is_empty() {
            let number = finding.place.line.to_string();
            let margin = " ".repeat(number.len());
            let column = (finding.place.column - 1).saturating_sub(finding.before);
            let before: String =
                finding.snippet.chars().take(column).map(|c| if c == '\t' { c } else { ' ' }).collect();
            let room = finding.snippet.chars().count().saturating_sub(column).max(1);
            let caret = style.paint(colour, &"^".repeat(finding.width.min(room)));
            let _ = writeln!(out, "{number} | {}\n{margin} | {before}{caret}", clean(&finding.snippet));
        }
        if !finding.fix.is_empty() {
            let _ = writeln!(out, "  = {}", clean(&finding.fix));
        }
        out.push('\n');
    }
    let count = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings, infos) = (count(Level::Error), count(Level::Warning), count(Level::Info));
    let of = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let found = [of(errors, "error"), of(warnings, "warning"), of(infos, "info")].join(", ");
    let _ = writeln!(out, "{}: {found}", of(files, "file"));
    out
}

/// Replaces control characters, with which a hostile file could manipulate a terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

fn object(finding: &Finding) -> Value {
    json!({
        "file": finding.file,
        "line": finding.place.line,
        "column": finding.place.column,
        "endColumn": finding.place.column + finding.width,
        "id": finding.id,
        "level": finding.level.to_string(),
        "subject": finding.subject,
        "message": finding.message,
        "fix": finding.fix,
    })
}

fn sarif(findings: &[Finding]) -> Value {
    let rules: Vec<Value> = ALL
        .iter()
        .map(|lint| {
            json!({
                "id": lint.id,
                "shortDescription": {"text": lint.title},
                "fullDescription": {"text": lint.why()},
                "help": {"text": lint.why()},
            })
        })
        .collect();
    let index = |id: &str| ALL.iter().position(|lint| lint.id == id);
    let result = |finding: &Finding| {
        let level = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "note",
        };
        let fix = if finding.fix.is_empty() { String::new() } else { format!(" ({})", finding.fix) };
        json!({
            "ruleId": finding.id,
            "ruleIndex": index(finding.id),
            "level": level,
            "message": {"text": format!("{}{fix}", finding.message)},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": finding.file},
                "region": {
                    "startLine": finding.place.line,
                    "startColumn": finding.place.column,
                    "endColumn": finding.place.column + finding.width,
                },
            }}],
            // The fingerprint contains no line number, so a finding stays the same when its lines move.
            "partialFingerprints": {"checklist/v1": fingerprint(finding)},
        })
    };
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "rules-gen",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn fingerprint(finding: &Finding) -> String {
    digest(&format!("{} {} {:?} {}", finding.file, finding.id, finding.subject, finding.message))
}

fn github(finding: &Finding) -> String {
    let command = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "notice",
    };
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!(
        "::{command} file={},line={},col={},title={}::{}\n",
        property(&finding.file),
        finding.place.line,
        finding.place.column,
        finding.id,
        data(&[&*finding.message, &*finding.fix].join("\n")),
    )
}
