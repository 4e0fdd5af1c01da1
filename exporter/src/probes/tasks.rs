//! The signals `tasks` and `override`, both read from the records: due times of human tasks, and whether an emergency
//! override is active.

use crate::probe::{Failure, Probe};
use checklist::config::Tasks as Target;
use checklist::signals::r#override as emergency;
use checklist::signals::tasks::{DUE, LAST_DONE, OVERDUE, REJECTED, SKIPPED};
use checklist::{Object, Samples};
use clients::records::{Act, LONGEST_OVERRIDE, Record, Records};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The probe of the signal `tasks`.
pub struct Tasks(pub Target);

impl Probe for Tasks {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let target = &self.0;
            let now = Timestamp::now();
            let records = Records::read(&target.place, now).await?;
            samples.saw(Object::Task, target.list.len());
            samples.set(&REJECTED, [], records.rejected);
            // Each of them may be the record of a completed task.
            records.report_unreadable(None, &mut samples.evidence);
            let known = |id: &&str| target.list.iter().any(|task| task.id == **id);
            let unknown: BTreeSet<&str> =
                records.list.iter().filter_map(Record::task).filter(|id| !known(id)).collect();
            if !unknown.is_empty() {
                let names = unknown.into_iter().take(5).collect::<Vec<_>>().join(", ");
                samples.evidence.note(format!("records of tasks that checklist.yaml does not have: {names}"));
            }
            for task in &target.list {
                let labels = [task.id.as_str(), task.cadence.as_str()];
                let skipped = |act: &Act| matches!(act, Act::Skipped { .. });
                let last = records.last_of_task(&task.id);
                samples.set(&SKIPPED, labels, last.is_some_and(|record| skipped(&record.act)));
                let done =
                    records.list.iter().rev().find(|r| matches!(&r.act, Act::Done { task: id, .. } if *id == task.id));
                if let Some(done) = done {
                    samples.set(&LAST_DONE, labels, done.at.as_duration().as_secs_f64());
                }
                if let Some(occurrence) = task.occurrence(now, &records.of_task(&task.id), target.since, &target.zone) {
                    samples.set(&DUE, labels, occurrence.due.as_duration().as_secs_f64());
                    samples.set(&OVERDUE, labels, occurrence.overdue.as_duration().as_secs_f64());
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}

/// The probe of the signal `override`.
pub struct Override(pub Target);

impl Probe for Override {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let now = Timestamp::now();
            let records = Records::read(&self.0.place, now).await?;
            samples.saw(Object::Record, records.list.len());
            // What could not be read before such a record cannot be an active override.
            let settles = |record: &&Record| {
                let is_about_it = matches!(record.act, Act::Override { .. } | Act::OverrideEnded);
                is_about_it || record.at < now - LONGEST_OVERRIDE
            };
            let newest = records.list.iter().rev().find(settles).map(|record| record.at);
            records.report_unreadable(newest, &mut samples.evidence);
            let held = records.override_at(now);
            samples.set(&emergency::ACTIVE, [], held.is_some());
            if let Some((since, record)) = held {
                samples.set(&emergency::SINCE, [], since.as_duration().as_secs_f64());
                if let Act::Override { until, .. } = &record.act {
                    samples.set(&emergency::UNTIL, [], until.as_duration().as_secs_f64());
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}
