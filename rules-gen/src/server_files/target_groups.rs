//! What Prometheus refuses in a file of targets, which `file_sd_configs` names.

use super::schema::{Findings, Kind, PLAIN, Refusal, Table, scalar};
use serde_json::{Map, Value};

static GROUP: Table =
    Table { keys: &[(Kind::Texts, "targets"), (Kind::TextMap, "labels")], more: Some(labels), ..PLAIN };

/// How the targets of a file are read.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Whether the file is JSON, in which a text is never a number.
    pub json: bool,
    /// Whether `relabel_configs` may make addresses of anything.
    pub relabelled: bool,
    /// Whether the targets are scraped. Otherwise they are Alertmanagers.
    pub scraped: bool,
}

fn labels(of: &Map<String, Value>, findings: &mut Findings) {
    if of.get("labels").and_then(Value::as_object).is_some_and(|labels| labels.contains_key("")) {
        findings.under("labels", |findings| findings.refuse("a label has no name"));
    }
}

/// Returns everything that Prometheus refuses, in the order of the file.
pub fn check(whole: &Value, reading: Reading) -> Vec<Refusal> {
    let mut findings = Findings::default();
    findings.value(whole, &Kind::Tables(&GROUP));
    for (at, group) in whole.as_array().into_iter().flatten().enumerate() {
        let Some(group) = group.as_object() else { continue };
        findings.at(at, |findings| {
            if reading.json {
                only_texts(group, findings);
            }
            if !reading.relabelled {
                findings.each(group, "targets", if reading.scraped { scraped_address } else { address });
            }
        });
    }
    findings.all
}

/// Refuses numbers and Booleans where JSON needs a text.
fn only_texts(group: &Map<String, Value>, findings: &mut Findings) {
    let refuse = |value: &Value, findings: &mut Findings| {
        if value.is_number() || value.is_boolean() {
            findings.refuse(format!("{value} is not a string: put it in quotes"));
        }
    };
    findings.each(group, "targets", refuse);
    for (name, value) in group.get("labels").and_then(Value::as_object).into_iter().flatten() {
        findings.under("labels", |findings| findings.under(name, |findings| refuse(value, findings)));
    }
}

/// Refuses an address that Prometheus cannot scrape.
pub(super) fn scraped_address(target: &Value, findings: &mut Findings) {
    if scalar(target).unwrap_or_default().is_empty() {
        findings.refuse("a target is empty");
    }
    address(target, findings);
}

/// Refuses a target that is not the address of a host. Prometheus accepts the empty address of an Alertmanager.
pub(super) fn address(target: &Value, findings: &mut Findings) {
    let target = scalar(target).unwrap_or_default();
    if target.contains('/') {
        findings.refuse(format!("{target:?} is not host:port: the scheme and the path have keys of their own"));
    }
}
