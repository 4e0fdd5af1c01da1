//! The report of `trivy image --format json`.

use super::summary::{LEVELS, Summary, counted};
use crate::sources::null::or_empty;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trivy {
    artifact_name: String,
    created_at: Option<jiff::Timestamp>,
    #[serde(default, deserialize_with = "or_empty")]
    results: Vec<TrivyResult>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyResult {
    vulnerabilities: Option<Vec<TrivyVulnerability>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyVulnerability {
    severity: String,
    /// Empty or absent when no fixed version exists.
    #[serde(default)]
    fixed_version: String,
}

/// Parses a report. A vulnerability is fixable when it names a fixed version.
pub(super) fn trivy(bytes: &[u8]) -> Result<Summary, serde_json::Error> {
    let report: Trivy = serde_json::from_slice(bytes)?;
    let found = || report.results.iter().flat_map(|result| result.vulnerabilities.iter().flatten());
    let of = |fixable: bool| {
        let some = found().filter(move |found| found.fixed_version.is_empty() != fixable);
        counted(&LEVELS, some.map(|found| found.severity.as_str()))
    };
    Ok(Summary {
        counts: of(true),
        unfixable: of(false),
        written: report.created_at.map(|at| at.as_duration().as_secs_f64()),
        subject: Some(report.artifact_name),
        ..Summary::default()
    })
}
