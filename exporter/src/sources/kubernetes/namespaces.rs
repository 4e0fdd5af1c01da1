//! Whether a configured namespace was judged. Each is judged by itself: one that is deleted, misspelt or forbidden hides
//! nothing of the others, and counts as unseen.

use super::{Cluster, Namespace, Watched, read};
use crate::probe::Failure;
use checklist::{Object, Reason, Samples};
use serde::Deserialize;

/// What the API says about a namespace itself.
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
    /// Takes down what a run saw of a namespace: `judged` is how many objects of it, or why it could not look. A
    /// namespace without any of them must hold a pod or a workload, unless the target says that it may be empty.
    pub async fn conclude(
        &self,
        watched: &Watched,
        namespace: &Namespace,
        judged: Result<usize, Failure>,
        samples: &mut Samples,
    ) {
        let held = match judged {
            Ok(0) if !self.target.may_be_empty => holds_pods(watched, namespace).await,
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

/// Says how many objects of a namespace `exclude:` leaves out, so that nobody takes them for judged.
pub fn left_out(object: Object, count: usize, namespace: &Namespace, samples: &mut Samples) {
    if count > 0 {
        let which = "left out by exclude in checklist.yaml";
        samples.evidence.note(format!("{} in {} {which}", object.counted(count as u64), namespace.name));
    }
}

async fn holds_pods(watched: &Watched, namespace: &Namespace) -> Result<(), Failure> {
    if !read(&namespace.pods).await?.objects.is_empty() {
        return Ok(());
    }
    for (_, workloads) in &namespace.workloads {
        // Only the check of the pods has this right; the others need it only to tell an empty namespace apart.
        if read(workloads).await.is_ok_and(|workloads| !workloads.objects.is_empty()) {
            return Ok(());
        }
    }
    let empty = "it holds no workload and no pod; say mayBeEmpty: true in checklist.yaml if that is intended";
    let what = gone(watched, &namespace.name).await.unwrap_or(empty);
    Err(Failure::new(Reason::NotFound, what))
}

/// What the API says of a namespace that is not there to stay. Without the right to read it, nothing is said.
pub async fn gone(watched: &Watched, namespace: &str) -> Option<&'static str> {
    let path = format!("/api/v1/namespaces/{namespace}");
    match watched.one::<Described>(&path, "application/json").await.ok()? {
        None => Some("it does not exist"),
        Some(described) => {
            let phase = described.status.and_then(|status| status.phase);
            (phase.as_deref() == Some("Terminating")).then_some("it is being deleted")
        }
    }
}
