//! Reads checklist.yaml again: on SIGHUP, on `POST /-/reload` where that is enabled, and when its content has changed.
//! The file is read and parsed aside: its mount may hang, and nobody waits for it.

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

/// How often the file is looked at. Reading it, and not its time, sees the swapped link of a mounted `ConfigMap` too.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A file that is away for a moment is being replaced; after so many looks it is gone.
const MISSES: u32 = 3;
/// More than may stand in it, which the reader tells itself.
const MAX_BYTES: u64 = 2 * 1024 * 1024;

/// The configuration file and what was made of it.
pub struct Source {
    path: PathBuf,
    current: Mutex<Current>,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
    /// What runs.
    pub schedule: Arc<Schedule>,
}

/// What was made of the file as it is now.
struct Current {
    /// The text that was last tried, good or not.
    text: String,
    config: Arc<Config>,
    checks: Checks,
    /// The cluster that reviews the tokens of readers, if checklist.yaml names one.
    web_cluster: Option<Arc<Cluster>>,
}

impl Source {
    /// Loads the file for the first time.
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

    /// The cluster that reviews the tokens of readers.
    pub fn web_cluster(&self) -> Option<Arc<Cluster>> {
        self.current().web_cluster.clone()
    }

    /// Loads the file again. A file with mistakes changes nothing but the metric that says so.
    pub async fn reload(&self) -> anyhow::Result<()> {
        let _one = self.reloading.lock().await;
        let path = self.path.clone();
        let loaded = file::aside(&self.path, file::PATIENCE, move || load(&path)).await;
        let loaded = loaded.with_context(|| format!("cannot read {}", self.path.display())).flatten();
        self.settle(loaded)
    }

    /// Loads a text of the file that was just read.
    async fn reload_as(&self, text: String) -> anyhow::Result<()> {
        let _one = self.reloading.lock().await;
        self.current().text.clone_from(&text);
        let path = self.path.clone();
        let parsed = tokio::task::spawn_blocking(move || parse(&path, text)).await;
        self.settle(parsed.map_err(anyhow::Error::from).flatten())
    }

    fn settle(&self, loaded: anyhow::Result<(String, Config)>) -> anyhow::Result<()> {
        let result = loaded.and_then(|(text, config)| self.take(text, config));
        if let Err(error) = &result {
            self.refused(error);
        }
        result
    }

    /// Makes the checks of another configuration.
    fn take(&self, text: String, config: Config) -> anyhow::Result<()> {
        let mut current = self.current();
        // A file that is read while it is written looks like one that asks for less.
        anyhow::ensure!(
            current.web_cluster.is_none() || config.kubernetes.iter().any(|cluster| !cluster.web_audiences.is_empty()),
            "{} has no webAudiences any more, and anyone would be let in; restart the exporter if it shall be so",
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
        tracing::error!("{} is not loaded, the previous one stays: {error:#}", self.path.display());
    }

    /// Reloads whenever the content of the file changes, and tells when it is gone. Never ends.
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
                        // The mistakes are in the log and in the metric.
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

/// The text of a checklist.yaml and what it says.
pub fn load(path: &Path) -> anyhow::Result<(String, Config)> {
    parse(path, text(path)?)
}

fn parse(path: &Path, text: String) -> anyhow::Result<(String, Config)> {
    let config = Config::parse(&path.display().to_string(), &text)?;
    Ok((text, config))
}

/// The text of the file; a pipe or a folder is refused and not waited for.
fn text(path: &Path) -> anyhow::Result<String> {
    let cannot = || format!("cannot read {}", path.display());
    let content = file::read_now(path, MAX_BYTES).with_context(cannot)?;
    String::from_utf8(content.bytes).map_err(|_| anyhow::anyhow!("it is not UTF-8")).with_context(cannot)
}
