//! The state that all connections share, and from which requests are answered.

use crate::run::reload::Source;
use crate::server::exposition::publisher;
use crate::server::exposition::snapshot::Latest;
use crate::server::lifecycle::Lifecycle;
use crate::server::tasks_cache::TasksPage;
use crate::server::web::Web;
use crate::server::web::tokens::Tokens;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// Requests that wait for a probe. Prometheus makes one at a time for each job.
const PROBING: usize = 32;

/// What requests are answered from.
#[derive(Clone)]
pub struct Site {
    /// The configuration and the checks.
    pub source: Arc<Source>,
    /// Who may read.
    pub web: Arc<Web>,
    /// The exposition.
    pub latest: Arc<Latest>,
    /// Who may ask for a reload.
    pub lifecycle: Arc<Lifecycle>,
    /// Where the checks are made: whatever asks others is done there.
    pub checks: Handle,
    /// Places for those who wait for a probe.
    pub probing: Arc<Semaphore>,
    /// The page of people's tasks.
    pub tasks: Arc<TasksPage>,
    /// The reviewer of tokens, with its cache, as long as its cluster stays as it is.
    tokens: Arc<Mutex<Option<Arc<Tokens>>>>,
}

impl Site {
    /// Of a configuration; the exposition already has every series of checks that have not run.
    pub fn new(source: Arc<Source>, web: Arc<Web>, lifecycle: Lifecycle, checks: Handle) -> Self {
        let latest = Arc::new(Latest::new(publisher::states(&source.schedule)));
        Self {
            source,
            web,
            latest,
            lifecycle: Arc::new(lifecycle),
            checks,
            probing: Arc::new(Semaphore::new(PROBING)),
            tasks: Arc::default(),
            tokens: Arc::default(),
        }
    }

    /// Who reviews tokens; nothing when checklist.yaml names no cluster for it.
    pub fn tokens(&self) -> Option<Arc<Tokens>> {
        let cluster = self.source.web_cluster();
        let mut kept = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = cluster.map(|cluster| match kept.take().filter(|tokens| tokens.are_of(&cluster)) {
            Some(tokens) => tokens,
            None => Arc::new(Tokens::new(cluster, self.checks.clone())),
        });
        kept.clone()
    }
}
