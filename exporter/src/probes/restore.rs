//! The signal `restore`: results of the last restore tests of a backup, read from the records of `verify-backup`.

use crate::probe::{Failure, Probe};
use checklist::config::RecordPlace;
use checklist::signals::restore::{ANSWER, CONCLUSIVE, DURATION, LAST, NEWEST, PASSED, RECORDED};
use checklist::{Object, Samples};
use clients::records::{Act, Records};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;

/// The probe of the signal `restore`.
pub struct Restore {
    /// Name of the target in `backups:`.
    pub backup: String,
    /// Storage of the records.
    pub place: RecordPlace,
}

impl Probe for Restore {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let records = Records::read(&self.place, Timestamp::now()).await?;
            let name = self.backup.as_str();
            let mine = records.list.iter().rev().filter_map(|record| match &record.act {
                Act::Restored { backup, .. } if *backup == self.backup => Some((record.at, &record.act)),
                _ => None,
            });
            let mine: Vec<_> = mine.collect();
            samples.saw(Object::Record, mine.len());
            records.report_unreadable(mine.first().map(|(at, _)| *at), &mut samples.evidence);
            samples.set(&RECORDED, [name], !mine.is_empty());
            let known = |act: &Act| matches!(act, Act::Restored { unknown: false, .. });
            if let Some((_, act)) = mine.first() {
                samples.set(&CONCLUSIVE, [name], known(act));
            }
            // A restore test that ended without a result changes nothing about what the one before found.
            let last = mine.iter().find(|(_, act)| known(act));
            if let Some((_, Act::Restored { passed, seconds, answers, newest, .. })) = last {
                samples.set(&PASSED, [name], *passed);
                for (stage, took) in seconds {
                    samples.set(&DURATION, [name, stage], *took);
                }
                for (check, value) in answers {
                    samples.set(&ANSWER, [name, check], *value);
                }
                for (check, time) in newest {
                    samples.set(&NEWEST, [name, check], *time);
                }
            }
            if let Some((at, _)) = mine.iter().find(|(_, act)| matches!(act, Act::Restored { passed: true, .. })) {
                samples.set(&LAST, [name], at.as_duration().as_secs_f64());
            }
            Ok(samples)
        }
        .boxed()
    }
}
