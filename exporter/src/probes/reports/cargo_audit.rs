//! The report of `cargo audit --json`.

use super::summary::{LEVELS, Summary, counted};
use crate::sources::null::or_empty;
use serde::Deserialize;
use serde::de::Error;
use serde_json::Value;
use std::collections::BTreeMap;

/// The kinds of warnings that are exposed. A kind that is not listed here counts as `other`.
const WARNINGS: [&str; 4] = ["unmaintained", "unsound", "yanked", "other"];

#[derive(Deserialize)]
struct CargoAudit {
    #[serde(default, deserialize_with = "or_empty")]
    database: Database,
    #[serde(default, deserialize_with = "or_empty")]
    settings: Settings,
    #[serde(default, deserialize_with = "or_empty")]
    lockfile: Lockfile,
    vulnerabilities: Vulnerabilities,
    #[serde(default, deserialize_with = "or_empty")]
    warnings: BTreeMap<String, Option<Vec<serde::de::IgnoredAny>>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Database {
    advisory_count: Option<u64>,
    last_updated: Option<jiff::Timestamp>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Settings {
    /// Ids of advisories that are left out on purpose.
    #[serde(deserialize_with = "or_empty")]
    ignore: Vec<serde::de::IgnoredAny>,
    /// The least severity of a vulnerability that is reported.
    severity: Option<String>,
    /// The kinds of warnings that are reported.
    informational_warnings: Option<Vec<String>>,
    /// Advisories for other systems and processors are left out. A list, and one word in versions before 0.21.
    target_os: Value,
    target_arch: Value,
}

impl Settings {
    /// Returns what was not looked for, although it would be judged.
    fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        // A vulnerability is at least of low severity.
        if let Some(severity) = self.severity.as_deref().filter(|word| !["none", "low"].contains(word)) {
            gaps.push(format!("leaves out vulnerabilities below severity {severity} (severity_threshold)"));
        }
        let asked = self.informational_warnings.as_ref();
        for kind in ["unmaintained", "unsound"] {
            if asked.is_some_and(|asked| !asked.iter().any(|one| one == kind)) {
                gaps.push(format!("does not say which dependencies are {kind} (informational_warnings)"));
            }
        }
        gaps
    }

    /// Returns to what the advisories were limited.
    fn limits(&self) -> Vec<String> {
        let words = |value: &Value| match value {
            Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            value => value.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
        };
        let to = [&self.target_os, &self.target_arch].map(words).concat().join(", ");
        Some(format!("has only advisories for {to}")).filter(|_| !to.is_empty()).into_iter().collect()
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Lockfile {
    dependency_count: Option<u64>,
}

#[derive(Deserialize)]
struct Vulnerabilities {
    found: Option<bool>,
    count: Option<usize>,
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
    let Vulnerabilities { count, list, .. } = &report.vulnerabilities;
    if report.vulnerabilities.found == Some(true) && list.is_empty() {
        return Err(Error::custom("it says that it found vulnerabilities and lists none"));
    }
    if let Some(count) = count.filter(|count| *count != list.len()) {
        return Err(Error::custom(format!("it counts {count} vulnerabilities and lists {}", list.len())));
    }
    let levels: Vec<&str> = list.iter().map(|found| level(found.advisory.cvss.as_deref())).collect();
    let Database { advisory_count, last_updated } = report.database;
    let dependencies = report.lockfile.dependency_count;
    let gaps = [
        (dependencies == Some(0), "looked at no dependency: its Cargo.lock lists none"),
        (dependencies.is_none(), "does not say how many dependencies it looked at"),
        (advisory_count == Some(0), "was made with an empty database"),
        (advisory_count.is_none(), "does not say how many advisories its database has"),
        (last_updated.is_none(), "does not say how old its database is"),
    ];
    let gaps = gaps.into_iter().filter(|(is, _)| *is).map(|(_, what)| what.to_owned());
    // Every kind has a count, also 0, so that its series always exists.
    let mut warnings: BTreeMap<&'static str, u64> = WARNINGS.iter().map(|kind| (*kind, 0)).collect();
    for (kind, list) in &report.warnings {
        let known = WARNINGS.iter().find(|known| *known == kind).copied().unwrap_or("other");
        *warnings.entry(known).or_default() += list.as_ref().map_or(0, Vec::len) as u64;
    }
    Ok(Summary {
        counts: counted(&LEVELS, levels.into_iter()),
        warnings,
        left_out: report.settings.ignore.len(),
        database: last_updated.map(|at| at.as_duration().as_secs_f64()),
        limits: report.settings.limits(),
        gaps: gaps.chain(report.settings.gaps()).collect(),
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
