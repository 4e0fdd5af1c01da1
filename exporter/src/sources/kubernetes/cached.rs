//! Traits of cached objects, and the strings that they share.

use crate::sources::null::or_empty;
use checklist::config::Texts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::sync::Arc;

/// An object as the API server sends it.
pub trait ApiObject: DeserializeOwned + Send {
    /// Returns the metadata of the object.
    fn metadata(&self) -> &Metadata;
}

/// The cached form of an object: a cluster has thousands of objects, and checks need a few fields of each.
pub trait CachedObject: Send + Sync + 'static {
    /// The form that the API server sends.
    type Wire: ApiObject;

    /// Keeps the fields that checks need. Strings that repeat go through `interner`.
    fn from_wire(raw: Self::Wire, interner: &mut Interner) -> Self;

    /// Estimates the size in bytes, without the strings that the interner owns.
    fn bytes(&self) -> usize;

    /// Returns kind and name of the workload that a pod belongs to; `None` for other objects.
    fn of_workload(&self) -> Option<(&'static str, &str)> {
        None
    }
}

/// Strings that many objects share, such as names of containers and workloads. Each is stored once.
#[derive(Debug, Default)]
pub struct Interner {
    known: HashSet<Arc<str>>,
    /// Number of strings at which unused ones are removed.
    sweep_at: usize,
    bytes: usize,
}

impl Interner {
    /// Returns the shared copy of a string.
    pub fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        // Unused strings are removed whenever the number of strings has doubled.
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

    /// The length of all strings in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The used fields of an object's metadata.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    pub name: Box<str>,
    /// The resource version of this state of the object.
    pub resource_version: Box<str>,
    /// Counts the changes of the spec, where the API counts them.
    pub generation: Option<i64>,
    /// The owners of the object.
    #[serde(deserialize_with = "or_empty")]
    pub owner_references: Vec<Owner>,
    /// Time of creation, RFC 3339.
    pub creation_timestamp: Option<Box<str>>,
    #[serde(deserialize_with = "or_empty")]
    pub labels: Texts,
    #[serde(deserialize_with = "or_empty")]
    pub annotations: Texts,
}

impl Metadata {
    /// Returns the service that an endpoint slice belongs to.
    pub fn service(&self) -> Option<&str> {
        self.labels.get("kubernetes.io/service-name").map(|name| &**name)
    }

    /// Returns the hash that a deployment puts into the names of its replica sets.
    pub fn template_hash(&self) -> Option<&str> {
        self.labels.get("pod-template-hash").map(|hash| &**hash)
    }

    /// Returns the time of creation in Unix seconds; 0 if it is missing.
    pub fn created(&self) -> i64 {
        let at = self.creation_timestamp.as_deref().and_then(|at| at.parse::<jiff::Timestamp>().ok());
        at.map_or(0, jiff::Timestamp::as_second)
    }
}

/// An owner reference.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Owner {
    /// `ReplicaSet`, `StatefulSet`, …
    pub kind: Box<str>,
    pub name: Box<str>,
    /// Whether the owner manages the object.
    pub controller: bool,
}
