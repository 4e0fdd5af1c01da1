//! Watches a collection: lists it in pages, then follows its events. A relist replaces all objects at once, never in
//! part.

use super::cached::{ApiObject, CachedObject};
use super::failure::refused;
use super::list::list;
use super::responses::{Bounded, Refusal};
use super::store::{Store, Which};
use checklist::Reason;
use clients::Failure;
use kube::core::WatchEvent;
use kube::core::response::Status;
use std::hash::{BuildHasher, RandomState};
use std::ops::Deref;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The server ends a watch after this many seconds, which proves that it is alive. Bookmarks come about every minute,
/// so each watch receives at least one.
const WATCH_SECONDS: u32 = 90;
/// First and longest pause after a failure.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// A read lock on the present objects.
pub struct Present<'a, K>(RwLockReadGuard<'a, WatchState<K>>);

impl<K> Deref for Present<'_, K> {
    type Target = Store<K>;

    fn deref(&self) -> &Store<K> {
        &self.0.store
    }
}

/// A watched collection. The task of the watch starts when the collection is first read.
pub struct Watch<K> {
    state: Arc<RwLock<WatchState<K>>>,
    /// Wakes readers that wait for the first list or its failure.
    responded: Arc<Notify>,
    api: Bounded,
    path: String,
    which: Which,
    task: OnceLock<JoinHandle<()>>,
}

struct WatchState<K> {
    store: Store<K>,
    /// Whether the store holds a whole list.
    listed: bool,
    /// When the server last sent something.
    heard: Instant,
    /// Why the last attempt failed, until the server is heard again.
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
    /// Creates a watch of the collection at `path` without contacting the server.
    pub fn new(api: Bounded, path: String, which: Which) -> Self {
        let state = WatchState { store: Store::new(&api.room), listed: false, heard: Instant::now(), failure: None };
        Self {
            state: Arc::new(RwLock::new(state)),
            responded: Arc::new(Notify::new()),
            api,
            path,
            which,
            task: OnceLock::new(),
        }
    }

    /// Returns the present objects; waits for the first list if necessary. Fails if the server was silent for longer
    /// than `max_silence`, or refuses the request: after a right or a namespace was removed, the cached objects may no
    /// longer exist.
    pub async fn read(&self, max_silence: Duration) -> Result<Present<'_, K>, Failure> {
        self.task.get_or_init(|| {
            let (state, responded) = (Arc::clone(&self.state), Arc::clone(&self.responded));
            tokio::spawn(follow(self.api.clone(), self.path.clone(), self.which.clone(), state, responded))
        });
        // A long list takes a while; the deadline of the check limits the wait.
        loop {
            let responded = self.responded.notified();
            if !self.is_waiting() {
                break;
            }
            responded.await;
        }
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let refused = state.failure.as_ref().filter(|failure| is_refusal(failure.reason));
        if state.listed && state.heard.elapsed() <= max_silence && refused.is_none() {
            return Ok(Present(state));
        }
        let silent = || {
            Failure::new(
                Reason::Timeout,
                format!("no events and no bookmarks from the Kubernetes API for {}", self.path),
            )
        };
        Err(state.failure.clone().unwrap_or_else(silent))
    }

    fn is_waiting(&self) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        !state.listed && state.failure.is_none()
    }
}

/// Whether the server refused the request, as opposed to a connection that may recover by itself.
const fn is_refusal(reason: Reason) -> bool {
    matches!(reason, Reason::Auth | Reason::Permission | Reason::NotFound)
}

impl<K: CachedObject> WatchState<K> {
    fn heard(&mut self) {
        (self.heard, self.failure) = (Instant::now(), None);
    }

    /// Applies one event to the objects.
    fn apply(&mut self, event: WatchEvent<K::Wire>, which: &Which) -> Result<(), Failure> {
        let store = &mut self.store;
        match event {
            WatchEvent::Added(raw) | WatchEvent::Modified(raw) => {
                store.version.clone_from(&raw.metadata().resource_version);
                store.put(raw, which)?;
            }
            WatchEvent::Deleted(raw) => {
                store.version.clone_from(&raw.metadata().resource_version);
                store.remove(&raw.metadata().name);
            }
            WatchEvent::Bookmark(bookmark) => store.version = bookmark.metadata.resource_version.into(),
            WatchEvent::Error(_) => return Ok(()),
        }
        self.heard();
        Ok(())
    }
}

/// The task of a watch: lists, watches and relists for ever, with pauses after failures.
async fn follow<K: CachedObject>(
    api: Bounded,
    path: String,
    which: Which,
    state: Arc<RwLock<WatchState<K>>>,
    responded: Arc<Notify>,
) {
    let write = || state.write().unwrap_or_else(PoisonError::into_inner);
    let mut wait = BACK_OFF.0;
    loop {
        let begun = Instant::now();
        let listed = state.read().unwrap_or_else(PoisonError::into_inner).listed;
        let step =
            if listed { watch(&api, &path, &which, &state).await } else { list(&api, &path, &which).await.map(Some) };
        match step {
            Ok(Some(store)) => {
                let mut state = write();
                (state.store, state.listed) = (store, true);
                state.heard();
                drop(state);
                responded.notify_waiters();
                if !listed {
                    continue;
                }
                // A server that ends every watch at once must not cause a relist without a pause.
                wait = if begun.elapsed() < BACK_OFF.1 { (wait * 2).min(BACK_OFF.1) } else { BACK_OFF.0 };
            }
            Ok(None) => wait = BACK_OFF.0,
            Err(failure) => {
                tracing::debug!(path, reason = %failure.reason, "watch: {}", failure.message);
                let mut state = write();
                // The same event would come again with this version. An oversized list needs the memory of the old
                // objects.
                if matches!(failure.reason, Reason::Limit | Reason::Decode) {
                    (state.store, state.listed) = (Store::new(&api.room), false);
                }
                state.failure = Some(failure);
                drop(state);
                responded.notify_waiters();
                wait = (wait * 2).min(BACK_OFF.1);
            }
        }
        // Half of the pause is random, so that many watches do not come back at once.
        let chance = RandomState::new().hash_one(&path) as f64 / u64::MAX as f64;
        tokio::time::sleep(wait.mul_f64(0.5 + 0.5 * chance)).await;
    }
}

/// Follows the events after the present version. Returns `None` when the server ended the watch, and a new list when
/// the version is too old, or when there was no event. A server may be silent about a version that is still in its
/// future, for example after etcd was restored from a backup.
async fn watch<K: CachedObject>(
    api: &Bounded,
    path: &str,
    which: &Which,
    state: &RwLock<WatchState<K>>,
) -> Result<Option<Store<K>>, Failure> {
    // Normally the server ends the watch. A watch that goes on for longer is ended here.
    let until = tokio::time::Instant::now() + Duration::from_secs(u64::from(WATCH_SECONDS) + 15);
    let followed = tokio::time::timeout_at(until, events(api, path, which, state)).await;
    let late = |_| Failure::new(Reason::Timeout, format!("starting the watch of {path} timed out"));
    match followed.map_err(late)?? {
        Ended::Heard => Ok(None),
        Ended::Silent | Ended::Expired => list(api, path, which).await.map(Some),
    }
}

/// How a watch ended.
enum Ended {
    /// After at least one event.
    Heard,
    /// Without an event.
    Silent,
    /// With 410: the version is too old to continue from.
    Expired,
}

/// Sends the watch request and applies its events until the stream ends.
async fn events<K: CachedObject>(
    api: &Bounded,
    path: &str,
    which: &Which,
    state: &RwLock<WatchState<K>>,
) -> Result<Ended, Failure> {
    let write = || state.write().unwrap_or_else(PoisonError::into_inner);
    let version = write().store.version.clone();
    let request =
        format!("{path}?watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={version}");
    let mut lines = match api.lines(&request).await {
        Ok(lines) => lines,
        Err(Refusal { code: Some(410), .. }) => return Ok(Ended::Expired),
        Err(refusal) => return Err(refusal.into()),
    };
    write().heard();
    let mut ended = Ended::Silent;
    while let Some(line) = lines.next().await? {
        let event = match serde_json::from_slice::<WatchEvent<K::Wire>>(&line) {
            Ok(event) => event,
            // The server may send an error without an event around it.
            Err(error) => match serde_json::from_slice::<Status>(&line) {
                Ok(status) if status.code != 0 => WatchEvent::Error(Box::new(status)),
                _ => {
                    return Err(Failure::new(
                        Reason::Decode,
                        format!("cannot parse an event of the watch of {path}: {error}"),
                    ));
                }
            },
        };
        if let WatchEvent::Error(status) = &event {
            if status.code == 410 {
                return Ok(Ended::Expired);
            }
            return Err(refused(status.code, &status.message, path));
        }
        write().apply(event, which)?;
        ended = Ended::Heard;
    }
    Ok(ended)
}

#[cfg(test)]
mod tests;
