//! The report of `trivy image --format json`, or of another command of Trivy.

use super::summary::{Image, LEVELS, Platform, Summary, counted};
use crate::sources::null::or_empty;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trivy {
    artifact_name: String,
    /// `container_image`, `filesystem`, `repository` and so on. Absent in old versions.
    #[serde(default, deserialize_with = "or_empty")]
    artifact_type: String,
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
    #[serde(rename = "RepoTags", deserialize_with = "or_empty")]
    tags: Vec<String>,
    #[serde(rename = "ImageConfig", deserialize_with = "or_empty")]
    platform: Platform,
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
    let is_image = matches!(report.artifact_type.as_str(), "" | "container_image");
    let gap = gap(&report, is_image).map(str::to_owned);
    let mut gaps: Vec<String> = gap.into_iter().collect();
    let OperatingSystem { family, name, ended } = &report.metadata.os;
    if *ended {
        gaps.push(format!(
            "cannot know the vulnerabilities of {family} {name}, which gets no security updates any more"
        ));
    }
    let Metadata { tags, platform, .. } = &report.metadata;
    let image = is_image.then(|| Image::of(&report.artifact_name, tags, platform)).flatten();
    Ok(Summary {
        gaps,
        counts: of(true),
        unfixable: of(false),
        written: report.created_at.map(|at| at.as_duration().as_secs_f64()),
        left_out: report.results.iter().flat_map(|result| &result.experimental_modified_findings).map(Vec::len).sum(),
        image,
        ..Summary::default()
    })
}

/// Returns what the scan did not look at, if that is known.
fn gap(report: &Trivy, is_image: bool) -> Option<&'static str> {
    let has = |ends: &str| {
        let class = |result: &TrivyResult| result.class.as_deref().is_none_or(|class| class.ends_with(ends));
        report.results.iter().any(class)
    };
    // Of an image with an operating system it always reports the system's packages, also those without a vulnerability.
    // An image made from nothing may have none, and those of ActiveState have none that Trivy reads.
    let family = report.metadata.os.family.to_lowercase();
    let has_system = !["", "activestate"].contains(&family.as_str());
    if !is_image && !has("-pkgs") {
        // Old versions leave out packages without a vulnerability, so nothing tells them from a folder without any.
        return Some("names no package: scan with --scanners vuln, and with --list-all-pkgs if Trivy is old");
    }
    if (has_system || !report.results.is_empty()) && !has("-pkgs") {
        return Some("looked at no package: scan with --scanners vuln");
    }
    (has_system && !has("os-pkgs"))
        .then_some("looked at no package of its operating system: scan with --pkg-types os,library")
}
