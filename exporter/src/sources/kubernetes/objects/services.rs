//! Services and their endpoint slices.

use crate::sources::kubernetes::cached::Metadata;
use crate::sources::null::or_empty;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Service {
    pub(super) metadata: Metadata,
    #[serde(deserialize_with = "or_empty")]
    pub spec: ServiceSpec,
}

/// The used fields of a service's spec.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServiceSpec {
    /// Labels of the selected pods.
    selector: Option<BTreeMap<Box<str>, Box<str>>>,
    #[serde(rename = "type")]
    kind: Option<Box<str>>,
    #[serde(deserialize_with = "or_empty")]
    ports: Vec<IgnoredAny>,
}

impl ServiceSpec {
    /// Whether the cluster finds the endpoints: those of a service without a selector are managed by others, and one that
    /// is only a name has none.
    pub fn selects_pods(&self) -> bool {
        let is_name = self.kind.as_deref() == Some("ExternalName");
        !is_name && self.selector.as_ref().is_some_and(|selector| !selector.is_empty())
    }

    /// Whether the service has ports. One without an address of its own may have none.
    pub fn has_ports(&self) -> bool {
        !self.ports.is_empty()
    }
}

impl Service {
    /// Returns the time of creation in Unix seconds.
    pub fn created(&self) -> i64 {
        self.metadata.created()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Slice {
    pub(super) metadata: Metadata,
    /// `IPv4`, `IPv6` or `FQDN`. A pod with addresses of two families is in a slice of each.
    pub address_type: Box<str>,
    endpoints: Option<Vec<Endpoint>>,
    #[serde(deserialize_with = "some_or_empty")]
    ports: Option<Vec<IgnoredAny>>,
}

/// Deserializes a list that is written, and `null` as the empty list.
fn some_or_empty<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Vec<IgnoredAny>>, D::Error> {
    or_empty(input).map(Some)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Endpoint {
    #[serde(deserialize_with = "or_empty")]
    conditions: EndpointConditions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EndpointConditions {
    ready: Option<bool>,
    terminating: Option<bool>,
}

impl Slice {
    /// Returns the service that the slice belongs to.
    pub fn service(&self) -> Option<&str> {
        self.metadata.service()
    }

    /// Whether the endpoints have no ports. This is so when the service names a port that no container has.
    pub fn is_without_ports(&self) -> bool {
        self.ports.as_ref().is_some_and(Vec::is_empty)
    }

    /// Returns the number of endpoints that accept traffic. An unknown state counts as ready, as the API defines it.
    pub fn ready(&self) -> usize {
        self.endpoints.iter().flatten().filter(|endpoint| endpoint.conditions.ready != Some(false)).count()
    }

    /// Returns the number of endpoints that accept traffic or should: all except those of terminating pods.
    pub fn wanted(&self) -> usize {
        let ends = |endpoint: &&Endpoint| {
            endpoint.conditions.ready == Some(false) && endpoint.conditions.terminating == Some(true)
        };
        self.endpoints.iter().flatten().filter(|endpoint| !ends(endpoint)).count()
    }
}
