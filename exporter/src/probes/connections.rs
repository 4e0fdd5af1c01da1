//! Connections by state from `pg_stat_activity`, and how many there may be.

use crate::probe::{Failure, Probe};
use crate::sources::postgres::Database;
use checklist::Samples;
use checklist::signals::connections::{CONNECTIONS, LIMIT, OLDEST_TRANSACTION, SIGNAL};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The probe of the signal `connections`.
pub struct Connections(pub Arc<Database>);

impl Probe for Connections {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let mut samples = Samples::of(&SIGNAL);
            let mut oldest: BTreeMap<String, f64> = BTreeMap::new();
            for row in self.0.query(include_str!("connections.sql"), &[]).await? {
                let (database, state): (String, String) = (row.get(0), row.get(1));
                samples.set(&CONNECTIONS, [&database, &state], row.get::<_, i64>(2));
                if let Some(begun) = row.get::<_, Option<f64>>(3) {
                    let known = oldest.entry(state).or_insert(begun);
                    *known = known.min(begun);
                }
            }
            for (state, begun) in &oldest {
                samples.set(&OLDEST_TRANSACTION, [state], *begun);
            }
            for row in self.0.query(include_str!("connections_limit.sql"), &[]).await? {
                samples.set(&LIMIT, [], row.get::<_, i64>(0));
            }
            Ok(samples)
        }
        .boxed()
    }
}
