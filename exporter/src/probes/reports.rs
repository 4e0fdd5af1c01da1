//! What the reports of cargo audit, cargo outdated, Trivy and Grype say.

use crate::probe::{Failure, Probe};
use crate::run::time::unix_now;
use crate::sources::report::{Document, each};
use checklist::config::{Report as Target, ReportFormat};
use checklist::signals::{advisories, dependencies, images};
use checklist::{Metric, Object, Reason, Samples, Unit};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// The probe of the signals `advisories`, `dependencies` and `images`.
pub struct Reports(pub Target);

/// Clocks of two machines may differ by so many seconds.
const AHEAD: f64 = 300.0;

/// Counts by level or kind, the name that the report gives itself, and when it was made.
#[derive(Default)]
struct Summary {
    counts: BTreeMap<&'static str, u64>,
    /// What no newer version mends yet; only scanners of images tell it apart.
    unfixable: BTreeMap<&'static str, u64>,
    subject: Option<String>,
    written: Option<f64>,
    /// Warnings by kind, of cargo audit alone.
    warnings: BTreeMap<&'static str, u64>,
    /// When the list of advisories was last changed, if the report says so.
    database: Option<f64>,
}

const LEVELS: [&str; 5] = ["critical", "high", "medium", "low", "unknown"];
const KINDS: [&str; 4] = ["major", "minor", "patch", "removed"];
/// Of cargo audit.
const WARNINGS: [&str; 4] = ["unmaintained", "unsound", "yanked", "other"];

/// The metrics that a format sets.
struct Shape {
    counted: &'static Metric,
    written: &'static Metric,
    future: &'static Metric,
}

const fn shape(format: ReportFormat) -> Shape {
    match format {
        ReportFormat::CargoAudit => {
            Shape { counted: &advisories::ADVISORIES, written: &advisories::WRITTEN, future: &advisories::FUTURE }
        }
        ReportFormat::CargoOutdated => {
            Shape { counted: &dependencies::OUTDATED, written: &dependencies::WRITTEN, future: &dependencies::FUTURE }
        }
        ReportFormat::Trivy | ReportFormat::Grype => {
            Shape { counted: &images::VULNERABILITIES, written: &images::WRITTEN, future: &images::FUTURE }
        }
    }
}

impl Probe for Reports {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let shape = shape(self.0.format);
            let now = unix_now();
            each(&self.0, |document| {
                let judged = document.and_then(|document| Ok((summarize(self.0.format, &document)?, document)));
                match judged {
                    Ok((summary, document)) => {
                        samples.saw(Object::Report, 1);
                        show(&shape, &summary, &document, now, &mut samples);
                    }
                    Err(failure) => samples.missed(Object::Report, failure.reason, failure.message),
                }
            })
            .await?;
            Ok(samples)
        }
        .boxed()
    }
}

fn show(shape: &Shape, summary: &Summary, document: &Document, now: f64, samples: &mut Samples) {
    let name = summary.subject.as_ref().unwrap_or(&document.name);
    for (level, count) in &summary.counts {
        samples.set(shape.counted, [name, level], *count);
    }
    for (level, count) in &summary.unfixable {
        samples.set(&images::UNFIXABLE, [name, level], *count);
    }
    for (kind, count) in &summary.warnings {
        samples.set(&advisories::WARNINGS, [name, kind], *count);
    }
    if let Some(at) = summary.database {
        samples.set(&advisories::DATABASE, [name], at);
    }
    // The report's own time is the scan's; a copied file only has that of the copy. A time that is yet to come is none:
    // it would be fresh for years.
    let times = [summary.written, document.modified];
    let plausible = times.into_iter().flatten().find(|at| *at <= now + AHEAD);
    if let Some(at) = plausible {
        samples.set(shape.written, [name], at);
    }
    let future = times.into_iter().flatten().find(|at| *at > now + AHEAD);
    samples.set(shape.future, [name], future.is_some());
    if let Some(at) = future {
        samples.evidence.note(format!("report {name} is of {} in the future", Unit::Seconds.human(at - now)));
    }
}

fn summarize(format: ReportFormat, document: &Document) -> Result<Summary, Failure> {
    let summary = match format {
        ReportFormat::CargoAudit => cargo_audit(&document.bytes),
        ReportFormat::CargoOutdated => cargo_outdated(&document.bytes),
        ReportFormat::Trivy => trivy(&document.bytes),
        ReportFormat::Grype => grype(&document.bytes),
    };
    summary.map_err(|error| {
        let what = format!("report {} is not what its format says: {error}", document.name);
        Failure::new(Reason::Decode, what)
    })
}

/// `null` is an empty list: Go writes it so.
fn null_is_none<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Every level is there, also with none, so that "none" differs from "unknown".
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
    #[serde(default)]
    database: Database,
    vulnerabilities: Vulnerabilities,
    #[serde(default, deserialize_with = "null_is_none")]
    warnings: BTreeMap<String, Option<Vec<serde::de::IgnoredAny>>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Database {
    last_updated: Option<jiff::Timestamp>,
}

#[derive(Deserialize)]
struct Vulnerabilities {
    #[serde(deserialize_with = "null_is_none")]
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
    // Every kind is there, also with none; a kind of a newer cargo audit is another one.
    let mut warnings: BTreeMap<&'static str, u64> = WARNINGS.iter().map(|kind| (*kind, 0)).collect();
    for (kind, list) in &report.warnings {
        let known = WARNINGS.iter().find(|known| *known == kind).copied().unwrap_or("other");
        *warnings.entry(known).or_default() += list.as_ref().map_or(0, Vec::len) as u64;
    }
    Ok(Summary {
        counts: counted(&LEVELS, levels.into_iter()),
        warnings,
        database: report.database.last_updated.map(|at| at.as_duration().as_secs_f64()),
        ..Summary::default()
    })
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
    #[serde(deserialize_with = "null_is_none")]
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
    Ok(Summary { counts: counted(&KINDS, kinds.into_iter()), ..Summary::default() })
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
    #[serde(default, deserialize_with = "null_is_none")]
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
    /// Empty or absent while there is none.
    #[serde(default)]
    fixed_version: String,
}

fn trivy(bytes: &[u8]) -> Result<Summary, serde_json::Error> {
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

#[derive(Deserialize)]
struct Grype {
    #[serde(deserialize_with = "null_is_none")]
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
    #[serde(default)]
    fix: GrypeFix,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GrypeFix {
    /// `fixed`, `not-fixed`, `wont-fix` or `unknown`.
    state: String,
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
    let of = |fixable: bool| {
        let found = report.matches.iter().map(|found| &found.vulnerability);
        let some = found.filter(move |found| (found.fix.state == "fixed") == fixable);
        counted(&LEVELS, some.map(|found| found.severity.as_str()))
    };
    Ok(Summary {
        counts: of(true),
        unfixable: of(false),
        subject: report.source.target["userInput"].as_str().map(str::to_owned),
        written: report.descriptor.timestamp.map(|at| at.as_duration().as_secs_f64()),
        ..Summary::default()
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
            {"Target": "x"}, {"Vulnerabilities": [{"Severity": "HIGH", "FixedVersion": "2"}, {"Severity": "CRITICAL", "FixedVersion": ""}]}]}"#;
        let summary = trivy(trivy_report)?;
        assert_eq!((summary.counts["high"], summary.subject.as_deref()), (1, Some("img:1")));
        assert_eq!((summary.counts["critical"], summary.unfixable["critical"]), (0, 1), "no newer version mends it");
        let grype_report = br#"{"matches": [{"vulnerability": {"severity": "High", "fix": {"state": "fixed"}}},
                {"vulnerability": {"severity": "High", "fix": {"state": "wont-fix"}}},
                {"vulnerability": {"severity": "Negligible"}}],
            "source": {"target": {"userInput": "img:2"}}, "descriptor": {"timestamp": "2026-01-02T03:04:05.123Z"}}"#;
        let summary = grype(grype_report)?;
        assert_eq!((summary.counts["high"], summary.counts["unknown"]), (1, 0));
        assert_eq!(summary.unfixable["high"], 1);
        assert_eq!(summary.subject.as_deref(), Some("img:2"));
        let two = br#"{"crate_name": "a", "dependencies": [{"name": "x", "project": "1.0.0", "latest": "2.0.0"}]}
            {"crate_name": "b", "dependencies": []}"#;
        assert_eq!(cargo_outdated(two)?.counts["major"], 1);
        let warned = br#"{"database": {"advisory-count": 900, "last-updated": "2026-08-20T10:00:00+02:00"},
            "vulnerabilities": {"list": []}, "warnings": {"unmaintained": [{"kind": "unmaintained"}], "yanked": [{}, {}],
            "notice": [{}], "unsound": null}}"#;
        let summary = cargo_audit(warned)?;
        let kinds = ["unmaintained", "yanked", "unsound", "other"].map(|kind| summary.warnings[kind]);
        assert_eq!((kinds, summary.database), ([1, 2, 0, 1], Some(1_787_212_800.0)));
        // Go writes an empty list as null.
        let none = |summary: Summary| summary.counts.values().sum::<u64>();
        assert_eq!(none(trivy(br#"{"ArtifactName": "img", "Results": null}"#)?), 0);
        assert_eq!(none(trivy(br#"{"ArtifactName": "img", "Results": [{"Vulnerabilities": null}]}"#)?), 0);
        assert_eq!(none(grype(br#"{"matches": null}"#)?), 0);
        assert_eq!(none(cargo_audit(br#"{"vulnerabilities": {"list": null}, "warnings": null}"#)?), 0);
        assert_eq!(none(cargo_outdated(br#"{"dependencies": null}"#)?), 0);
        for parse in [cargo_audit, cargo_outdated, trivy, grype] {
            for bad in [&b""[..], b"{}", b"[1]", b"{\"vulnerabilities\": {\"list\": [", b"\xff"] {
                assert!(parse(bad).is_err());
            }
        }
        Ok(())
    }
}
