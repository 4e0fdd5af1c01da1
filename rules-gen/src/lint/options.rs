//! What the lints measure by.

use super::configuration::Configuration;
use super::flavour::Flavour;
use super::metric_facts::MetricFacts;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the lints measure by.
#[derive(Debug, Clone)]
pub struct Options {
    /// Metrics that are known.
    pub known: MetricFacts,
    /// Seconds that Prometheus keeps.
    pub retention: f64,
    /// Seconds between two scrapes.
    pub scrape_interval: f64,
    /// Seconds between two evaluations of a group that says nothing.
    pub evaluation_interval: f64,
    /// The oldest server that must accept the rules.
    pub version: Option<(u32, u32)>,
    /// The server that the rules are for; without one the keys of all are taken.
    pub server: Option<Flavour>,
    /// The feature flags that the servers have: `promql-experimental-functions`.
    pub features: Vec<String>,
    /// The folder of the runbooks that links point to.
    pub runbooks: Option<PathBuf>,
    /// Links that lead nowhere, and why; filled from live servers.
    pub broken_links: BTreeMap<String, String>,
    /// The files `rules-gen.yaml`.
    pub configurations: Vec<Configuration>,
    /// The day, for suppressions that end.
    pub today: Date,
}

impl Default for Options {
    /// Prometheus' own defaults: samples for 15 days, scraped and evaluated once a minute. Half a minute between
    /// scrapes is what its operator sets.
    fn default() -> Self {
        Self {
            known: MetricFacts::catalog(None),
            retention: 15.0 * 86_400.0,
            scrape_interval: 30.0,
            evaluation_interval: 30.0,
            version: None,
            server: None,
            features: Vec::new(),
            runbooks: None,
            broken_links: BTreeMap::new(),
            configurations: Vec::new(),
            today: Date::MAX,
        }
    }
}
