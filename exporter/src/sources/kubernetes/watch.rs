//! List in pages, then watch; a new list replaces the old generation whole, never in part.

use super::failure::{failure, refused};
use super::objects::{ApiObject, CachedObject, Interner};
use checklist::Reason;
use checklist::config::{Described, Exclusion};
use clients::Failure;
use futures::StreamExt;
use http::Request;
use kube::Client;
use kube::core::WatchEvent;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::ops::Deref;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Objects per page: a page of full pods stays below two megabytes.
const PAGE: usize = 100;
/// The server ends a watch after this many seconds, which proves that it is alive. Its bookmarks come every minute, so each
/// watch hears one.
const WATCH_SECONDS: u32 = 90;
/// First and last wait after a failure.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// Objects of one kind in one namespace; beyond it memory is in danger and the check says so.
const MAX_OBJECTS: usize = 200_000;

/// The objects of one generation.
#[derive(Debug)]
pub struct Store<K> {
    /// By name.
    pub objects: BTreeMap<Box<str>, K>,
    /// Names of those that are not judged.
    pub left_out: BTreeSet<Box<str>>,
    interner: Interner,
    version: Box<str>,
}

impl<K: CachedObject> Store<K> {
    fn new() -> Self {
        let objects = BTreeMap::new();
        Self { objects, left_out: BTreeSet::new(), interner: Interner::default(), version: Box::default() }
    }

    fn put(&mut self, raw: K::Wire, which: &Which) {
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
        if left_out {
            self.objects.remove(&name);
            self.left_out.insert(name);
        } else {
            self.left_out.remove(&name);
            self.objects.insert(name, object);
        }
    }

    fn remove(&mut self, name: &str) {
        self.objects.remove(name);
        self.left_out.remove(name);
    }
}

/// The present objects, held still while they are read.
pub struct Present<'a, K>(RwLockReadGuard<'a, WatchState<K>>);

impl<K> Deref for Present<'_, K> {
    type Target = Store<K>;

    fn deref(&self) -> &Store<K> {
        &self.0.store
    }
}

/// A collection that is watched by a task of its own from the first time that someone asks for it.
pub struct Watch<K> {
    state: Arc<RwLock<WatchState<K>>>,
    /// Wakes whoever waits for the first list, or for the reason why there is none.
    answered: Arc<Notify>,
    client: Client,
    path: String,
    which: Which,
    task: OnceLock<JoinHandle<()>>,
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

struct WatchState<K> {
    store: Store<K>,
    /// Whether the store holds a whole list.
    listed: bool,
    heard: Instant,
    failure: Option<Failure>,
}

impl<K> Drop for Watch<K> {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

impl<K: CachedObject> Watch<K> {
    /// Knows the collection at `path`; nothing is asked yet.
    pub fn new(client: Client, path: String, which: Which) -> Self {
        let state = WatchState { store: Store::new(), listed: false, heard: Instant::now(), failure: None };
        Self {
            state: Arc::new(RwLock::new(state)),
            answered: Arc::new(Notify::new()),
            client,
            path,
            which,
            task: OnceLock::new(),
        }
    }

    /// The present objects, after the first list if need be, unless nothing was heard for too long or the server
    /// refuses to say more: objects from before a right or a namespace was removed may be gone.
    pub async fn read(&self, max_silence: Duration) -> Result<Present<'_, K>, Failure> {
        self.task.get_or_init(|| {
            let (state, answered) = (Arc::clone(&self.state), Arc::clone(&self.answered));
            tokio::spawn(follow(self.client.clone(), self.path.clone(), self.which.clone(), state, answered))
        });
        // A list in pages takes a while; the deadline of the check is the limit.
        loop {
            let answered = self.answered.notified();
            if !self.is_waiting() {
                break;
            }
            answered.await;
        }
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let refused = state.failure.as_ref().filter(|failure| is_refusal(failure.reason));
        if state.listed && state.heard.elapsed() <= max_silence && refused.is_none() {
            return Ok(Present(state));
        }
        let silent = || Failure::new(Reason::Timeout, format!("the Kubernetes API is silent about {}", self.path));
        Err(state.failure.clone().unwrap_or_else(silent))
    }

    fn is_waiting(&self) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        !state.listed && state.failure.is_none()
    }
}

/// Whether the server refused to answer, other than a connection that may come back by itself.
const fn is_refusal(reason: Reason) -> bool {
    matches!(reason, Reason::Auth | Reason::Permission | Reason::NotFound)
}

impl<K: CachedObject> WatchState<K> {
    fn heard(&mut self) {
        (self.heard, self.failure) = (Instant::now(), None);
    }

    /// Takes one event into the held generation.
    fn apply(&mut self, event: WatchEvent<K::Wire>, which: &Which) {
        let store = &mut self.store;
        match event {
            WatchEvent::Added(raw) | WatchEvent::Modified(raw) => {
                store.version.clone_from(&raw.metadata().resource_version);
                store.put(raw, which);
            }
            WatchEvent::Deleted(raw) => {
                store.version.clone_from(&raw.metadata().resource_version);
                store.remove(&raw.metadata().name);
            }
            WatchEvent::Bookmark(bookmark) => store.version = bookmark.metadata.resource_version.into(),
            WatchEvent::Error(_) => return,
        }
        self.heard();
    }
}

async fn follow<K: CachedObject>(
    client: Client,
    path: String,
    which: Which,
    state: Arc<RwLock<WatchState<K>>>,
    answered: Arc<Notify>,
) {
    let write = || state.write().unwrap_or_else(PoisonError::into_inner);
    let mut wait = BACK_OFF.0;
    loop {
        let listed = state.read().unwrap_or_else(PoisonError::into_inner).listed;
        let step = if listed {
            watch(&client, &path, &which, &state).await
        } else {
            list(&client, &path, &which).await.map(Some)
        };
        match step {
            Ok(Some(store)) => {
                let mut state = write();
                (state.store, state.listed) = (store, true);
                state.heard();
                drop(state);
                answered.notify_waiters();
                wait = BACK_OFF.0;
                continue;
            }
            Ok(None) => wait = BACK_OFF.0,
            Err(failure) => {
                tracing::debug!(path, reason = %failure.reason, "watch: {}", failure.message);
                write().failure = Some(failure);
                answered.notify_waiters();
                wait = (wait * 2).min(BACK_OFF.1);
            }
        }
        // Half of the wait is chance, so that many watches do not come back at once.
        let chance = RandomState::new().hash_one(&path) as f64 / u64::MAX as f64;
        tokio::time::sleep(wait.mul_f64(0.5 + 0.5 * chance)).await;
    }
}

/// Follows the events since the held generation. `Ok(None)` when the server ended the watch, a new generation when the
/// held one is too old, or when nothing was heard: of a version that is still to come, as after the cluster's memory was
/// restored from a backup, the server says nothing at all.
async fn watch<K: CachedObject>(
    client: &Client,
    path: &str,
    which: &Which,
    state: &RwLock<WatchState<K>>,
) -> Result<Option<Store<K>>, Failure> {
    let write = || state.write().unwrap_or_else(PoisonError::into_inner);
    let version = write().store.version.clone();
    let request =
        format!("{path}?watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={version}");
    let events = match client.request_events::<K::Wire>(get(&request)?).await {
        Ok(events) => events,
        // 410: the held generation is too old to go on from.
        Err(kube::Error::Api(status)) if status.code == 410 => return list(client, path, which).await.map(Some),
        Err(error) => return Err(failure(&error, path)),
    };
    let mut events = std::pin::pin!(events);
    // The server ends the watch; one that stays silent beyond that is dead.
    let silence = Duration::from_secs(u64::from(WATCH_SECONDS) + 15);
    write().heard();
    let mut heard = false;
    loop {
        let event = tokio::time::timeout(silence, events.next())
            .await
            .map_err(|_| Failure::new(Reason::Timeout, format!("the watch of {path} fell silent")))?;
        let Some(event) = event else {
            return if heard { Ok(None) } else { list(client, path, which).await.map(Some) };
        };
        let event = event.map_err(|error| failure(&error, path))?;
        if let WatchEvent::Error(status) = &event {
            if status.code == 410 {
                return list(client, path, which).await.map(Some);
            }
            return Err(refused(status.code, &status.message, path));
        }
        write().apply(event, which);
        heard = true;
    }
}

/// A text as part of a query.
pub(super) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A whole collection, page by page. A page token that expired begins the list anew, once.
pub(super) async fn list<K: CachedObject>(client: &Client, path: &str, which: &Which) -> Result<Store<K>, Failure> {
    let mut store = Store::new();
    let mut token = String::new();
    let mut expired = false;
    let separator = if path.contains('?') { '&' } else { '?' };
    loop {
        let continued = if token.is_empty() { String::new() } else { format!("&continue={}", encoded(&token)) };
        let page = client.request::<Page<K::Wire>>(get(&format!("{path}{separator}limit={PAGE}{continued}"))?).await;
        let page = match page {
            Err(kube::Error::Api(status)) if status.code == 410 && !expired => {
                (expired, token) = (true, String::new());
                store.objects.clear();
                store.left_out.clear();
                continue;
            }
            page => page.map_err(|error| failure(&error, path))?,
        };
        page.items.unwrap_or_default().into_iter().for_each(|raw| store.put(raw, which));
        store.version = page.metadata.resource_version.into();
        if store.objects.len() > MAX_OBJECTS {
            return Err(Failure::new(Reason::Limit, format!("{path} has more than {MAX_OBJECTS} objects")));
        }
        match page.metadata.next {
            Some(next) if !next.is_empty() => token = next,
            _ => return Ok(store),
        }
    }
}

#[derive(Deserialize)]
struct Page<R> {
    metadata: ListMetadata,
    /// Go writes an empty list as `null`.
    items: Option<Vec<R>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ListMetadata {
    resource_version: String,
    #[serde(rename = "continue")]
    next: Option<String>,
}

fn get(path: &str) -> Result<Request<Vec<u8>>, Failure> {
    Request::get(path).body(Vec::new()).map_err(|error| Failure::new(Reason::Config, format!("{path}: {error}")))
}
