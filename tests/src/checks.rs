//! The checks of a checklist.yaml, made in the process of a test.

use checklist::Config;
use exporter::run::checks::Checks;
use exporter::run::job::Job;
use std::sync::Arc;

/// All of them.
pub fn jobs(yaml: &str) -> anyhow::Result<Vec<Arc<Job>>> {
    let config = Config::parse("checklist.yaml", yaml).map_err(|mistakes| anyhow::anyhow!("{mistakes}\n{yaml}"))?;
    Ok(Checks::default().jobs(&config, &[]))
}

/// One of them, by its id.
pub fn job(yaml: &str, check: &str) -> anyhow::Result<Arc<Job>> {
    let mut jobs = jobs(yaml)?;
    jobs.retain(|job| job.state().check.signal.id == check);
    jobs.pop().ok_or_else(|| anyhow::anyhow!("no check {check}\n{yaml}"))
}
