//! What the records say about restoring a backup.

use crate::probe::{Failure, Probe};
use crate::records::{Act, Records};
use checklist::Samples;
use checklist::config::RecordPlace;
use checklist::signals::restore::{ANSWER, DURATION, LAST, PASSED, RECORDED, SIGNAL};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;

/// The probe of the signal `restore`.
pub struct Restore {
    /// The name of the backup.
    pub backup: String,
    /// Where its restores are recorded.
    pub place: RecordPlace,
}

impl Probe for Restore {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let records = Records::read(&self.place, Timestamp::now()).await?;
            let name = self.backup.as_str();
            let mut samples = Samples::of(&SIGNAL);
            let mut seen = false;
            for record in records.list.iter().rev() {
                let Act::Restored { backup, passed, seconds, answers, .. } = &record.act else { continue };
                if *backup != self.backup {
                    continue;
                }
                if !seen {
                    samples.set(&PASSED, [name], *passed);
                    for (stage, took) in seconds {
                        samples.set(&DURATION, [name, stage], *took);
                    }
                    for (check, answer) in answers {
                        samples.set(&ANSWER, [name, check], *answer);
                    }
                }
                seen = true;
                if *passed {
                    samples.set(&LAST, [name], record.at.as_duration().as_secs_f64());
                    break;
                }
            }
            samples.set(&RECORDED, [name], seen);
            Ok(samples)
        }
        .boxed()
    }
}
