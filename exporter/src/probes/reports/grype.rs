//! The report of `grype --output json`.

use super::summary::{LEVELS, Summary, counted};
use crate::sources::null::or_empty;
use serde::Deserialize;

#[derive(Deserialize)]
struct Grype {
    #[serde(deserialize_with = "or_empty")]
    matches: Vec<GrypeMatch>,
    /// Matches that rules of the scanner's configuration leave out.
    #[serde(default, rename = "ignoredMatches", deserialize_with = "or_empty")]
    ignored: Vec<serde::de::IgnoredAny>,
    /// Packages whose vulnerabilities it cannot know, such as those of a distribution without updates.
    #[serde(default, rename = "alertsByPackage", deserialize_with = "or_empty")]
    alerts: Vec<serde::de::IgnoredAny>,
    #[serde(default, deserialize_with = "or_empty")]
    source: GrypeSource,
    #[serde(default, deserialize_with = "or_empty")]
    descriptor: GrypeDescriptor,
}

#[derive(Deserialize)]
struct GrypeMatch {
    vulnerability: GrypeVulnerability,
}

#[derive(Deserialize)]
struct GrypeVulnerability {
    #[serde(default)]
    severity: String,
    #[serde(default, deserialize_with = "or_empty")]
    fix: GrypeFix,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GrypeFix {
    /// `fixed`, `not-fixed`, `wont-fix` or `unknown`.
    state: String,
    #[serde(deserialize_with = "or_empty")]
    versions: Vec<serde::de::IgnoredAny>,
}

impl GrypeFix {
    fn is_there(&self) -> bool {
        self.state == "fixed" || self.state != "wont-fix" && !self.versions.is_empty()
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GrypeSource {
    target: serde_json::Value,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GrypeDescriptor {
    timestamp: Option<jiff::Timestamp>,
    /// The time of the database is in `built`, since version 0.88 in `status.built`.
    db: serde_json::Value,
}

/// Parses a report. A match is fixable when its fix state is `fixed`.
pub(super) fn grype(bytes: &[u8]) -> Result<Summary, serde_json::Error> {
    let report: Grype = serde_json::from_slice(bytes)?;
    let of = |fixable: bool| {
        let found = report.matches.iter().map(|found| &found.vulnerability);
        let some = found.filter(move |found| found.fix.is_there() == fixable);
        counted(&LEVELS, some.map(|found| found.severity.as_str()))
    };
    let db = &report.descriptor.db;
    let built = db["built"].as_str().or_else(|| db["status"]["built"].as_str());
    // A program in Go writes no time as one long before 1970.
    let built = built.and_then(|at| at.parse::<jiff::Timestamp>().ok()).filter(|at| *at > jiff::Timestamp::UNIX_EPOCH);
    let valid = db["status"]["valid"] != serde_json::Value::Bool(false);
    let mut gaps = Vec::new();
    if built.is_none() {
        gaps.push("does not say how old its database is".to_owned());
    }
    if !valid {
        gaps.push("was made with a database that is not valid".to_owned());
    }
    if !report.alerts.is_empty() {
        gaps.push(format!(
            "cannot know the vulnerabilities of {} packages, such as those of a distribution without updates",
            report.alerts.len()
        ));
    }
    Ok(Summary {
        gaps,
        left_out: report.ignored.len(),
        database: built.map(|at| at.as_duration().as_secs_f64()),
        counts: of(true),
        unfixable: of(false),
        subject: report.source.target["userInput"].as_str().filter(|name| !name.is_empty()).map(str::to_owned),
        written: report.descriptor.timestamp.map(|at| at.as_duration().as_secs_f64()),
        ..Summary::default()
    })
}
