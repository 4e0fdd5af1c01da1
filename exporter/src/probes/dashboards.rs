//! The signal `dashboards`: whether Prometheus has series of every metric that the generated rules and dashboards read.

use crate::probe::{Failure, Probe};
use crate::sources::prometheus::ask;
use checklist::config::Prometheus;
use checklist::signals::dashboards::MISSING;
use checklist::{Object, Reason, Samples};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeSet;

/// Maximum size of a response in bytes, enough for the names of some hundred metrics.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// Path and query that ask for the names of all metrics which match `{__name__=~"checklist[_:].+"}`.
const QUERY: &str = "/api/v1/label/__name__/values?match[]=%7B__name__%3D~%22checklist%5B_%3A%5D.%2B%22%7D";

/// The probe of the signal `dashboards`.
pub struct Dashboards {
    pub server: Prometheus,
    /// Names of the metrics that must have series.
    pub metrics: Vec<&'static str>,
}

impl Probe for Dashboards {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            // The last ten minutes are long enough to bridge a restart of the exporter, and short enough that renamed
            // metrics are no longer found.
            let now = jiff::Timestamp::now().as_second();
            let path = format!("{QUERY}&start={}&end={now}", now - 600);
            // Programs in Go write an empty list as null.
            let names = ask::<Option<BTreeSet<String>>>(&self.server.endpoint, &path, MAX_BODY).await?;
            let known = names.data.unwrap_or_default();
            for metric in &self.metrics {
                let is_there = known.contains(*metric);
                match &names.partial {
                    // In what the server could not read may be the others.
                    Some(partial) if !is_there => samples.missed(Object::Metric, Reason::Protocol, partial.clone()),
                    _ => {
                        samples.saw(Object::Metric, 1);
                        samples.set(&MISSING, [metric], !is_there);
                    }
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}
