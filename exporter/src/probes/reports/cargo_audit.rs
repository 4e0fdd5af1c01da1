//! The report of `cargo audit --json`.

use super::summary::{LEVELS, Summary, counted};
use crate::sources::null::or_empty;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The kinds of warnings that are exposed. A kind that is not listed here counts as `other`.
const WARNINGS: [&str; 4] = ["unmaintained", "unsound", "yanked", "other"];

#[derive(Deserialize)]
struct CargoAudit {
    #[serde(default)]
    database: Database,
    vulnerabilities: Vulnerabilities,
    #[serde(default, deserialize_with = "or_empty")]
    warnings: BTreeMap<String, Option<Vec<serde::de::IgnoredAny>>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Database {
    last_updated: Option<jiff::Timestamp>,
}

#[derive(Deserialize)]
struct Vulnerabilities {
    #[serde(deserialize_with = "or_empty")]
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

pub(super) fn cargo_audit(bytes: &[u8]) -> Result<Summary, serde_json::Error> {
    let report: CargoAudit = serde_json::from_slice(bytes)?;
    let levels: Vec<&str> =
        report.vulnerabilities.list.iter().map(|found| level(found.advisory.cvss.as_deref())).collect();
    // Every kind has a count, also 0, so that its series always exists.
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

/// Returns the severity of a CVSS vector, or `unknown` for an advisory without one.
fn level(vector: Option<&str>) -> &'static str {
    let Some(Ok(vector)) = vector.map(str::parse::<cvss::Cvss>) else { return "unknown" };
    match vector.severity() {
        cvss::Severity::Critical => "critical",
        cvss::Severity::High => "high",
        cvss::Severity::Medium => "medium",
        cvss::Severity::Low | cvss::Severity::None => "low",
    }
}
