//! The cached objects of a collection.

use super::cached::{ApiObject, CachedObject, Interner};
use super::room::{CachedBytes, Room};
use checklist::config::{Described, Exclusion};
use clients::Failure;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The objects of one list and of the watch events after it.
#[derive(Debug)]
pub struct Store<K> {
    /// The objects by name.
    pub objects: BTreeMap<Box<str>, K>,
    /// Names of the objects that `exclude:` leaves out.
    pub left_out: BTreeSet<Box<str>>,
    interner: Interner,
    /// The resource version of the collection.
    pub(super) version: Box<str>,
    /// Estimated bytes of the objects, without the strings that they share through the interner.
    bytes: usize,
    cached: CachedBytes,
}

impl<K: CachedObject> Store<K> {
    pub(super) fn new(room: &Arc<Room>) -> Self {
        Self {
            objects: BTreeMap::new(),
            left_out: BTreeSet::new(),
            interner: Interner::default(),
            version: Box::default(),
            bytes: 0,
            cached: CachedBytes::new(Arc::clone(room)),
        }
    }

    /// Inserts or replaces an object. Fails when the cluster's limit on cached bytes is reached.
    pub(super) fn put(&mut self, raw: K::Wire, which: &Which) -> Result<(), Failure> {
        let name = raw.metadata().name.clone();
        let marks =
            (!which.excluded.is_empty()).then(|| (raw.metadata().labels.clone(), raw.metadata().annotations.clone()));
        let object = K::from_wire(raw, &mut self.interner);
        let left_out = marks.is_some_and(|(labels, annotations)| {
            let (kind, namespace, workload) = (which.kind, &*which.namespace, object.of_workload());
            let object =
                Described { kind, namespace, name: &name, workload, labels: &labels, annotations: &annotations };
            which.excluded.iter().any(|one| one.fits(object))
        });
        self.remove(&name);
        self.bytes += name.len();
        if left_out {
            self.left_out.insert(name);
        } else {
            self.bytes += object.bytes();
            self.objects.insert(name, object);
        }
        self.cached.set(self.bytes + self.interner.bytes())
    }

    pub(super) fn remove(&mut self, name: &str) {
        let object = self.objects.remove(name).map(|object| object.bytes());
        if self.left_out.remove(name) || object.is_some() {
            self.bytes = self.bytes.saturating_sub(name.len() + object.unwrap_or_default());
        }
    }
}

/// The kind and namespace of the objects in a collection, and which of them to leave out.
#[derive(Debug, Clone, Default)]
pub struct Which {
    pub kind: &'static str,
    pub namespace: String,
    /// The entries of `exclude:` of the target.
    pub excluded: Arc<[Exclusion]>,
}
