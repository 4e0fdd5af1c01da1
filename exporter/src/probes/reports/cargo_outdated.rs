//! The report of `cargo outdated --format json`.

use super::summary::{Summary, counted};
use crate::sources::null::or_empty;
use serde::Deserialize;

const KINDS: [&str; 4] = ["major", "minor", "patch", "removed"];

#[derive(Deserialize)]
struct CargoOutdated {
    /// Tells the report from others that list dependencies, such as a bill of materials.
    #[serde(rename = "crate_name")]
    _crate_name: serde::de::IgnoredAny,
    #[serde(deserialize_with = "or_empty")]
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    project: String,
    latest: String,
}

/// Parses a report. It consists of one JSON document per crate of a workspace, one after the other.
pub(super) fn cargo_outdated(bytes: &[u8]) -> Result<Summary, serde_json::Error> {
    let mut kinds = Vec::new();
    let (mut documents, mut unread) = (0, 0);
    for document in serde_json::Deserializer::from_slice(bytes).into_iter::<CargoOutdated>() {
        documents += 1;
        for Dependency { project, latest } in document?.dependencies {
            unread += usize::from(!(is_version(&project) && is_version(&latest)));
            kinds.extend(kind(&project, &latest));
        }
    }
    if documents == 0 {
        return Err(serde::de::Error::custom("the file is empty"));
    }
    let unread = Some(unread).filter(|count| *count > 0);
    let gaps = unread.map(|count| format!("has {count} dependencies whose versions cannot be compared"));
    Ok(Summary { counts: counted(&KINDS, kinds.into_iter()), gaps: gaps.into_iter().collect(), ..Summary::default() })
}

/// Whether a text is a version, or one of the words in the place of one.
fn is_version(text: &str) -> bool {
    matches!(text, "Removed" | "---") || text.parse::<semver::Version>().is_ok()
}

/// Returns how far the latest version is from the used one, by Cargo's rules of compatibility; `None` if it is not
/// newer.
fn kind(from: &str, to: &str) -> Option<&'static str> {
    if to == "Removed" {
        return Some("removed");
    }
    let (from, to) = (from.parse::<semver::Version>().ok()?, to.parse::<semver::Version>().ok()?);
    if from >= to {
        return None;
    }
    // For versions before 1.0, Cargo treats the leftmost part that is not zero as the major version.
    let parts = [(from.major, to.major), (from.minor, to.minor), (from.patch, to.patch)];
    let leading = parts.iter().position(|(from, to)| *from > 0 || *to > 0).unwrap_or(2);
    let changed = parts.iter().position(|(from, to)| from != to).unwrap_or(2);
    Some(match changed.saturating_sub(leading) {
        0 => "major",
        1 => "minor",
        _ => "patch",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_update_is_classified_as_by_cargo() {
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
}
