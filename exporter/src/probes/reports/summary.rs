//! The common result of all report formats.

use crate::sources::null::or_empty;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The content of one report.
#[derive(Default)]
pub(super) struct Summary {
    /// Number of findings by severity, or by kind for `cargo outdated`. For image scanners only the fixable ones.
    pub counts: BTreeMap<&'static str, u64>,
    /// Findings by severity that no newer version fixes. Only scanners of images report them separately.
    pub unfixable: BTreeMap<&'static str, u64>,
    /// The examined image, if the report says which one.
    pub image: Option<Image>,
    /// When the report was made, Unix seconds.
    pub written: Option<f64>,
    /// Warnings by kind; only `cargo audit` has them.
    pub warnings: BTreeMap<&'static str, u64>,
    /// When the scanner's database was last changed, Unix seconds, if the report says so.
    pub database: Option<f64>,
    /// Number of findings, or of kinds of findings, that the scanner was configured to leave out.
    pub left_out: usize,
    /// To what the scan was limited on purpose, each as the end of a sentence about the report.
    pub limits: Vec<String>,
    /// Why the scanner saw less than its counts say, each as the end of a sentence about the report.
    pub gaps: Vec<String>,
}

/// The image that a report is about.
#[derive(Debug)]
pub(super) struct Image {
    /// Its name in a registry.
    pub name: String,
    /// Its platform, such as `linux/arm64`, if the report says so. Images of one name differ in it.
    pub platform: Option<String>,
}

impl Image {
    /// Returns an image, unless the scanner got a file or folder: `image.tar` and `.` name another image in each report.
    /// Then the first tag within it is the name.
    pub(super) fn of(scanned: &str, tags: &[String], platform: &Platform) -> Option<Self> {
        let is_name = !scanned.is_empty() && !is_file(scanned);
        let name = if is_name { scanned } else { tags.iter().map(String::as_str).find(|tag| !tag.is_empty())? };
        Some(Self { name: name.to_owned(), platform: platform.name() })
    }
}

/// Whether a scanner was given a path, or an archive, in place of the name of an image.
fn is_file(scanned: &str) -> bool {
    let kinds = ["docker-archive:", "oci-archive:", "oci-dir:"];
    let is_path = scanned.starts_with(['.', '/', '~']) || scanned.contains('\\');
    let is_archive = [".tar", ".tar.gz", ".tgz", ".sif"].iter().any(|end| scanned.to_lowercase().ends_with(end));
    is_path || is_archive || kinds.iter().any(|kind| scanned.starts_with(kind))
}

/// The platform of an image, as scanners copy it from the image's own description.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Platform {
    #[serde(deserialize_with = "or_empty")]
    architecture: String,
    #[serde(deserialize_with = "or_empty")]
    os: String,
    /// Tells the kinds of `arm` apart. Some tools add `v8` to `arm64` and others do not.
    #[serde(alias = "architectureVariant", deserialize_with = "or_empty")]
    variant: String,
}

impl Platform {
    fn name(&self) -> Option<String> {
        let Self { architecture, os, variant } = self;
        let os = if os.is_empty() { "linux" } else { os };
        let of_arm = Some(variant).filter(|variant| architecture == "arm" && !variant.is_empty());
        let variant = of_arm.map(|variant| format!("/{variant}")).unwrap_or_default();
        (!architecture.is_empty()).then(|| format!("{os}/{architecture}{variant}"))
    }
}

/// Severities of a finding, most severe first.
pub(super) const LEVELS: [&str; 5] = ["critical", "high", "medium", "low", "unknown"];

/// Counts the occurrences of each word. Every known word gets an entry, also 0. Words that are not known count as
/// `unknown`.
pub(super) fn counted<'a>(words: &[&'static str], seen: impl Iterator<Item = &'a str>) -> BTreeMap<&'static str, u64> {
    let mut counts: BTreeMap<&'static str, u64> = words.iter().map(|word| (*word, 0)).collect();
    for word in seen {
        let known = words.iter().find(|known| known.eq_ignore_ascii_case(word)).copied();
        // Findings that a scanner calls negligible are ignored. Any other severity that is not known might matter.
        match known {
            Some(known) => *counts.entry(known).or_default() += 1,
            None if ["negligible", "none"].contains(&word.to_lowercase().as_str()) => {}
            None => *counts.entry("unknown").or_default() += 1,
        }
    }
    counts
}
