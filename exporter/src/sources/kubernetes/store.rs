//! The objects of a collection that are kept.

use super::cached::{ApiObject, CachedObject, Interner};
use super::room::{Kept, Room};
use checklist::config::{Described, Exclusion};
use clients::Failure;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The objects of one generation.
#[derive(Debug)]
pub struct Store<K> {
    /// By name.
    pub objects: BTreeMap<Box<str>, K>,
    /// Names of those that are not judged.
    pub left_out: BTreeSet<Box<str>>,
    interner: Interner,
    /// The version of the collection that it is as of.
    pub(super) version: Box<str>,
    /// Bytes of the objects, without the words that they share.
    bytes: usize,
    kept: Kept,
}

impl<K: CachedObject> Store<K> {
    pub(super) fn new(room: &Arc<Room>) -> Self {
        Self {
            objects: BTreeMap::new(),
            left_out: BTreeSet::new(),
            interner: Interner::default(),
            version: Box::default(),
            bytes: 0,
            kept: Kept::new(Arc::clone(room)),
        }
    }

    /// Keeps an object, if the room of the cluster has a place for it.
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
        self.kept.set(self.bytes + self.interner.bytes())
    }

    pub(super) fn remove(&mut self, name: &str) {
        let object = self.objects.remove(name).map(|object| object.bytes());
        if self.left_out.remove(name) || object.is_some() {
            self.bytes = self.bytes.saturating_sub(name.len() + object.unwrap_or_default());
        }
    }
}

/// What the objects of a collection are, and which of them are not judged.
#[derive(Debug, Clone, Default)]
pub struct Which {
    /// Their kind.
    pub kind: &'static str,
    /// Their namespace.
    pub namespace: String,
    /// What `exclude:` of the target says.
    pub excluded: Arc<[Exclusion]>,
}
