//! The list `reports:`.

use super::kind::TargetKind;
use super::parts::{ENDPOINT_OR_OTHER, ENDPOINT_RULES, Endpoint, Needs, S3, S3_RULES, S3Prefix, endpoint, s3_prefix};
use super::target::{List, OWN, Target};
use crate::reader::keys::{Key, Kind, Rule, Section, words};
use crate::reader::table::Table;
use std::path::{Path, PathBuf};

/// The program that wrote a report, and so its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// `cargo audit --json`
    CargoAudit,
    /// `cargo outdated --format json`
    CargoOutdated,
    /// `trivy image --format json`
    Trivy,
    /// `grype -o json`
    Grype,
}

const FORMATS: [(&str, ReportFormat); 4] = [
    ("cargo-audit", ReportFormat::CargoAudit),
    ("cargo-outdated", ReportFormat::CargoOutdated),
    ("trivy", ReportFormat::Trivy),
    ("grype", ReportFormat::Grype),
];

/// Where a report is found.
#[derive(Debug, Clone)]
pub enum ReportPlace {
    File(PathBuf),
    /// Every file of a directory whose name ends in `.json`.
    Directory(PathBuf),
    /// The newest object under a prefix.
    S3(S3Prefix),
    /// The response to an HTTP GET.
    Http(Endpoint),
}

/// A report that another program writes regularly.
#[derive(Debug, Clone)]
pub struct Report {
    /// The value of the label `target`.
    pub name: String,
    pub format: ReportFormat,
    pub place: ReportPlace,
}

impl Target for Report {
    fn name(&self) -> &str {
        &self.name
    }

    fn kinds(&self) -> Vec<TargetKind> {
        vec![match self.format {
            ReportFormat::CargoAudit => TargetKind::Advisories,
            ReportFormat::CargoOutdated => TargetKind::Dependencies,
            ReportFormat::Trivy | ReportFormat::Grype => TargetKind::Images,
        }]
    }

    fn needs(&self) -> Needs<'_> {
        match &self.place {
            ReportPlace::File(path) => Needs::default().folder(path.parent()),
            ReportPlace::Directory(path) => Needs::default().folder(Some(Path::new(path))),
            ReportPlace::S3(place) => Needs::default().bucket(place),
            ReportPlace::Http(endpoint) => Needs::default().endpoint(endpoint),
        }
    }
}

pub(super) static BUCKET: Section = Section { what: "s3", keys: &[S3], rules: S3_RULES };

static ENTRY: Section = Section {
    what: "a target",
    keys: &[
        OWN,
        &[
            Key::new("format", Kind::Choice(&words(&FORMATS)), "What wrote the report.").required().example("trivy"),
            Key::new("file", Kind::Path, "One file.").example("/var/lib/checklist/reports/cargo-audit.json"),
            Key::new("directory", Kind::Path, "A folder; every file in it that ends in `.json` is read.")
                .example("/var/lib/checklist/reports/images"),
            Key::new("s3", Kind::Table(&BUCKET), "A prefix in a bucket; its newest object is read.")
                .example("{bucket: reports, prefix: images/}"),
        ],
        ENDPOINT_OR_OTHER,
    ],
    rules: &[
        Rule::One(&["file", "directory", "s3", "url"], "a report needs exactly one of file, directory, s3 and url"),
        ENDPOINT_RULES[0],
    ],
};

impl List for Report {
    const LIST: &'static str = "reports";
    const ABOUT: &'static str =
        "Reports that other programs write regularly, each to a file, a folder, a bucket or a URL.";
    const EXAMPLE: &'static str = "[{name: image, format: trivy, directory: /var/lib/reports/images}]";
    const ENTRY: &'static Section = &ENTRY;

    fn read(table: &Table<'_>, name: String) -> Option<Self> {
        let mut places = Vec::new();
        places.extend(table.path("file").map(ReportPlace::File));
        places.extend(table.path("directory").map(ReportPlace::Directory));
        places.extend(table.table("s3").and_then(|s3| s3_prefix(&s3)).map(ReportPlace::S3));
        places.extend(endpoint(table).map(ReportPlace::Http));
        Some(Self { name, format: table.choice("format", &FORMATS)?, place: places.pop()? })
    }
}
