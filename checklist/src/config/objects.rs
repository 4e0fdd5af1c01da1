//! The sections of `alerting:` for the Kubernetes objects that rules, routes and dashboards are written as.

use crate::reader::keys::{Default, Key, Kind, Section};
use crate::reader::table::Table;
use crate::targets::parts::{NAMESPACE, OBJECT_NAME, is_dns_subdomain};
use std::collections::BTreeMap;

/// Metadata of the `PrometheusRule` object.
#[derive(Debug, Clone)]
pub struct PrometheusRule {
    pub name: String,
    pub namespace: Option<String>,
    /// The labels, which the `ruleSelector` of the Prometheus operator must match.
    pub labels: BTreeMap<String, String>,
}

/// Metadata of the `AlertmanagerConfig` object.
#[derive(Debug, Clone)]
pub struct AlertmanagerConfig {
    pub name: String,
    pub namespace: Option<String>,
    /// The labels, which the `alertmanagerConfigSelector` of the Prometheus operator must match.
    pub labels: BTreeMap<String, String>,
    /// The name of the Secret that holds every key and address, each under the name of its file.
    pub secret: String,
}

/// Metadata of the objects that carry dashboards.
#[derive(Debug, Clone)]
pub struct Dashboards {
    pub namespace: Option<String>,
    /// The folder in Grafana.
    pub folder: Option<String>,
    /// The labels of the Grafana objects (of the Grafana operator) that show the dashboards.
    pub instance_selector: BTreeMap<String, String>,
}

const NAME: Key = Key::new("name", Kind::Form(&OBJECT_NAME), "The name of the object.")
    .default("ops-checklist")
    .example("operations");
const OBJECT_NAMESPACE: Key = Key::new("namespace", Kind::Form(&NAMESPACE), "The namespace of the object.")
    .otherwise("that of the client that applies it")
    .example("monitoring");
const LABELS: Key = Key::new(
    "labels",
    Kind::Map(&Kind::Scalar),
    "Labels of the object, which the selector of the operator must match.",
)
.example("{release: kube-prometheus-stack}");

pub(super) static PROMETHEUS_RULE: Section =
    Section { what: "prometheusRule", keys: &[&[NAME, OBJECT_NAMESPACE, LABELS]], rules: &[] };

pub(super) static ALERTMANAGER_CONFIG: Section = Section {
    what: "alertmanagerConfig",
    keys: &[&[
        NAME,
        OBJECT_NAMESPACE,
        LABELS,
        Key::new(
            "secret",
            Kind::Form(&OBJECT_NAME),
            "The Secret with the keys and addresses, each under its file name.",
        )
        .default("ops-checklist-alerting")
        .example("alerting-keys"),
    ]],
    rules: &[],
};

pub(super) static DASHBOARDS: Section = Section {
    what: "dashboards",
    keys: &[&[
        Key { about: "The namespace of the objects that contain the dashboards.", ..OBJECT_NAMESPACE },
        Key::new("folder", Kind::Text, "The folder in Grafana.")
            .otherwise("the one that Grafana chooses")
            .example("Operations"),
        Key {
            name: "instanceSelector",
            about: "Labels of the Grafana objects that shall show the dashboards.",
            default: Default::Described("`{dashboards: grafana}`"),
            example: "{dashboards: grafana}",
            ..LABELS
        },
    ]],
    rules: &[],
};

impl PrometheusRule {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        Some(Self { name: table.text("name")?, namespace: table.text("namespace"), labels: labels(table, "labels") })
    }
}

impl AlertmanagerConfig {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let PrometheusRule { name, namespace, labels } = PrometheusRule::read(table)?;
        Some(Self { name, namespace, labels, secret: table.text("secret")? })
    }
}

impl Dashboards {
    pub(super) fn read(table: &Table<'_>) -> Self {
        Self {
            namespace: table.text("namespace"),
            folder: table.text("folder"),
            instance_selector: labels(table, "instanceSelector"),
        }
    }
}

/// Reads the labels of an object and checks them by the rules of the API server.
fn labels(table: &Table<'_>, key: &'static str) -> BTreeMap<String, String> {
    let good = |text: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        text.len() <= 63 && text.chars().all(inner) && ends(text.chars().next()) && ends(text.chars().next_back())
    };
    let mut labels = BTreeMap::new();
    for (name, node) in table.entries(key) {
        let label = name.scalar().unwrap_or_default();
        let (prefix, end) = label.rsplit_once('/').map_or((None, label), |(prefix, end)| (Some(prefix), end));
        let value = node.scalar().unwrap_or_default();
        if !good(end) || !prefix.is_none_or(is_dns_subdomain) {
            table.mistake(name.place, "this is not a valid Kubernetes label name such as release or example.com/team");
        } else if value.is_empty() || good(value) {
            labels.insert(label.to_owned(), value.to_owned());
        } else {
            table.mistake(node.place, "a label value has at most 63 letters, digits, dashes, dots and underscores");
        }
    }
    labels
}
