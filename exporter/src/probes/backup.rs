//! The newest object of a backup, and whether it starts as a dump does.

use crate::probe::{Failure, Probe};
use checklist::Samples;
use checklist::config::{Backup as Target, BackupFormat};
use checklist::signals::backup::{BYTES, EXPECTED_INTERVAL, HEADER_VALID, LAST, OBJECTS, PRESENT, SIGNAL};
use clients::s3::Bucket;
use flate2::read::GzDecoder;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::io::Read;

/// Enough for a gzip header with a file name and the first bytes inside.
const HEADER_BYTES: u64 = 4096;

/// The probe of the signal `backup`.
pub struct Backup {
    target: Target,
    bucket: Bucket,
}

impl Backup {
    /// Nothing is contacted yet.
    pub fn new(target: Target) -> Self {
        Self { bucket: Bucket::new(target.place.clone()), target }
    }
}

impl Probe for Backup {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let listing = self.bucket.listing().await?;
            let name = [self.target.name.as_str()];
            let mut samples = SIGNAL.samples();
            samples.set(&PRESENT, name, listing.newest.is_some());
            samples.set(&OBJECTS, name, listing.objects);
            samples.set(&EXPECTED_INTERVAL, name, self.target.every.as_secs_f64());
            if let Some(newest) = &listing.newest {
                samples.set(&LAST, name, newest.modified);
                samples.set(&BYTES, name, newest.bytes);
                if self.target.format != BackupFormat::Any {
                    let header = self.bucket.header(newest, HEADER_BYTES).await?;
                    samples.set(&HEADER_VALID, name, starts_as(self.target.format, &header));
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}

/// Magic numbers: `pg_dump` custom format, RFC 1952 (gzip), RFC 8878 (Zstandard).
fn starts_as(format: BackupFormat, header: &[u8]) -> bool {
    match format {
        BackupFormat::Any => true,
        BackupFormat::PgDump => header.starts_with(b"PGDMP"),
        BackupFormat::Gzip => header.starts_with(&[0x1f, 0x8b]),
        BackupFormat::Zstd => header.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]),
        BackupFormat::PgDumpGzip => {
            let mut inside = [0; 5];
            GzDecoder::new(header).read_exact(&mut inside).is_ok() && inside == *b"PGDMP"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_dump_is_told_from_an_error_message_also_within_gzip() {
        let gzipped = |content: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(content).and_then(|()| encoder.finish()).unwrap_or_default()
        };
        assert!(starts_as(BackupFormat::PgDump, b"PGDMP\x01\x0e"));
        assert!(!starts_as(BackupFormat::PgDump, b"pg_dump: error: connection failed"));
        assert!(starts_as(BackupFormat::PgDumpGzip, &gzipped(b"PGDMP\x01\x0e")));
        assert!(!starts_as(BackupFormat::PgDumpGzip, &gzipped(b"")));
        assert!(!starts_as(BackupFormat::Zstd, b""));
    }
}
