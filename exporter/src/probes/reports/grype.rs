//! The report of `grype --output json`.

use super::summary::{Image, LEVELS, Platform, Summary, counted};
use crate::sources::null::or_empty;
use serde::Deserialize;
use serde_json::Value;

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
    /// Of an image its description, of a folder its path.
    target: Value,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GrypeImage {
    #[serde(rename = "userInput", deserialize_with = "or_empty")]
    name: String,
    #[serde(deserialize_with = "or_empty")]
    tags: Vec<String>,
    #[serde(flatten)]
    platform: Platform,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GrypeDescriptor {
    timestamp: Option<jiff::Timestamp>,
    /// The time of the database is in `built`, since version 0.88 in `status.built`.
    db: Value,
    configuration: Value,
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
    let valid = db["status"]["valid"] != Value::Bool(false);
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
    let configuration = &report.descriptor.configuration;
    // Newer versions write the states that are ignored under the key of an older option.
    let ignored = ["ignore-states", "ignore-wontfix"].iter().filter_map(|key| configuration[*key].as_str());
    let no_fixed = ignored.flat_map(|states| states.split(',')).any(|state| state.trim() == "fixed");
    if no_fixed || configuration["only-notfixed"] == Value::Bool(true) {
        gaps.push("was made without the vulnerabilities that a newer version fixes (only-notfixed)".to_owned());
    }
    let only_fixed = configuration["only-fixed"] == Value::Bool(true);
    let limits =
        only_fixed.then(|| "was made without the vulnerabilities that no newer version fixes (only-fixed)".to_owned());
    let image = GrypeImage::deserialize(&report.source.target).ok();
    Ok(Summary {
        gaps,
        left_out: report.ignored.len(),
        database: built.map(|at| at.as_duration().as_secs_f64()),
        counts: of(true),
        unfixable: of(false),
        image: image.and_then(|image| Image::of(&image.name, &image.tags, &image.platform)),
        limits: limits.into_iter().collect(),
        written: report.descriptor.timestamp.map(|at| at.as_duration().as_secs_f64()),
        ..Summary::default()
    })
}
