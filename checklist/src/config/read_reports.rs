//! `alertmanagers:`, `prometheus:`, `traffic:` and `reports:`

use super::read_parts::{endpoint, s3_prefix};
use super::reader::Table;
use super::{Report, ReportFormat, ReportPlace, Server, Traffic};
use std::path::PathBuf;

pub(super) fn server(table: &mut Table<'_>, name: String) -> Option<Server> {
    Some(Server { name, endpoint: endpoint(table)? })
}

pub(super) fn traffic(table: &mut Table<'_>, name: String) -> Option<Traffic> {
    let requests = table.text("requests").unwrap_or_else(|| "http_requests_total".to_owned());
    let duration = table.text("duration").unwrap_or_else(|| "http_request_duration_seconds".to_owned());
    for (key, metric) in [("requests", &requests), ("duration", &duration)] {
        if let (false, Some(node)) = (is_metric_name(metric), table.node(key)) {
            table.mistake(node.place, format!("{key} must be the name of a metric"));
        }
    }
    let selector = table.required("selector");
    let errors = table.text("errors").unwrap_or_else(|| "status=~\"5..\"".to_owned());
    for (key, matchers) in [("selector", selector.as_ref()), ("errors", Some(&errors))] {
        if let (Some(matchers), Some(node)) = (matchers, table.node(key))
            && !are_matchers(matchers)
        {
            table.mistake(node.place, format!("{key} must be label matchers like job=\"orchestrator\""));
        }
    }
    let native = table.flag("nativeHistogram").unwrap_or(false);
    Some(Traffic { name, requests, duration, selector: selector?, errors, native })
}

pub(super) fn report(table: &mut Table<'_>, name: String) -> Option<Report> {
    let formats = [
        ("cargo-audit", ReportFormat::CargoAudit),
        ("cargo-outdated", ReportFormat::CargoOutdated),
        ("trivy", ReportFormat::Trivy),
        ("grype", ReportFormat::Grype),
    ];
    if table.node("format").is_none() {
        table.mistake(table.place, "the field format is missing: cargo-audit, cargo-outdated, trivy or grype");
    }
    let format = table.choice("format", &formats);
    let mut places = Vec::new();
    places.extend(table.text("file").map(|path| ReportPlace::File(PathBuf::from(path))));
    places.extend(table.text("directory").map(|path| ReportPlace::Directory(PathBuf::from(path))));
    if let Some(mut s3) = table.table("s3") {
        places.extend(s3_prefix(&mut s3).map(ReportPlace::S3));
        s3.finish();
    }
    if table.node("url").is_some() {
        places.extend(endpoint(table).map(ReportPlace::Http));
    }
    if places.len() != 1 {
        table.mistake(table.place, "a report lies in one place: give one of file, directory, s3 or url");
    }
    Some(Report { name, format: format?, place: places.pop()? })
}

fn is_metric_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '_' | ':'))
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
}

/// Whether the text is a list of label matchers; rules-gen parses the whole expression later.
fn are_matchers(text: &str) -> bool {
    let quotes = text.matches('"').count();
    quotes >= 2 && quotes.is_multiple_of(2) && text.contains('=') && !text.contains(['{', '}', '\n'])
}
