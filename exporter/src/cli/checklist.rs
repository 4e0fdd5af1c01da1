//! The argument `--config`, and what commands read from the file.

use crate::run::reload::load;
use anyhow::Context;
use checklist::Config;
use checklist::config::Tasks;
use clap::Args;
use std::path::PathBuf;

/// Where the checklist is.
#[derive(Debug, Args)]
pub struct Checklist {
    /// The checklist.
    #[arg(long, global = true, env = "CHECKLIST_CONFIG", default_value = "checklist.yaml", value_name = "FILE")]
    pub config: PathBuf,
}

impl Checklist {
    /// The whole configuration.
    ///
    /// # Errors
    /// Every mistake in the file.
    pub fn load(&self) -> anyhow::Result<Config> {
        Ok(load(&self.config)?.1)
    }

    /// Its section `tasks:`.
    ///
    /// # Errors
    /// Also when there is none.
    pub fn tasks(&self) -> anyhow::Result<Tasks> {
        self.load()?.watched.tasks.with_context(|| format!("{} has no section tasks:", self.config.display()))
    }
}
