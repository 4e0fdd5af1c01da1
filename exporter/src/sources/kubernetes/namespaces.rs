//! Evidence about each configured namespace. Namespaces are judged separately: one that is deleted, misspelt or
//! forbidden counts as unseen and does not hide the others.

use super::{Cluster, Namespace, Watched, read};
use crate::probe::Failure;
use checklist::{Object, Reason, Samples};
use serde::Deserialize;

/// A Namespace object.
#[derive(Deserialize)]
struct Described {
    #[serde(default)]
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    phase: Option<String>,
}

impl Cluster {
    /// Records whether a run has seen a namespace. `judged` is the number of its examined objects, or the failure. If
    /// there are none, the namespace must at least hold a pod or a workload, unless the target says that it may be
    /// empty: a namespace without anything is probably misspelt.
    pub async fn conclude(
        &self,
        watched: &Watched,
        namespace: &Namespace,
        judged: Result<usize, Failure>,
        samples: &mut Samples,
    ) {
        let held = match judged {
            Ok(0) if !self.target.may_be_empty => has_pods(watched, namespace).await,
            judged => judged.map(|_| ()),
        };
        match held {
            Ok(()) => samples.saw(Object::Namespace, 1),
            Err(failure) => {
                if failure.reason == Reason::Auth {
                    self.refused().await;
                }
                let what = format!("namespace {}: {}", namespace.name, failure.message);
                samples.missed(Object::Namespace, failure.reason, what);
            }
        }
    }
}

/// Adds a note about the number of objects that `exclude:` leaves out, so that nobody takes them for judged.
pub fn left_out(object: Object, count: usize, namespace: &Namespace, samples: &mut Samples) {
    if count > 0 {
        let which = "excluded by exclude in checklist.yaml";
        samples.evidence.note(format!("{} in {} {which}", object.counted(count as u64), namespace.name));
    }
}

async fn has_pods(watched: &Watched, namespace: &Namespace) -> Result<(), Failure> {
    if !read(&namespace.pods).await?.objects.is_empty() {
        return Ok(());
    }
    for (_, workloads) in &namespace.workloads {
        // Only the check `pods` needs the right to read workloads. Other checks use it if they have it, to tell whether
        // the namespace is empty.
        if read(workloads).await.is_ok_and(|workloads| !workloads.objects.is_empty()) {
            return Ok(());
        }
    }
    // Between two runs, whose jobs may be deleted at their end, only the cron job is there.
    if read(&namespace.jobs).await.is_ok_and(|jobs| !jobs.objects.is_empty())
        || read(&namespace.cron_jobs).await.is_ok_and(|jobs| !jobs.objects.is_empty())
    {
        return Ok(());
    }
    let empty = "it contains no workloads and no pods; if that is intended, set mayBeEmpty: true in checklist.yaml";
    let what = gone(watched, &namespace.name).await.unwrap_or(empty);
    Err(Failure::new(Reason::NotFound, what))
}

/// Returns why a namespace has no objects: it does not exist, or is being deleted. Returns `None` for other namespaces,
/// and without the right to read namespaces.
pub async fn gone(watched: &Watched, namespace: &str) -> Option<&'static str> {
    let path = format!("/api/v1/namespaces/{namespace}");
    match watched.one::<Described>(&path, "application/json").await.ok()? {
        None => Some("the namespace does not exist"),
        Some(described) => {
            let phase = described.status.and_then(|status| status.phase);
            (phase.as_deref() == Some("Terminating")).then_some("the namespace is being deleted")
        }
    }
}
