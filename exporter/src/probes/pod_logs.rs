//! The signal `pod_logs`: counts audit lines in the logs of pods. Each run continues where the one before ended.

use crate::probe::{Failure, Probe, miss};
use crate::sources::kubernetes::Cluster;
use crate::sources::kubernetes::logs::{Lines, read_log};
use checklist::config::AuditLogs;
use checklist::signals::pod_logs::{LAST, LINES, SEEN};
use checklist::{Object, Reason, Samples};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How far back the first run reads a log. The written checklist looks at the last hour.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(1);

/// The probe of the signal `pod_logs`.
pub struct PodLogs {
    cluster: Arc<Cluster>,
    positions: Mutex<Vec<ReadPosition>>,
}

/// The state of one group of pods between runs.
#[derive(Default, Clone)]
struct ReadPosition {
    /// Number of audit lines so far.
    lines: u64,
    /// Time of the newest audit line.
    last: Option<Timestamp>,
    /// The time up to which each log was read, by `POD/CONTAINER`.
    read_to: BTreeMap<String, Timestamp>,
}

impl PodLogs {
    /// Creates the probe without contacting the cluster.
    pub fn new(cluster: Arc<Cluster>) -> Self {
        let positions = vec![ReadPosition::default(); cluster.target.audit_logs.len()];
        Self { cluster, positions: Mutex::new(positions) }
    }

    /// Reads the new lines of a group's logs. Returns the new state, which has only the logs of pods that still exist.
    async fn follow(
        &self,
        source: &AuditLogs,
        before: ReadPosition,
        samples: &mut Samples,
    ) -> Result<ReadPosition, Failure> {
        let watched = self.cluster.watched().await?;
        let mut after = ReadPosition { read_to: BTreeMap::new(), ..before };
        let pods = watched.running_pods(&source.namespace, &source.selector).await?;
        if pods.is_empty() {
            samples.evidence.note(format!("no pod {} runs in {}", source.selector, source.namespace));
        }
        for (pod, containers) in pods {
            // If no container is named, the API accepts only pods with one container. So every container is read by its
            // name.
            let named = source.container.as_deref().map(|name| vec![name]);
            for container in named.unwrap_or_else(|| containers.iter().map(|name| &**name).collect()) {
                let log = format!("{pod}/{container}");
                let since = before.read_to.get(&log).copied().unwrap_or_else(|| Timestamp::now() - LOOK_BACK);
                match read_log(&watched, source, &pod, Some(container), since).await {
                    Ok(Lines { matching, newest_match, read_to, future, is_cut }) => {
                        samples.saw(Object::Log, 1);
                        after.lines += matching;
                        after.last = after.last.max(newest_match);
                        if future > 0 {
                            let what = format!("log of {}/{log}: {future} lines are of the future", source.namespace);
                            samples.missed(Object::Log, Reason::Decode, what);
                        }
                        if is_cut {
                            let what = "it is so long that its rest is read by the next run";
                            samples.missed(
                                Object::Log,
                                Reason::Limit,
                                format!("log of {}/{log}: {what}", source.namespace),
                            );
                        }
                        after.read_to.insert(log, read_to);
                    }
                    Err(failure) => {
                        let what = format!("log of {}/{log}: {}", source.namespace, failure.message);
                        samples.missed(Object::Log, failure.reason, what);
                        // The next run continues at the same time.
                        after.read_to.insert(log, since);
                    }
                }
            }
        }
        Ok(after)
    }
}

/// Returns how many logs could not be read, or not as a whole.
fn missed(samples: &Samples) -> u64 {
    samples.evidence.unseen().filter(|unseen| unseen.object == Object::Log).map(|unseen| unseen.count).sum()
}

impl Probe for PodLogs {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            samples.saw(Object::Log, 0);
            let positions = || self.positions.lock().unwrap_or_else(PoisonError::into_inner);
            for (at, source) in self.cluster.target.audit_logs.iter().enumerate() {
                let before = positions()[at].clone();
                let missed_before = missed(&samples);
                let after = match self.follow(source, before, &mut samples).await {
                    Ok(after) => after,
                    Err(failure) => {
                        let place = format!("pods {} of {}", source.selector, source.namespace);
                        miss(&mut samples, Object::Log, failure.while_doing(place))?;
                        continue;
                    }
                };
                let labels = [&source.namespace, &source.selector];
                samples.put(&LINES, &labels, after.lines as f64);
                // What could not be read may hold audit lines. If there are no pods, there are none.
                let is_unknown = missed(&samples) > missed_before;
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
