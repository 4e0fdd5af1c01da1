//! What the reports of cargo audit, cargo outdated, Trivy and Grype say.

use crate::probe::{Failure, Probe};
use crate::sources::report::{Document, read};
use checklist::config::{Report as Target, ReportFormat};
use checklist::signals::{advisories, dependencies, images};
use checklist::{Metric, Object, Reason, Samples, Signal};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The probe of the signals `advisories`, `dependencies` and `images`.
pub struct Reports(pub Target);

/// Counts by level or kind, the name that the report gives itself, and when it was made.
struct Summary {
    counts: BTreeMap<&'static str, u64>,
    subject: Option<String>,
    written: Option<f64>,
}

const LEVELS: [&str; 5] = ["critical", "high", "medium", "low", "unknown"];
const KINDS: [&str; 4] = ["major", "minor", "patch", "removed"];

impl Probe for Reports {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let (signal, counted, written): (&'static Signal, &'static Metric, &'static Metric) = match self.0.format {
                ReportFormat::CargoAudit => (&advisories::SIGNAL, &advisories::ADVISORIES, &advisories::WRITTEN),
                ReportFormat::CargoOutdated => (&dependencies::SIGNAL, &dependencies::OUTDATED, &dependencies::WRITTEN),
                ReportFormat::Trivy | ReportFormat::Grype => {
                    (&images::SIGNAL, &images::VULNERABILITIES, &images::WRITTEN)
                }
            };
            let mut samples = signal.samples();
            for document in read(&self.0).await? {
                let summary = summarize(self.0.format, &document).map_err(|error| {
                    let what = format!("report {} is not what its format says: {error}", document.name);
                    Failure::new(Reason::Decode, what)
                })?;
                let name = summary.subject.as_ref().unwrap_or(&document.name);
                samples.saw(Object::Report, 1);
                for (level, count) in &summary.counts {
                    samples.set(counted, [name, level], *count);
                }
                // The report's own time is the scan's; a copied file only has that of the copy.
                if let Some(at) = summary.written.or(document.modified) {
                    samples.set(written, [name], at);
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}

fn summarize(format: ReportFormat, document: &Document) -> Result<Summary, serde_json::Error> {
    match format {
        ReportFormat::CargoAudit => cargo_audit(&document.bytes),
        ReportFormat::CargoOutdated => cargo_outdated(&document.bytes),
        ReportFormat::Trivy => trivy(&document.bytes),
        ReportFormat::Grype => grype(&document.bytes),
    }
}

/// Every level is there, also with none, so that "none" is told from "unknown".
fn counted<'a>(words: &[&'static str], seen: impl Iterator<Item = &'a str>) -> BTreeMap<&'static str, u64> {
    let mut counts: BTreeMap<&'static str, u64> = words.iter().map(|word| (*word, 0)).collect();
    for word in seen {
        let known = words.iter().find(|known| known.eq_ignore_ascii_case(word)).copied();
        // What a scanner calls negligible or none is of no concern; anything else unheard of is.
        match known {
            Some(known) => *counts.entry(known).or_default() += 1,
            None if ["negligible", "none"].contains(&word.to_lowercase().as_str()) => {}
            None => *counts.entry("unknown").or_default() += 1,
        }
    }
    counts
}

#[derive(Deserialize)]
struct CargoAudit {
    vulnerabilities: Vulnerabilities,
}

#[derive(Deserialize)]
struct Vulnerabilities {
    list: Vec<Vulnerability>,
}

#[derive(Deserialize)]
struct Vulnerability {
    advisory: Advisory,
}

#[derive(Deserialize)]
struct Advisory {
    cvss: Option<String>,
}

fn cargo_audit(bytes: &[u8]) -> Result<Summary, serde_json::Error> {
    let report: CargoAudit = serde_json::from_slice(bytes)?;
    let levels: Vec<&str> =
        report.vulnerabilities.list.iter().map(|found| level(found.advisory.cvss.as_deref())).collect();
    Ok(Summary { counts: counted(&LEVELS, levels.into_iter()), subject: None, written: None })
}

/// The level of a CVSS vector; an advisory without one is of unknown level.
fn level(vector: Option<&str>) -> &'static str {
    let Some(Ok(vector)) = vector.map(str::parse::<cvss::Cvss>) else { return "unknown" };
    match vector.severity() {
        cvss::Severity::Critical => "critical",
        cvss::Severity::High => "high",
        cvss::Severity::Medium => "medium",
        cvss::Severity::Low | cvss::Severity::None => "low",
    }
}

#[derive(Deserialize)]
struct CargoOutdated {
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    project: String,
    latest: String,
}

/// One document per crate of a workspace, one after the other.
fn cargo_outdated(bytes: &[u8]) -> Result<Summary, serde_json::Error> {
    let mut kinds = Vec::new();
    let mut documents = 0;
    for document in serde_json::Deserializer::from_slice(bytes).into_iter::<CargoOutdated>() {
        documents += 1;
        kinds.extend(
            document?.dependencies.iter().filter_map(|dependency| kind(&dependency.project, &dependency.latest)),
        );
    }
    if documents == 0 {
        return Err(serde::de::Error::custom("the file is empty"));
    }
    Ok(Summary { counts: counted(&KINDS, kinds.into_iter()), subject: None, written: None })
}

/// The step from one version to the other, as Cargo's compatibility rules see it.
fn kind(from: &str, to: &str) -> Option<&'static str> {
    if to == "Removed" {
        return Some("removed");
    }
    let (from, to) = (from.parse::<semver::Version>().ok()?, to.parse::<semver::Version>().ok()?);
    if from >= to {
        return None;
    }
    // Before 1.0 the leftmost part that is not zero counts as the major one.
    let parts = [(from.major, to.major), (from.minor, to.minor), (from.patch, to.patch)];
    let leading = parts.iter().position(|(from, to)| *from > 0 || *to > 0).unwrap_or(2);
    let changed = parts.iter().position(|(from, to)| from != to).unwrap_or(2);
    Some(match changed.saturating_sub(leading) {
        0 => "major",
        1 => "minor",
        _ => "patch",
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trivy {
    artifact_name: String,
    created_at: Option<jiff::Timestamp>,
    #[serde(default)]
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
}

fn trivy(bytes: &[u8]) -> Result<Summary, serde_json::Error> {
    let report: Trivy = serde_json::from_slice(bytes)?;
    let found = report.results.iter().flat_map(|result| result.vulnerabilities.iter().flatten());
    Ok(Summary {
        counts: counted(&LEVELS, found.map(|found| found.severity.as_str())),
        written: report.created_at.map(|at| at.as_duration().as_secs_f64()),
        subject: Some(report.artifact_name),
    })
}

#[derive(Deserialize)]
struct Grype {
    matches: Vec<GrypeMatch>,
    #[serde(default)]
    source: GrypeSource,
    #[serde(default)]
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
}

fn grype(bytes: &[u8]) -> Result<Summary, serde_json::Error> {
    let report: Grype = serde_json::from_slice(bytes)?;
    let severities = report.matches.iter().map(|found| found.vulnerability.severity.as_str());
    Ok(Summary {
        counts: counted(&LEVELS, severities),
        subject: report.source.target["userInput"].as_str().map(str::to_owned),
        written: report.descriptor.timestamp.map(|at| at.as_duration().as_secs_f64()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_judged_as_cargo_judges_it() {
        for (from, to, expected) in [
            ("1.2.3", "2.0.0", Some("major")),
            ("1.2.3", "1.3.0", Some("minor")),
            ("1.2.3", "1.2.4", Some("patch")),
            ("0.2.3", "0.3.0", Some("major")),
            ("0.2.3", "0.2.4", Some("minor")),
            ("0.0.3", "0.0.4", Some("major")),
            ("0.9.0", "1.0.0", Some("major")),
            ("1.2.3", "1.2.3", None),
            ("1.2.3", "---", None),
            ("1.2.3", "Removed", Some("removed")),
        ] {
            assert_eq!(kind(from, to), expected, "{from} to {to}");
        }
    }

    #[test]
    fn each_format_is_counted_and_a_foreign_or_cut_off_one_is_refused() -> Result<(), serde_json::Error> {
        let audit = br#"{"vulnerabilities": {"found": true, "count": 2, "list": [
            {"advisory": {"id": "RUSTSEC-1", "cvss": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}},
            {"advisory": {"id": "RUSTSEC-2", "cvss": null}}]}}"#;
        let counts = cargo_audit(audit)?.counts;
        assert_eq!((counts["critical"], counts["high"], counts["unknown"]), (1, 0, 1));
        let trivy_report = br#"{"ArtifactName": "img:1", "CreatedAt": "2026-01-02T03:04:05Z", "Results": [
            {"Target": "x"}, {"Vulnerabilities": [{"Severity": "HIGH"}, {"Severity": "CRITICAL"}]}]}"#;
        let summary = trivy(trivy_report)?;
        assert_eq!((summary.counts["high"], summary.subject.as_deref()), (1, Some("img:1")));
        let grype_report =
            br#"{"matches": [{"vulnerability": {"severity": "High"}}, {"vulnerability": {"severity": "Negligible"}}],
            "source": {"target": {"userInput": "img:2"}}, "descriptor": {"timestamp": "2026-01-02T03:04:05.123Z"}}"#;
        let summary = grype(grype_report)?;
        assert_eq!((summary.counts["high"], summary.counts["unknown"]), (1, 0));
        assert_eq!(summary.subject.as_deref(), Some("img:2"));
        let two = br#"{"crate_name": "a", "dependencies": [{"name": "x", "project": "1.0.0", "latest": "2.0.0"}]}
            {"crate_name": "b", "dependencies": []}"#;
        assert_eq!(cargo_outdated(two)?.counts["major"], 1);
        for parse in [cargo_audit, cargo_outdated, trivy, grype] {
            for bad in [&b""[..], b"{}", b"[1]", b"{\"vulnerabilities\": {\"list\": [", b"\xff"] {
                assert!(parse(bad).is_err());
            }
        }
        Ok(())
    }
}
