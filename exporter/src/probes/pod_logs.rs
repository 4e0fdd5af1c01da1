//! Audit lines in the logs of pods: each run reads on where the one before ended.

use crate::probe::{Failure, Probe};
use crate::sources::kubernetes::Cluster;
use crate::sources::kubernetes::logs::{Lines, read_log};
use checklist::config::AuditLogs;
use checklist::signals::pod_logs::{LAST, LINES, SEEN};
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
    positions: Mutex<Vec<ReadPosition>>,
}

/// What is remembered of one group of pods.
#[derive(Default, Clone)]
struct ReadPosition {
    lines: u64,
    last: Option<Timestamp>,
    /// How far each pod's log was read.
    read_to: BTreeMap<String, Timestamp>,
}

impl PodLogs {
    /// Nothing is contacted yet.
    pub fn new(cluster: Arc<Cluster>) -> Self {
        let positions = vec![ReadPosition::default(); cluster.target.audit_logs.len()];
        Self { cluster, positions: Mutex::new(positions) }
    }

    async fn follow(
        &self,
        source: &AuditLogs,
        before: ReadPosition,
        samples: &mut Samples,
    ) -> Result<ReadPosition, Failure> {
        let watched = self.cluster.watched().await?;
        let mut after = ReadPosition { read_to: BTreeMap::new(), ..before };
        for (pod, containers) in watched.running_pods(&source.namespace, &source.selector).await? {
            // Without a name the API chooses only where there is nothing to choose: then every container is read.
            let named = source.container.as_deref().map(|name| vec![name]);
            for container in named.unwrap_or_else(|| containers.iter().map(|name| &**name).collect()) {
                let log = format!("{pod}/{container}");
                let since = before.read_to.get(&log).copied().unwrap_or_else(|| Timestamp::now() - LOOK_BACK);
                match read_log(&watched, source, &pod, Some(container), since).await {
                    Ok(Some(Lines { matching, newest_match, read_to })) => {
                        samples.saw(Object::Log, 1);
                        after.lines += matching;
                        after.last = after.last.max(newest_match);
                        after.read_to.insert(log, read_to);
                    }
                    // A pod that went away meanwhile has no log.
                    Ok(None) => {}
                    Err(failure) => {
                        let what = format!("log of {}/{log}: {}", source.namespace, failure.message);
                        samples.missed(Object::Log, failure.reason, what);
                        // What was read of it before is not read again.
                        after.read_to.insert(log, since);
                    }
                }
            }
        }
        Ok(after)
    }
}

/// How many logs were read, and how many could not be.
fn logs(samples: &Samples) -> (u64, u64) {
    let read = samples.evidence.seen().filter(|(object, _)| *object == Object::Log).map(|(_, count)| count);
    let missed = samples.evidence.unseen().filter(|unseen| unseen.object == Object::Log).map(|unseen| unseen.count);
    (read.sum(), missed.sum())
}

impl Probe for PodLogs {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            samples.saw(Object::Log, 0);
            let positions = || self.positions.lock().unwrap_or_else(PoisonError::into_inner);
            for (at, source) in self.cluster.target.audit_logs.iter().enumerate() {
                let before = positions()[at].clone();
                let (read, missed) = logs(&samples);
                let after = match self.follow(source, before, &mut samples).await {
                    Ok(after) => after,
                    // The others would fare no better.
                    Err(failure) if failure.reason.is_of_the_way() => return Err(failure),
                    // Pods that may not be listed hide no log of the others.
                    Err(failure) => {
                        let what = format!("pods {} of {}: {}", source.selector, source.namespace, failure.message);
                        samples.missed(Object::Log, failure.reason, what);
                        continue;
                    }
                };
                let labels = [&source.namespace, &source.selector];
                samples.put(&LINES, &labels, after.lines as f64);
                // In logs that could not be read there may be lines all the same. Without pods there are none.
                let (now_read, now_missed) = logs(&samples);
                let is_unknown = now_read == read && now_missed > missed;
                if after.last.is_some() || !is_unknown {
                    samples.put(&SEEN, &labels, f64::from(u8::from(after.last.is_some())));
                }
                if let Some(last) = after.last {
                    samples.put(&LAST, &labels, last.as_duration().as_secs_f64());
                }
                positions()[at] = after;
            }
            Ok(samples)
        }
        .boxed()
    }
}
