//! Jobs: how the last run of each ended, also when its pods are gone.

use crate::sources::kubernetes::cached::Metadata;
use crate::sources::null::or_empty;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The controller that makes the pods of a job, unless `managedBy` names another one, whose status means other things.
const CONTROLLER: &str = "kubernetes.io/job-controller";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Job {
    pub(super) metadata: Metadata,
    #[serde(deserialize_with = "or_empty")]
    spec: JobSpec,
    #[serde(deserialize_with = "or_empty")]
    status: JobStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct JobSpec {
    suspend: Option<bool>,
    parallelism: Option<u32>,
    managed_by: Option<Box<str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct JobStatus {
    /// Time in RFC 3339.
    start_time: Option<Box<str>>,
    #[serde(deserialize_with = "or_empty")]
    active: u32,
    #[serde(deserialize_with = "or_empty")]
    conditions: Vec<JobCondition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct JobCondition {
    #[serde(rename = "type")]
    kind: Box<str>,
    status: Box<str>,
    reason: Option<Box<str>>,
}

impl Job {
    /// Returns the name of the cron job that made the job, if one did.
    pub fn cron_job(&self) -> Option<&str> {
        let owners = &self.metadata.owner_references;
        let owner = owners.iter().find(|owner| owner.controller && &*owner.kind == "CronJob");
        owner.map(|owner| &*owner.name)
    }

    /// Returns the name of the cron job that made the job, else its own.
    pub fn workload<'a>(&'a self, name: &'a str) -> &'a str {
        self.cron_job().unwrap_or(name)
    }

    /// Returns the time of creation in Unix seconds.
    pub fn created(&self) -> i64 {
        self.metadata.created()
    }

    fn condition(&self, kind: &str) -> Option<&JobCondition> {
        self.status.conditions.iter().find(|condition| &*condition.kind == kind && &*condition.status == "True")
    }

    /// Returns why the job failed, if it did.
    pub fn failed(&self) -> Option<&str> {
        Some(self.condition("Failed")?.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or("Failed"))
    }

    /// Whether the job will make no more pods: it failed or is complete.
    pub fn has_ended(&self) -> bool {
        self.failed().is_some() || self.condition("Complete").is_some()
    }

    /// Returns since when (Unix seconds) the job should have a pod. `None` while it has one, and if it needs none.
    pub fn without_pods_since(&self) -> Option<i64> {
        let paused = self.spec.suspend == Some(true) || self.spec.parallelism == Some(0);
        let ours = self.spec.managed_by.as_deref().is_none_or(|by| by == CONTROLLER);
        if paused || !ours || self.status.active > 0 || self.has_ended() {
            return None;
        }
        // A controller that has seen the job writes when it started it.
        let started = self.status.start_time.as_deref().and_then(|at| at.parse::<jiff::Timestamp>().ok());
        Some(started.map_or(self.created(), jiff::Timestamp::as_second))
    }
}

/// Returns for each cron job, and each job of its own, the newest run that has ended.
pub fn newest_ended<'a>(jobs: impl Iterator<Item = (&'a str, &'a Job)>) -> BTreeMap<&'a str, (&'a str, &'a Job)> {
    let mut newest: BTreeMap<&str, (&str, &Job)> = BTreeMap::new();
    for (name, job) in jobs.filter(|(_, job)| job.has_ended()) {
        let known = newest.entry(job.workload(name)).or_insert((name, job));
        if job.created() >= known.1.created() {
            *known = (name, job);
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn job(created: &str, owner: Option<&str>, spec: &Value, status: &Value) -> anyhow::Result<Job> {
        let owners = owner.map(|name| json!([{"kind": "CronJob", "name": name, "controller": true}]));
        let metadata = json!({"creationTimestamp": created, "ownerReferences": owners});
        Ok(serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status}))?)
    }

    #[test]
    fn the_newest_run_that_has_ended_is_judged_and_a_running_one_is_not() -> anyhow::Result<()> {
        let ended =
            |kind: &str, reason: &str| json!({"conditions": [{"type": kind, "status": "True", "reason": reason}]});
        let (failed, complete) = (ended("Failed", "DeadlineExceeded"), ended("Complete", ""));
        let none = Value::Null;
        let jobs = [
            ("nightly-1", job("2026-01-01T01:00:00Z", Some("nightly"), &none, &complete)?),
            ("nightly-2", job("2026-01-02T01:00:00Z", Some("nightly"), &none, &failed)?),
            ("nightly-3", job("2026-01-03T01:00:00Z", Some("nightly"), &none, &json!({"active": 1}))?),
            ("healed-1", job("2026-01-01T01:00:00Z", Some("healed"), &none, &failed)?),
            ("by-hand", job("2026-01-02T01:00:00Z", Some("healed"), &none, &complete)?),
            ("migrate", job("2026-01-02T01:00:00Z", None, &none, &ended("Failed", ""))?),
            // It will fail when its pods have ended.
            ("failing", job("2026-01-02T01:00:00Z", None, &none, &ended("FailureTarget", "x"))?),
        ];
        let newest = newest_ended(jobs.iter().map(|(name, job)| (*name, job)));
        let reasons: Vec<_> = newest.iter().map(|(workload, (_, job))| (*workload, job.failed())).collect();
        assert_eq!(reasons, [("healed", None), ("migrate", Some("Failed")), ("nightly", Some("DeadlineExceeded"))]);
        Ok(())
    }

    #[test]
    fn only_a_job_that_should_run_and_has_no_pod_waits_for_one() -> anyhow::Result<()> {
        let started = |more: Value| {
            let mut status = json!({"startTime": "2026-01-01T00:00:00Z"});
            status
                .as_object_mut()
                .into_iter()
                .for_each(|status| status.extend(more.as_object().cloned().unwrap_or_default()));
            status
        };
        for (spec, status, waits) in [
            (json!({"parallelism": 1}), started(json!({"ready": 0})), true),
            (json!({"parallelism": 1, "managedBy": CONTROLLER}), started(json!({"active": null})), true),
            (json!({"parallelism": 1}), started(json!({"active": 1})), false),
            (json!({"parallelism": 0}), started(json!({})), false),
            (json!({"suspend": true}), started(json!({})), false),
            (json!({"managedBy": "kueue.x-k8s.io/multikueue"}), started(json!({})), false),
            // Its controller has not seen it.
            (json!({}), json!({}), true),
            (json!({"completions": 1}), Value::Null, true),
            (json!({}), json!({"startTime": "soon"}), true),
            (json!({"suspend": true}), json!({}), false),
            (json!({}), started(json!({"conditions": [{"type": "Complete", "status": "True"}]})), false),
        ] {
            let job = job("2026-01-01T00:00:00Z", None, &spec, &status)?;
            assert_eq!(job.without_pods_since(), waits.then_some(1_767_225_600), "{spec} {status}");
        }
        Ok(())
    }
}
