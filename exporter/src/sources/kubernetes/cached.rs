//! What is kept of an object of the API, and the texts that objects share.

use crate::sources::null::or_empty;
use checklist::config::Texts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::sync::Arc;

/// An object as the API sends it.
pub trait ApiObject: DeserializeOwned + Send {
    /// Its metadata.
    fn metadata(&self) -> &Metadata;
}

/// What is kept of an object: a cluster has thousands, and a check needs a few fields of each.
pub trait CachedObject: Send + Sync + 'static {
    /// The object as the API sends it.
    type Wire: ApiObject;

    /// What the checks need of it; texts that repeat go through `interner`.
    fn from_wire(raw: Self::Wire, interner: &mut Interner) -> Self;

    /// How many bytes it takes, about; texts that it shares are counted with them.
    fn bytes(&self) -> usize;

    /// The workload that it is a pod of: kind and name.
    fn of_workload(&self) -> Option<(&'static str, &str)> {
        None
    }
}

/// Texts that many objects share, such as the names of containers and workloads: each is kept once.
#[derive(Debug, Default)]
pub struct Interner {
    known: HashSet<Arc<str>>,
    sweep_at: usize,
    bytes: usize,
}

impl Interner {
    /// The one copy of a text.
    pub fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        // Texts that nothing uses any more go when their number has doubled.
        if self.known.len() >= self.sweep_at {
            self.known.retain(|word| Arc::strong_count(word) > 1);
            self.sweep_at = 2 * self.known.len() + 64;
            self.bytes = self.known.iter().map(|word| word.len()).sum();
        }
        let word: Arc<str> = text.into();
        self.bytes += word.len();
        self.known.insert(Arc::clone(&word));
        word
    }

    /// How many bytes they are.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Metadata without what nobody reads.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Name.
    pub name: Box<str>,
    /// The version of this state of the object.
    pub resource_version: Box<str>,
    /// Who made it.
    #[serde(deserialize_with = "or_empty")]
    pub owner_references: Vec<Owner>,
    /// When it was made, RFC 3339.
    pub creation_timestamp: Option<Box<str>>,
    /// Labels.
    #[serde(deserialize_with = "or_empty")]
    pub labels: Texts,
    /// Annotations.
    #[serde(deserialize_with = "or_empty")]
    pub annotations: Texts,
}

impl Metadata {
    /// The service that an endpoint slice belongs to.
    pub fn service(&self) -> Option<&str> {
        self.labels.get("kubernetes.io/service-name").map(|name| &**name)
    }

    /// The hash that a deployment puts into the names of its replica sets.
    pub fn template_hash(&self) -> Option<&str> {
        self.labels.get("pod-template-hash").map(|hash| &**hash)
    }

    /// When it was made, Unix seconds; 0 when the server does not say.
    pub fn created(&self) -> i64 {
        let at = self.creation_timestamp.as_deref().and_then(|at| at.parse::<jiff::Timestamp>().ok());
        at.map_or(0, jiff::Timestamp::as_second)
    }
}

/// An owner.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Owner {
    /// `ReplicaSet`, `StatefulSet`, …
    pub kind: Box<str>,
    /// Name.
    pub name: Box<str>,
    /// Whether it is the one that keeps the object.
    pub controller: bool,
}
