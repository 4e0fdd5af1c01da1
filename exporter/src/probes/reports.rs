//! The signals `advisories`, `dependencies` and `images`: counts of findings in reports of cargo audit, cargo outdated,
//! Trivy and Grype.

mod cargo_audit;
mod cargo_outdated;
mod grype;
mod summary;
mod trivy;

use cargo_audit::cargo_audit;
use cargo_outdated::cargo_outdated;
use grype::grype;
use summary::Summary;
use trivy::trivy;

use crate::probe::{Failure, Probe};
use crate::run::time::unix_now;
use crate::sources::report::{Document, each};
use checklist::config::{Report as Target, ReportFormat};
use checklist::signals::{advisories, dependencies, images};
use checklist::{Metric, Object, Reason, Samples, Unit};
use clients::AHEAD;
use futures::FutureExt;
use futures::future::BoxFuture;

/// The probe of the signals `advisories`, `dependencies` and `images`.
pub struct Reports(pub Target);

/// The metrics of a report format.
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
    // The report's own time is preferred, because the time of a copied file is that of the copy. A time in the future
    // is ignored: the report would look fresh until then.
    let times = [summary.written, document.modified];
    let latest = now + AHEAD.as_secs_f64();
    let plausible = times.into_iter().flatten().find(|at| *at <= latest);
    if let Some(at) = plausible {
        samples.set(shape.written, [name], at);
    }
    let future = times.into_iter().flatten().find(|at| *at > latest);
    samples.set(shape.future, [name], future.is_some());
    if let Some(at) = future {
        samples.evidence.note(format!("report {name} has a time {} in the future", Unit::Seconds.human(at - now)));
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
        let what = format!("report {} cannot be parsed in its configured format: {error}", document.name);
        Failure::new(Reason::Decode, what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_report_format_is_counted_and_foreign_or_truncated_ones_are_refused() -> Result<(), serde_json::Error> {
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
        // Programs in Go write an empty list as null.
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
