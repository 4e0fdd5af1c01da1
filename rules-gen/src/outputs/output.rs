//! What an output is, and what every output is made from.

use crate::outputs::file::{File, header};
use crate::rules;
use crate::rules::model::Group;
use checklist::Config;
use std::path::PathBuf;

/// One output: a file or a few of one purpose. To add one: a file in this folder, and a line in `outputs::ALL`.
pub trait Output: Sync {
    /// What it is.
    fn about(&self) -> About;
    /// Its files. Their paths match the patterns of [`Output::about`].
    fn files(&self, input: &Input<'_>) -> anyhow::Result<Vec<File>>;
}

/// What an output is.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// What `--only` chooses it by.
    pub kind: Kind,
    /// Who reads the files; what `--target-format` chooses it by.
    pub formats: &'static [Format],
    /// Patterns of the paths below the output folder. A generated file there that is no longer generated is stale.
    pub paths: &'static [&'static str],
    /// What the files are for, for the README beside them.
    pub purpose: &'static str,
}

/// A kind of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Alerts and recorded series.
    Rules,
    /// Dashboards.
    Dashboards,
    /// Routes and receivers.
    Alertmanager,
    /// What to do about each alert.
    Runbooks,
    /// Tests of the rules.
    Tests,
    /// The least rights of the exporter.
    Access,
    /// The other objects of its deployment, and the kustomize component of all.
    Kubernetes,
}

/// Who reads the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Prometheus, Alertmanager and Grafana themselves.
    Prometheus,
    /// Their operators in Kubernetes.
    Operator,
    /// Mimir and Cortex.
    Mimir,
}

impl Format {
    /// Of what is the same for everyone.
    pub const ALL: &[Self] = &[Self::Prometheus, Self::Operator, Self::Mimir];
}

/// The folder of dashboards below the output folder, unless `--dashboards` names another.
pub const DASHBOARDS: &str = "dashboards";

/// What outputs are made from.
#[derive(Debug)]
pub struct Input<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The name of its file.
    pub source: &'a str,
    /// The text of its file.
    pub text: &'a str,
    /// Its rules.
    pub groups: Vec<Group>,
    /// The folder of dashboards, relative to the output folder.
    pub dashboards: PathBuf,
}

impl<'a> Input<'a> {
    /// The input that a configuration gives.
    pub fn new(config: &'a Config, source: &'a str, text: &'a str) -> Self {
        Self { config, source, text, groups: rules::groups(config), dashboards: DASHBOARDS.into() }
    }

    /// The first line of a generated file.
    pub fn header(&self) -> String {
        header(self.source)
    }
}
