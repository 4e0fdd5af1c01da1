//! The signal `alert_path`: results of the last synthetic alerts, read from the records of `verify-alerts`.

use crate::probe::{Failure, Probe};
use checklist::config::RecordPlace;
use checklist::signals::alert_path::{DURATION, LAST, PASSED, RECORDED};
use checklist::{Object, Samples};
use clients::records::{Act, Records};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;

/// The probe of the signal `alert_path`.
pub struct AlertPath {
    /// Name of the target in `alertmanagers:`.
    pub alertmanager: String,
    /// Storage of the records.
    pub place: RecordPlace,
}

impl Probe for AlertPath {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let records = Records::read(&self.place, Timestamp::now()).await?;
            let mut newest = Vec::new();
            for wanted in ["critical", "warning"] {
                let mine = records.list.iter().rev().filter_map(|record| match &record.act {
                    Act::Routed { alertmanager, level, passed, seconds, .. }
                        if *alertmanager == self.alertmanager && level == wanted =>
                    {
                        Some((record.at, *passed, *seconds))
                    }
                    _ => None,
                });
                let mine: Vec<_> = mine.collect();
                samples.saw(Object::Record, mine.len());
                newest.push(mine.first().map(|(at, ..)| *at));
                samples.set(&RECORDED, [wanted], !mine.is_empty());
                if let Some((_, passed, seconds)) = mine.first() {
                    samples.set(&PASSED, [wanted], *passed);
                    if let Some(seconds) = seconds {
                        samples.set(&DURATION, [wanted], *seconds);
                    }
                }
                if let Some((at, ..)) = mine.iter().find(|(_, passed, _)| *passed) {
                    samples.set(&LAST, [wanted], at.as_duration().as_secs_f64());
                }
            }
            records.report_unreadable(newest.into_iter().min().flatten(), &mut samples.evidence);
            Ok(samples)
        }
        .boxed()
    }
}
