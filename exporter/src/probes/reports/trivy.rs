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
    metadata: Metadata,
    #[serde(default, deserialize_with = "or_empty")]
    results: Vec<TrivyResult>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    #[serde(rename = "OS", deserialize_with = "or_empty")]
    os: OperatingSystem,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct OperatingSystem {
    family: String,
    name: String,
    /// Whether its distribution publishes no security updates any more.
    #[serde(rename = "EOSL")]
    ended: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyResult {
    /// What was looked at: `os-pkgs`, `lang-pkgs`, `config`, `secret` or `license`. Absent in old versions.
    class: Option<String>,
    vulnerabilities: Option<Vec<TrivyVulnerability>>,
    /// Findings that a VEX document or `.trivyignore` leaves out; in the report with `--show-suppressed`.
    experimental_modified_findings: Option<Vec<serde::de::IgnoredAny>>,
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
    let mut gaps = Vec::new();
    let of_packages = |result: &TrivyResult| result.class.as_deref().is_none_or(|class| class.ends_with("-pkgs"));
    // Of an image with an operating system it always reports the packages, also those without a vulnerability. An image
    // made from nothing may have none.
    let has_packages = !report.results.is_empty() || !report.metadata.os.family.is_empty();
    if has_packages && !report.results.iter().any(of_packages) {
        gaps.push("looked at no package: scan with --scanners vuln".to_owned());
    }
    let OperatingSystem { family, name, ended } = &report.metadata.os;
    if *ended {
        gaps.push(format!(
            "cannot know the vulnerabilities of {family} {name}, which gets no security updates any more"
        ));
    }
    Ok(Summary {
        gaps,
        counts: of(true),
        unfixable: of(false),
        written: report.created_at.map(|at| at.as_duration().as_secs_f64()),
        left_out: report.results.iter().flat_map(|result| &result.experimental_modified_findings).map(Vec::len).sum(),
        subject: Some(report.artifact_name).filter(|name| !name.is_empty()),
        ..Summary::default()
    })
}
