//! Audit lines in the logs of pods: each run reads on where the one before ended.

use crate::probe::{Failure, Probe};
use crate::sources::kubernetes::Cluster;
use crate::sources::kubernetes::logs::{Lines, read_log};
use checklist::config::AuditLogs;
use checklist::signals::pod_logs::{LAST, LINES, SEEN, SIGNAL};
use checklist::{Object, Samples};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The checklist looks at the last hour.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(1);

/// The probe of the signal `pod_logs`.
pub struct PodLogs {
    cluster: Arc<Cluster>,
    known: Mutex<Vec<Known>>,
}

/// What is remembered of one group of pods.
#[derive(Default, Clone)]
struct Known {
    lines: u64,
    last: Option<Timestamp>,
    /// How far each pod's log was read.
    read_to: BTreeMap<String, Timestamp>,
}

impl PodLogs {
    /// Nothing is contacted yet.
    pub fn new(cluster: Arc<Cluster>) -> Self {
        let known = vec![Known::default(); cluster.target.audit_logs.len()];
        Self { cluster, known: Mutex::new(known) }
    }

    async fn follow(&self, source: &AuditLogs, before: Known) -> Result<Known, Failure> {
        let watched = self.cluster.watched().await?;
        let mut after = Known { read_to: BTreeMap::new(), ..before };
        for pod in watched.running_pods(&source.namespace, &source.selector).await? {
            let since = before.read_to.get(&pod).copied().unwrap_or_else(|| Timestamp::now() - LOOK_BACK);
            // A pod that went away meanwhile, or has not begun to write, has no log.
            let Some(Lines { matching, newest_match, read_to }) = read_log(watched, source, &pod, since).await? else {
                continue;
            };
            after.lines += matching;
            after.last = after.last.max(newest_match);
            after.read_to.insert(pod, read_to);
        }
        Ok(after)
    }
}

impl Probe for PodLogs {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let mut samples = SIGNAL.samples();
            let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
            for (at, source) in self.cluster.target.audit_logs.iter().enumerate() {
                let before = known()[at].clone();
                let after = self.follow(source, before).await?;
                let labels = [&source.namespace, &source.selector];
                samples.saw(Object::Log, after.read_to.len());
                samples.put(&LINES, &labels, after.lines as f64);
                samples.put(&SEEN, &labels, f64::from(u8::from(after.last.is_some())));
                if let Some(last) = after.last {
                    samples.put(&LAST, &labels, last.as_duration().as_secs_f64());
                }
                known()[at] = after;
            }
            Ok(samples)
        }
        .boxed()
    }
}
