//! Reads checklist.yaml again: on SIGHUP, on POST /-/reload, and when its content has changed.

use crate::run::checks::Checks;
use crate::run::schedule::Schedule;
use crate::run::shard::Shard;
use crate::run::time::unix_now;
use crate::server::snapshot::Loaded;
use crate::server::web::tokens::Tokens;
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
    known: Mutex<Known>,
    /// What runs.
    pub schedule: Arc<Schedule>,
}

struct Known {
    /// The text that was last tried, good or not.
    text: String,
    config: Arc<Config>,
    checks: Checks,
    /// Who asks a cluster about tokens, if checklist.yaml names one.
    tokens: Option<Arc<Tokens>>,
}

impl Source {
    /// Loads the file for the first time.
    pub fn open(path: &Path, shard: Shard) -> anyhow::Result<Arc<Self>> {
        let (text, config) = load(path)?;
        let mut checks = Checks::continuous(shard);
        let jobs = checks.jobs(&config, &[]);
        let tokens = checks.tokens(&config, None);
        let loaded = Loaded { at: unix_now(), fingerprint: config.fingerprint(), shard, ..Loaded::default() };
        let schedule = Schedule::new(jobs, loaded);
        schedule.elect(checks.lease());
        let known = Mutex::new(Known { text, config: Arc::new(config), checks, tokens });
        Ok(Arc::new(Self { path: path.to_owned(), known, schedule }))
    }

    /// The present configuration.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.known().config)
    }

    /// Who knows about tokens; nothing when none is let in.
    pub fn tokens(&self) -> Option<Arc<Tokens>> {
        self.known().tokens.clone()
    }

    /// Loads the file again. A file with mistakes changes nothing but the metric that says so.
    pub fn reload(&self) -> anyhow::Result<()> {
        let mut known = self.known();
        let result = load(&self.path).and_then(|(text, config)| {
            // A file that is read while it is written looks like one that asks for less.
            anyhow::ensure!(
                known.tokens.is_none() || config.kubernetes.iter().any(|cluster| !cluster.web_audiences.is_empty()),
                "{} has no webAudiences any more, and anyone would be let in; restart the exporter if it shall be so",
                self.path.display()
            );
            let jobs = known.checks.jobs(&config, &self.schedule.jobs());
            let before = known.tokens.take();
            known.tokens = known.checks.tokens(&config, before);
            {
                let mut loaded = self.schedule.loaded();
                (loaded.at, loaded.successful, loaded.fingerprint) = (unix_now(), true, config.fingerprint());
            }
            tracing::info!(checks = jobs.len(), "loaded {}", self.path.display());
            self.schedule.elect(known.checks.lease());
            self.schedule.replace(jobs);
            (known.text, known.config) = (text, Arc::new(config));
            Ok(())
        });
        if let Err(error) = &result {
            self.schedule.loaded().successful = false;
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
            if text != self.known().text {
                self.known().text = text;
                // The mistakes are in the log and in the metric.
                let _ = self.reload();
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of a checklist.yaml and what it says.
pub fn load(path: &Path) -> anyhow::Result<(String, Config)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let config = Config::parse(&path.display().to_string(), &text)?;
    Ok((text, config))
}
