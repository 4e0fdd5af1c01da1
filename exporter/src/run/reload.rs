//! Reads checklist.yaml again: on SIGHUP, on POST /-/reload, and when its content has changed.

use crate::run::checks::Checks;
use crate::run::schedule::Schedule;
use crate::run::shard::Shard;
use crate::run::status::ProcessStatus;
use crate::run::time::unix_now;
use crate::sources::kubernetes::Cluster;
use anyhow::Context;
use checklist::Config;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often the file is looked at. Reading it, and not its time, sees the swapped link of a mounted `ConfigMap` too.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The configuration file and what was made of it.
pub struct Source {
    path: PathBuf,
    current: Mutex<Current>,
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
        Ok(Arc::new(Self { path: path.to_owned(), current, schedule }))
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
    pub fn reload(&self) -> anyhow::Result<()> {
        let mut current = self.current();
        let result = load(&self.path).and_then(|(text, config)| {
            // A file that is read while it is written looks like one that asks for less.
            anyhow::ensure!(
                current.web_cluster.is_none()
                    || config.kubernetes.iter().any(|cluster| !cluster.web_audiences.is_empty()),
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
        });
        if let Err(error) = &result {
            self.schedule.status_mut().successful = false;
            self.schedule.refresh();
            tracing::error!("{} is not loaded, the previous one stays: {error:#}", self.path.display());
        }
        result
    }

    /// Reloads whenever the content of the file changes. Never ends.
    pub async fn follow(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            // A file that is away for a moment is being replaced.
            let Ok(text) = tokio::fs::read_to_string(&self.path).await else { continue };
            if text != self.current().text {
                self.current().text = text;
                // The mistakes are in the log and in the metric.
                let _ = self.reload();
            }
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of a checklist.yaml and what it says.
pub fn load(path: &Path) -> anyhow::Result<(String, Config)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let config = Config::parse(&path.display().to_string(), &text)?;
    Ok((text, config))
}
