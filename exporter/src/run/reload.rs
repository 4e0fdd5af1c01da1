//! Reloads checklist.yaml: on SIGHUP, on `POST /-/reload` if that is enabled, and when its content has changed. The
//! file is read on another thread with a deadline, because its mount may hang.

use crate::run::checks::Checks;
use crate::run::schedule::Schedule;
use crate::run::shard::Shard;
use crate::run::status::ProcessStatus;
use crate::run::time::unix_now;
use crate::sources::kubernetes::Cluster;
use anyhow::Context;
use checklist::Config;
use clients::file;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Interval of checking the file for changes. Its content is compared and not its modification time, which also notices
/// the replaced symbolic link of a mounted `ConfigMap`.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Number of failed reads after which the file counts as gone. Before that it may just be in the middle of a
/// replacement.
const MISSES: u32 = 3;
/// Maximum size that is read in bytes. The parser has a lower limit, with a better message.
const MAX_BYTES: u64 = 2 * 1024 * 1024;

/// The configuration file, and everything that is made from it.
pub struct Source {
    path: PathBuf,
    current: Mutex<Current>,
    /// Serializes reloads.
    reloading: tokio::sync::Mutex<()>,
    /// The running checks.
    pub schedule: Arc<Schedule>,
}

/// The configuration in use, and what was made from it.
struct Current {
    /// The text that was last tried, valid or not.
    text: String,
    config: Arc<Config>,
    checks: Checks,
    /// The cluster whose API server reviews bearer tokens of HTTP clients, if a target has `webAudiences`.
    web_cluster: Option<Arc<Cluster>>,
}

impl Source {
    /// Loads the file for the first time and creates the schedule.
    pub fn open(path: &Path, shard: Shard) -> anyhow::Result<Arc<Self>> {
        let (text, config) = load(path)?;
        let mut checks = Checks::continuous(shard);
        let jobs = checks.jobs(&config, &[]);
        let web_cluster = checks.web_cluster(&config);
        let status = ProcessStatus {
            loaded_at: unix_now(),
            fingerprint: config.fingerprint(),
            shard,
            ..ProcessStatus::default()
        };
        let schedule = Schedule::new(jobs, status);
        schedule.elect(checks.lease());
        let current = Mutex::new(Current { text, config: Arc::new(config), checks, web_cluster });
        let reloading = tokio::sync::Mutex::default();
        Ok(Arc::new(Self { path: path.to_owned(), current, reloading, schedule }))
    }

    /// The present configuration.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.current().config)
    }

    /// Returns the cluster that reviews bearer tokens, if there is one.
    pub fn web_cluster(&self) -> Option<Arc<Cluster>> {
        self.current().web_cluster.clone()
    }

    /// Loads the file again. If it has mistakes, the old configuration stays and a metric reports the failure.
    pub async fn reload(&self) -> anyhow::Result<()> {
        let _one = self.reloading.lock().await;
        let path = self.path.clone();
        let loaded = file::aside(&self.path, file::PATIENCE, move || load(&path)).await;
        let loaded = loaded.with_context(|| format!("cannot read {}", self.path.display())).flatten();
        self.settle(loaded)
    }

    /// Applies a text of the file that was just read.
    async fn reload_as(&self, text: String) -> anyhow::Result<()> {
        let _one = self.reloading.lock().await;
        self.current().text.clone_from(&text);
        let path = self.path.clone();
        let parsed = tokio::task::spawn_blocking(move || parse(&path, text)).await;
        self.settle(parsed.map_err(anyhow::Error::from).flatten())
    }

    /// Applies a configuration, or reports why it cannot be used.
    fn settle(&self, loaded: anyhow::Result<(String, Config)>) -> anyhow::Result<()> {
        let result = loaded.and_then(|(text, config)| self.take(text, config));
        if let Err(error) = &result {
            self.refused(error);
        }
        result
    }

    /// Replaces the configuration and the jobs.
    fn take(&self, text: String, config: Config) -> anyhow::Result<()> {
        let mut current = self.current();
        // A file that is only half written could lack `webAudiences`, and the server would then answer without a login.
        anyhow::ensure!(
            current.web_cluster.is_none() || config.kubernetes.iter().any(|cluster| !cluster.web_audiences.is_empty()),
            "{} no longer has webAudiences, so the pages would need no login; restart the exporter if that is intended",
            self.path.display()
        );
        let jobs = current.checks.jobs(&config, &self.schedule.jobs());
        current.web_cluster = current.checks.web_cluster(&config);
        {
            let mut status = self.schedule.status_mut();
            (status.loaded_at, status.successful, status.fingerprint) = (unix_now(), true, config.fingerprint());
        }
        tracing::info!(checks = jobs.len(), "loaded {}", self.path.display());
        self.schedule.elect(current.checks.lease());
        self.schedule.replace(jobs);
        (current.text, current.config) = (text, Arc::new(config));
        Ok(())
    }

    fn refused(&self, error: &anyhow::Error) {
        self.schedule.status_mut().successful = false;
        self.schedule.refresh();
        tracing::error!("cannot load {}, the previous configuration stays: {error:#}", self.path.display());
    }

    /// Reloads the file when its content changes, and reports when it is gone. Never returns.
    pub async fn follow(&self) {
        let mut misses = 0;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let path = self.path.clone();
            let text = file::aside(&self.path, file::PATIENCE, move || text(&path)).await;
            match text.map_err(anyhow::Error::from).flatten() {
                Ok(text) => {
                    let is_back = std::mem::take(&mut misses) >= MISSES;
                    if is_back || text != self.current().text {
                        // The mistakes are in the log and in a metric.
                        let _ = self.reload_as(text).await;
                    }
                }
                Err(error) => {
                    misses += 1;
                    if misses == MISSES {
                        self.refused(&error);
                    }
                }
            }
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads and parses a checklist.yaml. Returns its text and the configuration.
pub fn load(path: &Path) -> anyhow::Result<(String, Config)> {
    parse(path, text(path)?)
}

fn parse(path: &Path, text: String) -> anyhow::Result<(String, Config)> {
    let config = Config::parse(&path.display().to_string(), &text)?;
    Ok((text, config))
}

/// Reads the file. Named pipes and folders are refused, because reading a pipe could block.
fn text(path: &Path) -> anyhow::Result<String> {
    let cannot = || format!("cannot read {}", path.display());
    let content = file::read_now(path, MAX_BYTES).with_context(cannot)?;
    String::from_utf8(content.bytes).map_err(|_| anyhow::anyhow!("the file is not UTF-8")).with_context(cannot)
}
