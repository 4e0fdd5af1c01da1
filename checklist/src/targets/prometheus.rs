//! The list `prometheus:`.

use super::kind::TargetKind;
use super::parts::{ENDPOINT, ENDPOINT_RULES, Endpoint, Needs, endpoint};
use super::target::{List, OWN, Target};
use crate::reader::keys::Section;
use crate::reader::table::Table;

/// A Prometheus with its HTTP API.
#[derive(Debug, Clone)]
pub struct Prometheus {
    /// The value of the label `target`.
    pub name: String,
    pub endpoint: Endpoint,
}

impl Target for Prometheus {
    fn name(&self) -> &str {
        &self.name
    }

    fn kinds(&self) -> Vec<TargetKind> {
        vec![TargetKind::Prometheus]
    }

    fn needs(&self) -> Needs<'_> {
        Needs::default().endpoint(&self.endpoint)
    }
}

static ENTRY: Section = Section { what: "a target", keys: &[OWN, ENDPOINT], rules: ENDPOINT_RULES };

impl List for Prometheus {
    const LIST: &'static str = "prometheus";
    const ABOUT: &'static str = "Servers of Prometheus.";
    const EXAMPLE: &'static str = "[{name: main, url: \"http://prometheus.monitoring.svc:9090\"}]";
    const ENTRY: &'static Section = &ENTRY;

    fn read(table: &Table<'_>, name: String) -> Option<Self> {
        Some(Self { name, endpoint: endpoint(table)? })
    }
}
