//! How the hundred largest tables are read, from the statistics views.

use crate::probe::{Failure, Probe};
use crate::sources::postgres::Database;
use checklist::Samples;
use checklist::signals::seq_scans::{BYTES, INDEX_ROWS, INDEX_SCANS, LIVE_ROWS, SEQ_ROWS, SEQ_SCANS, SIGNAL};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

/// The probe of the signal `seq_scans`.
pub struct SeqScans(pub Arc<Database>);

impl Probe for SeqScans {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let mut samples = Samples::of(&SIGNAL);
            for row in self.0.query(include_str!("seq_scans.sql"), &[]).await? {
                let names: [String; 3] = [row.get(0), row.get(1), row.get(2)];
                let labels = [names[0].as_str(), names[1].as_str(), names[2].as_str()];
                let columns = [&SEQ_SCANS, &INDEX_SCANS, &SEQ_ROWS, &INDEX_ROWS, &LIVE_ROWS, &BYTES];
                for (at, metric) in columns.into_iter().enumerate() {
                    samples.set(metric, labels, row.get::<_, i64>(3 + at));
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}
