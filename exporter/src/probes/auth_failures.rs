//! Failed authentications in the application's audit log.

use crate::probe::{Failure, Probe};
use crate::sources::postgres::Database;
use checklist::Samples;
use checklist::signals::auth_failures::{FAILURES, SIGNAL};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

/// The probe of the signal `auth_failures`.
pub struct AuthFailures(pub Arc<Database>);

impl Probe for AuthFailures {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let mut samples = Samples::of(&SIGNAL);
            for row in self.0.query(include_str!("auth_failures.sql"), &[]).await? {
                for (at, window) in ["1h", "24h", "7d"].into_iter().enumerate() {
                    samples.set(&FAILURES, [window], row.get::<_, i64>(at));
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}
