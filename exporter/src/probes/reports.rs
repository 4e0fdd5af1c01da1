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
    /// The time of the scanner's database, if the signal has it.
    database: Option<&'static Metric>,
}

const fn shape(format: ReportFormat) -> Shape {
    match format {
        ReportFormat::CargoAudit => Shape {
            counted: &advisories::ADVISORIES,
            written: &advisories::WRITTEN,
            future: &advisories::FUTURE,
            database: Some(&advisories::DATABASE),
        },
        ReportFormat::CargoOutdated => Shape {
            counted: &dependencies::OUTDATED,
            written: &dependencies::WRITTEN,
            future: &dependencies::FUTURE,
            database: None,
        },
        ReportFormat::Trivy | ReportFormat::Grype => Shape {
            counted: &images::VULNERABILITIES,
            written: &images::WRITTEN,
            future: &images::FUTURE,
            database: None,
        },
    }
}

impl Probe for Reports {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let shape = shape(self.0.format);
            let now = unix_now();
            let mut read = Vec::new();
            each(&self.0, |document| match document.and_then(|document| Read::of(self.0.format, document)) {
                Ok(report) => read.push(report),
                Err(failure) => samples.missed(Object::Report, failure.reason, failure.message),
            })
            .await?;
            samples.saw(Object::Report, read.len());
            for report in newest_of_each(read, now, &mut samples) {
                report.show(&shape, now, &mut samples);
            }
            Ok(samples)
        }
        .boxed()
    }
}

/// A report that was read.
struct Read {
    summary: Summary,
    /// The value of the label: the image, or the report.
    name: String,
    /// The name of its file, or of the target.
    document: String,
    /// Time of the last change in Unix seconds, if the source has one.
    modified: Option<f64>,
}

/// Leaves out reports on an image of which there is a newer one: scans of one image in several files.
fn newest_of_each(mut read: Vec<Read>, now: f64, samples: &mut Samples) -> Vec<Read> {
    read.sort_by(|one, other| other.made(now).unwrap_or(0.0).total_cmp(&one.made(now).unwrap_or(0.0)));
    let mut kept: Vec<Read> = Vec::new();
    for report in read {
        match kept.iter().find(|newer| newer.replaces(&report)) {
            Some(newer) => {
                let (older, name) = (&report.document, &report.name);
                let what = format!("{older} is left out: {} is a newer report on {name}", newer.document);
                samples.evidence.note(what);
            }
            None => kept.push(report),
        }
    }
    // An image for several platforms is a series for each of them.
    let names: Vec<String> = kept.iter().map(|one| one.name.clone()).collect();
    for report in &mut kept {
        let what = report.summary.image.as_ref().map_or(Some("(file)"), |image| image.platform.as_deref());
        let is_shared = names.iter().filter(|name| **name == report.name).count() > 1;
        if let Some(what) = what.filter(|_| is_shared) {
            report.name = format!("{} {what}", report.name);
        }
    }
    kept.sort_by(|one, other| one.name.cmp(&other.name));
    kept
}

impl Read {
    fn of(format: ReportFormat, document: Document) -> Result<Self, Failure> {
        let summary = summarize(format, &document)?;
        let name = summary.image.as_ref().map_or(&document.name, |image| &image.name).clone();
        Ok(Self { summary, name, document: document.name, modified: document.modified })
    }

    /// Whether this newer report is about the same image. One that does not say its platform is replaced by any.
    fn replaces(&self, older: &Self) -> bool {
        let (Some(own), Some(other)) = (&self.summary.image, &older.summary.image) else { return false };
        own.name == other.name && (other.platform.is_none() || own.platform == other.platform)
    }

    /// Returns when the report was made. The report's own time is preferred, because the time of a copied file is that
    /// of the copy. A report is not older than its database. A time in the future is ignored: the report would look
    /// fresh until then. So is the zero time of programs in Go.
    fn made(&self, now: f64) -> Option<f64> {
        let times = [self.summary.written, self.modified, self.summary.database];
        times.into_iter().flatten().find(|at| is_plausible(*at, now))
    }

    fn show(&self, shape: &Shape, now: f64, samples: &mut Samples) {
        let (summary, name) = (&self.summary, &self.name);
        for (level, count) in &summary.counts {
            samples.set(shape.counted, [name, level], *count);
        }
        for (level, count) in &summary.unfixable {
            samples.set(&images::UNFIXABLE, [name, level], *count);
        }
        for (kind, count) in &summary.warnings {
            samples.set(&advisories::WARNINGS, [name, kind], *count);
        }
        for what in &summary.gaps {
            samples.missed(Object::Report, Reason::NotFound, format!("report {name} {what}"));
        }
        for what in &summary.limits {
            samples.evidence.note(format!("report {name} {what}"));
        }
        if summary.left_out > 0 {
            let what = format!("report {name} leaves out {} findings on purpose", summary.left_out);
            samples.evidence.note(what);
        }
        let database = summary.database.filter(|at| is_plausible(*at, now));
        if let (Some(metric), Some(at)) = (shape.database, database) {
            samples.set(metric, [name], at);
        }
        let made = self.made(now);
        // A scan knows nothing newer than its database. Without a metric for that, the earlier time counts.
        let known = database.filter(|_| shape.database.is_none());
        if let Some(at) = made.map(|made| known.map_or(made, |known| made.min(known))) {
            samples.set(shape.written, [name], at);
        }
        let times = [summary.written, self.modified, summary.database];
        let future = times.into_iter().flatten().find(|at| *at > now && !is_plausible(*at, now));
        samples.set(shape.future, [name], future.is_some());
        if let Some(at) = future {
            samples.evidence.note(format!("report {name} has a time {} in the future", Unit::Seconds.human(at - now)));
        } else if made.is_none() {
            let what = format!("report {name} does not say when it was made, nor does its server");
            samples.missed(Object::Report, Reason::NotFound, what);
        }
    }
}

/// Whether a report can be of this time.
fn is_plausible(at: f64, now: f64) -> bool {
    (0.0..=now + AHEAD.as_secs_f64()).contains(&at)
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
mod tests;
