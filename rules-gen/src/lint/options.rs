//! The settings of a lint run.

use super::configuration::Configuration;
use super::flavour::Flavour;
use super::metric_facts::MetricFacts;
use super::report::Level;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is known about the servers, and how the lints are configured.
#[derive(Debug, Clone)]
pub struct Options {
    /// The known metrics.
    pub known: MetricFacts,
    /// The retention of Prometheus in seconds. `None` when nobody has set it.
    pub retention: Option<f64>,
    /// The scrape interval in seconds.
    pub scrape_interval: f64,
    /// The evaluation interval in seconds of a group that sets none.
    pub evaluation_interval: f64,
    /// The oldest version of Prometheus that must accept the rules.
    pub version: Option<(u32, u32)>,
    /// The server that evaluates the rules. `None` accepts the keys of all servers.
    pub server: Option<Flavour>,
    /// The feature flags that are enabled on the servers, such as `promql-experimental-functions`.
    pub features: Vec<String>,
    /// The folder of the runbooks that `runbook_url` points to.
    pub runbooks: Option<PathBuf>,
    /// Links that lead to no page, with the reason. Filled from live servers.
    pub broken_links: BTreeMap<String, String>,
    /// The `rules-gen.yaml` files.
    pub configurations: Vec<Configuration>,
    /// The lowest level of findings that are returned. With `rules-gen.yaml` files all are, because these may raise
    /// levels.
    pub least: Level,
    /// The current day, for suppressions with an end.
    pub today: Date,
}

impl Options {
    /// Returns the level below which no finding is needed.
    pub(super) fn least(&self) -> Level {
        if self.configurations.is_empty() { self.least } else { Level::Info }
    }
}

impl Default for Options {
    /// The scrape and evaluation interval of 30 seconds that prometheus-operator sets.
    fn default() -> Self {
        Self {
            known: MetricFacts::catalog(None),
            retention: None,
            scrape_interval: 30.0,
            evaluation_interval: 30.0,
            version: None,
            server: None,
            features: Vec::new(),
            runbooks: None,
            broken_links: BTreeMap::new(),
            configurations: Vec::new(),
            least: Level::Info,
            today: Date::MAX,
        }
    }
}
