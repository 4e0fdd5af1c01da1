//! The list `alertmanagers:`.

use super::kind::TargetKind;
use super::parts::{ENDPOINT, ENDPOINT_RULES, Endpoint, Needs, endpoint};
use super::target::{List, OWN, Target};
use crate::reader::keys::Section;
use crate::reader::table::Table;

/// An Alertmanager with its HTTP API.
#[derive(Debug, Clone)]
pub struct Alertmanager {
    /// The value of the label `target`.
    pub name: String,
    pub endpoint: Endpoint,
}

impl Target for Alertmanager {
    fn name(&self) -> &str {
        &self.name
    }

    fn kinds(&self) -> Vec<TargetKind> {
        vec![TargetKind::Alertmanager, TargetKind::AlertPath]
    }

    fn needs(&self) -> Needs<'_> {
        Needs::default().endpoint(&self.endpoint)
    }
}

static ENTRY: Section = Section { what: "a target", keys: &[OWN, ENDPOINT], rules: ENDPOINT_RULES };

impl List for Alertmanager {
    const LIST: &'static str = "alertmanagers";
    const ABOUT: &'static str = "Servers of Alertmanager.";
    const EXAMPLE: &'static str = "[{name: main, url: \"http://alertmanager.monitoring.svc:9093\"}]";
    const ENTRY: &'static Section = &ENTRY;

    fn read(table: &Table<'_>, name: String) -> Option<Self> {
        Some(Self { name, endpoint: endpoint(table)? })
    }
}
