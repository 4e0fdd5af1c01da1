//! The trait that every output implements, and the input of all outputs.

use crate::outputs::file::{File, header};
use crate::rules;
use crate::rules::model::Group;
use checklist::Config;
use std::path::PathBuf;

/// An output: one or a few files with one purpose. To add an output, add a file in this folder and a line in
/// `outputs::ALL`.
pub trait Output: Sync {
    /// Describes the output.
    fn about(&self) -> About;
    /// Returns the files. Their paths match the patterns of [`Output::about`].
    fn files(&self, input: &Input<'_>) -> anyhow::Result<Vec<File>>;
}

/// The description of an output.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The kind, by which `--only` selects outputs.
    pub kind: Kind,
    /// The programs that read the files, by which `--target-format` selects outputs.
    pub formats: &'static [Format],
    /// Patterns of the paths below the output folder. A generated file that matches and is no longer generated is
    /// stale.
    pub paths: &'static [&'static str],
    /// The purpose of the files, for the generated README.
    pub purpose: &'static str,
}

/// A kind of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Alerting and recording rules.
    Rules,
    /// Dashboards for Grafana.
    Dashboards,
    /// Routes and receivers of Alertmanager.
    Alertmanager,
    /// Runbooks for the alerts.
    Runbooks,
    /// Tests of the rules.
    Tests,
    /// The least rights that the exporter needs.
    Access,
    /// Other objects of the deployment, and the kustomize component.
    Kubernetes,
}

/// The programs that read the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Prometheus, Alertmanager and Grafana with plain files.
    Prometheus,
    /// Their Kubernetes operators.
    Operator,
    /// Mimir and Cortex.
    Mimir,
}

impl Format {
    /// The formats of files that are the same for all programs.
    pub const ALL: &[Self] = &[Self::Prometheus, Self::Operator, Self::Mimir];
}

/// The default folder of the dashboards, below the output folder.
pub const DASHBOARDS: &str = "dashboards";

/// The input of all outputs.
#[derive(Debug)]
pub struct Input<'a> {
    pub config: &'a Config,
    /// The name of checklist.yaml.
    pub source: &'a str,
    /// The text of checklist.yaml.
    pub text: &'a str,
    /// The generated rules.
    pub groups: Vec<Group>,
    /// The folder of the dashboards, relative to the output folder.
    pub dashboards: PathBuf,
}

impl<'a> Input<'a> {
    /// Returns the input for a configuration, and generates its rules.
    pub fn new(config: &'a Config, source: &'a str, text: &'a str) -> Self {
        Self { config, source, text, groups: rules::groups(config), dashboards: DASHBOARDS.into() }
    }

    /// Returns the first line of a generated file.
    pub fn header(&self) -> String {
        header(self.source)
    }
}
