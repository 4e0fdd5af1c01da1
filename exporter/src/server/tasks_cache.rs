//! Caches the page of human tasks for twenty times as long as it took to make it, at most a minute. So reading many
//! records takes at most a twentieth of the time, however many clients ask.

use super::page_tasks;
use crate::run::runtime::there;
use checklist::Config;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore};

/// Maximum number of requests that wait for the page.
const WAITING: usize = 16;
/// A page is cached for this many times the duration of making it.
const TIMES: u32 = 20;

/// The cached page.
pub struct TasksPage {
    waiting: Semaphore,
    cached: Mutex<Option<CachedPage>>,
}

struct CachedPage {
    config: Arc<Config>,
    page: Arc<str>,
    until: Instant,
}

impl Default for TasksPage {
    fn default() -> Self {
        Self { waiting: Semaphore::new(WAITING), cached: Mutex::default() }
    }
}

impl TasksPage {
    /// Returns the page, or `None` if too many requests wait for it.
    pub async fn get(&self, checks: &Handle, config: Arc<Config>) -> Option<Arc<str>> {
        let _place = self.waiting.try_acquire().ok()?;
        let mut cached = self.cached.lock().await;
        if let Some(cached) = &*cached
            && Arc::ptr_eq(&cached.config, &config)
            && Instant::now() < cached.until
        {
            return Some(Arc::clone(&cached.page));
        }
        let begun = Instant::now();
        let own = Arc::clone(&config);
        let made = there(checks, async move { page_tasks::overview(&own, jiff::Timestamp::now()).await }).await;
        let page: Arc<str> = made.unwrap_or_else(|failure| page_tasks::cannot(&failure.message)).into();
        let until = Instant::now() + (begun.elapsed() * TIMES).min(Duration::from_mins(1));
        *cached = Some(CachedPage { config, page: Arc::clone(&page), until });
        Some(page)
    }
}
