//! Runs the checks of a checklist.yaml within the process of a test.

use checklist::Config;
use exporter::run::checks::Checks;
use exporter::run::job::Job;
use std::sync::Arc;

/// Returns the jobs of all checks.
pub fn jobs(yaml: &str) -> anyhow::Result<Vec<Arc<Job>>> {
    let config = Config::parse("checklist.yaml", yaml).map_err(|mistakes| anyhow::anyhow!("{mistakes}\n{yaml}"))?;
    Ok(Checks::default().jobs(&config, &[]))
}

/// Returns the job of the check with an id.
pub fn job(yaml: &str, check: &str) -> anyhow::Result<Arc<Job>> {
    let mut jobs = jobs(yaml)?;
    jobs.retain(|job| job.state().check.signal.id == check);
    jobs.pop().ok_or_else(|| anyhow::anyhow!("no check {check}\n{yaml}"))
}
