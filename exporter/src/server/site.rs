//! The state that all HTTP connections share.

use crate::run::reload::Source;
use crate::server::exposition::publisher;
use crate::server::exposition::snapshot::Latest;
use crate::server::lifecycle::Lifecycle;
use crate::server::tasks_cache::TasksPage;
use crate::server::web::Web;
use crate::server::web::tokens::Tokens;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Maximum number of requests that wait for a probe. Prometheus sends one at a time for each scrape job.
const PROBING: usize = 32;

/// Everything that requests are answered from.
#[derive(Clone)]
pub struct Site {
    pub source: Arc<Source>,
    /// TLS, passwords and headers.
    pub web: Arc<Web>,
    /// The latest snapshot of the exposition.
    pub latest: Arc<Latest>,
    /// Handles POST /-/reload.
    pub lifecycle: Arc<Lifecycle>,
    /// Permits for requests that wait for a probe.
    pub probing: Arc<Semaphore>,
    /// The cached page of human tasks.
    pub tasks: Arc<TasksPage>,
    /// The reviewer of bearer tokens with its cache; replaced when its cluster changes.
    tokens: Arc<Mutex<Option<Arc<Tokens>>>>,
}

impl Site {
    /// Creates the state for a configuration. The exposition already has the series of checks that have not run.
    pub fn new(source: Arc<Source>, web: Arc<Web>, lifecycle: Lifecycle) -> Self {
        let latest = Arc::new(Latest::new(publisher::states(&source.schedule)));
        Self {
            source,
            web,
            latest,
            lifecycle: Arc::new(lifecycle),
            probing: Arc::new(Semaphore::new(PROBING)),
            tasks: Arc::default(),
            tokens: Arc::default(),
        }
    }

    /// Returns the reviewer of bearer tokens; `None` if no cluster of checklist.yaml has `webAudiences`.
    pub fn tokens(&self) -> Option<Arc<Tokens>> {
        let cluster = self.source.web_cluster();
        let mut kept = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = cluster.map(|cluster| match kept.take().filter(|tokens| tokens.are_of(&cluster)) {
            Some(tokens) => tokens,
            None => Arc::new(Tokens::new(cluster)),
        });
        kept.clone()
    }
}
