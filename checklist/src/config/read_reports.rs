//! `alertmanagers:`, `prometheus:`, `traffic:` and `reports:`

use super::read_parts::{endpoint, s3_prefix};
use super::reader::Table;
use crate::targets::traffic::Traffic;
use crate::targets::{Report, ReportFormat, ReportPlace, Server};
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

/// Whether the text is a list of label matchers: `job="a", code!~'2..'`.
fn are_matchers(text: &str) -> bool {
    let mut rest = text.trim();
    loop {
        let Some(after) = matcher(rest) else { return false };
        match after.trim_start().strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None => return after.trim().is_empty(),
        }
    }
}

/// What follows a label matcher at the beginning of the text.
fn matcher(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    let (name, rest) = text.split_at(end);
    let rest = rest.trim_start();
    let operator = ["=~", "!~", "!=", "="].into_iter().find(|operator| rest.starts_with(operator))?;
    let rest = rest[operator.len()..].trim_start();
    let quote = rest.chars().next().filter(|c| ['"', '\'', '`'].contains(c))?;
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, c)) = letters.next() {
        match c {
            '\\' if quote != '`' => drop(letters.next()),
            '\n' if quote != '`' => return None,
            c if c == quote => return (!name.is_empty()).then(|| &rest[at + 1..]),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_matchers_of_every_kind_are_read_and_nothing_else() {
        for good in
            [r#"job="a""#, r#"job="a", code!~"2..""#, "job='a' , x=`b\\c`", r#"path=~"/x[0-9]{1,3}""#, r#"job="a\"b""#]
        {
            assert!(are_matchers(good), "{good}");
        }
        for bad in
            ["", "job", "job=", "job=a", r#"job="a"#, r#"job="a"}"#, r#"="a""#, r#"job="a" x="b""#, "job=\"a\n\""]
        {
            assert!(!are_matchers(bad), "{bad}");
        }
    }
}
