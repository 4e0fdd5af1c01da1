//! Whether a configured namespace was judged. Each is judged by itself: one that is deleted, misspelt or forbidden hides
//! nothing of the others, and is part of what the run did not see.

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
                let what = format!("namespace {}: {}", namespace.name, failure.message);
                samples.missed(Object::Namespace, failure.reason, what);
            }
        }
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
    let path = format!("/api/v1/namespaces/{}", namespace.name);
    let what = match watched.one::<Described>(&path, "application/json").await {
        Ok(None) => "it does not exist",
        Ok(Some(Described { status: Some(Status { phase: Some(phase) }) })) if phase == "Terminating" => {
            "it is being deleted"
        }
        // Without the right to read the namespace there is only what the lists say, which were allowed and are empty.
        _ => "it holds no workload and no pod; say mayBeEmpty: true in checklist.yaml if that is intended",
    };
    Err(Failure::new(Reason::NotFound, what))
}
