//! A snapshot of the exposition, in every format and compression that clients ask for.
//!
//! A scrape gets a prepared body: the combinations of format and compression that were requested within the last
//! minutes are written when the snapshot is made. Another combination is written by the first request for it, from the
//! same states.

use super::collector::States;
use super::format::{Accepted, Encoding, Format};
use arc_swap::ArcSwap;
use bytes::Bytes;
use checklist::Reason;
use clients::Failure;
use prometheus_client::encoding::{prometheus_protobuf, prometheus_text, text};
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long a combination of format and compression is prepared after its last request. Prometheus usually scrapes at
/// least once a minute, while people look once and leave.
const REQUESTED_WITHIN: Duration = Duration::from_mins(5);

/// The states of one moment, with the bodies that were made from them.
#[derive(Debug)]
pub struct Snapshot {
    registry: Registry,
    bodies: BTreeMap<(Format, Encoding), OnceLock<Bytes>>,
}

impl Snapshot {
    /// Creates a snapshot of the states; no body is written yet.
    pub fn of(states: States) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(states));
        let formats = [Format::Text, Format::OpenMetrics, Format::Protobuf];
        let encodings = [Encoding::Identity, Encoding::Gzip, Encoding::Zstd];
        let all = formats.into_iter().flat_map(|format| encodings.map(|encoding| (format, encoding)));
        Self { registry, bodies: all.map(|key| (key, OnceLock::new())).collect() }
    }

    /// Returns the body in a format and a compression, and writes it if it does not exist yet.
    ///
    /// # Errors
    /// Fails when prometheus-client refuses to write the body, which is a bug of this program.
    pub fn body(&self, format: Format, encoding: Encoding) -> Result<Bytes, Failure> {
        let Some(cell) = self.bodies.get(&(format, encoding)) else { return self.plain(format) };
        if let Some(body) = cell.get() {
            return Ok(body.clone());
        }
        let body = match encoding {
            Encoding::Identity => self.plain(format)?,
            _ => compress(&self.body(format, Encoding::Identity)?, encoding).map_err(|error| failure(&error))?,
        };
        Ok(cell.get_or_init(|| body).clone())
    }

    fn plain(&self, format: Format) -> Result<Bytes, Failure> {
        let mut written = String::new();
        match format {
            Format::Text => prometheus_text::encode(&mut written, &self.registry).map_err(|error| failure(&error))?,
            Format::OpenMetrics => text::encode(&mut written, &self.registry).map_err(|error| failure(&error))?,
            Format::Protobuf => {
                let bytes = prometheus_protobuf::encode_to_vec(&self.registry).map_err(|error| failure(&error))?;
                return Ok(bytes.into());
            }
        }
        Ok(written.into())
    }
}

fn compress(plain: &[u8], encoding: Encoding) -> std::io::Result<Bytes> {
    match encoding {
        Encoding::Identity => Ok(Bytes::copy_from_slice(plain)),
        Encoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(plain)?;
            Ok(encoder.finish()?.into())
        }
        Encoding::Zstd => Ok(zstd::bulk::compress(plain, 1)?.into()),
    }
}

fn failure(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Reason::Panic, format!("cannot encode the metrics; this is a bug, please report it: {error}"))
}

/// The latest snapshot. Scrapes load it, the publisher replaces it.
#[derive(Debug)]
pub struct Latest {
    snapshot: ArcSwap<Snapshot>,
    /// The last request for each combination of format and compression.
    requested: Mutex<BTreeMap<(Format, Encoding), Instant>>,
}

impl Latest {
    /// Creates the first snapshot, from the states of checks that have not run.
    pub fn new(states: States) -> Self {
        Self { snapshot: ArcSwap::from_pointee(Snapshot::of(states)), requested: Mutex::default() }
    }

    /// Returns the body that a client accepts.
    ///
    /// # Errors
    /// Fails as [`Snapshot::body`] does.
    pub fn body(&self, accepted: &Accepted) -> Result<Bytes, Failure> {
        self.requested().insert((accepted.format, accepted.encoding), Instant::now());
        self.snapshot.load().body(accepted.format, accepted.encoding)
    }

    /// Replaces the snapshot. The bodies that clients ask for regularly are written before, so that no scrape waits for
    /// them.
    pub fn replace(&self, states: States) {
        let snapshot = Snapshot::of(states);
        self.requested().retain(|_, at| at.elapsed() < REQUESTED_WITHIN);
        let regular: Vec<(Format, Encoding)> = self.requested().keys().copied().collect();
        for (format, encoding) in regular {
            if let Err(failure) = snapshot.body(format, encoding) {
                tracing::error!("{}", failure.message);
            }
        }
        self.snapshot.store(Arc::new(snapshot));
    }

    fn requested(&self) -> MutexGuard<'_, BTreeMap<(Format, Encoding), Instant>> {
        self.requested.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
