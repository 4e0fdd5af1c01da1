//! The signal `backup`: age and size of the newest backup under a prefix, and whether its first bytes have the expected
//! format.

use crate::probe::{Failure, Probe};
use crate::run::time::unix_now;
use crate::sources::dump::{header_bytes, inspect};
use checklist::config::{Backup as Target, BackupFormat};
use checklist::signals::backup::{BYTES, EXPECTED_INTERVAL, FUTURE, HEADER_VALID, LAST, OBJECTS, PRESENT};
use checklist::{Object, Samples, Unit};
use clients::s3::{Bucket, Choice, Form, Found, Newest};
use futures::FutureExt;
use futures::future::BoxFuture;

/// Size in bytes up to which a backup may be what `gzip` or `zstd` makes of nothing, so that it is read whatever its
/// format is.
const PACKED_NOTHING: u64 = 100;

/// The probe of the signal `backup`.
pub struct Backup {
    target: Target,
    bucket: Bucket,
}

impl Backup {
    /// Creates the probe without contacting the bucket.
    pub fn new(target: Target) -> Self {
        Self { bucket: Bucket::new(target.place.clone()), target }
    }

    /// Reads the first bytes of the newest backup and checks them against its format. Returns `None` when every format
    /// is accepted, and `Some(Err)` with an explanation when the bytes do not match.
    async fn header(&self, newest: &Newest) -> Result<Option<Result<(), String>>, Failure> {
        if let Some(lacks) = &newest.lacks {
            return Ok(Some(Err(lacks.clone())));
        }
        let any = self.target.format == BackupFormat::Any;
        if any && !(1..=PACKED_NOTHING).contains(&newest.bytes) {
            return Ok(None);
        }
        // In pg_dump's directory format each data file is compressed by itself, and toc.dat, which is read here, is
        // not.
        let format = if newest.form == Form::DumpFolder { BackupFormat::PgDump } else { self.target.format };
        let header = self.bucket.beginning(newest, header_bytes(format)).await?;
        Ok(Some(inspect(format, &header).map(|_| ())).filter(|valid| valid.is_err() || !any))
    }
}

impl Probe for Backup {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let choice = Choice { matching: &self.target.matching, excluded: &self.target.excluded };
            let now = unix_now();
            let found = self.bucket.newest(choice, now).await?;
            let name = [self.target.name.as_str()];
            samples.evidence.saw(Object::Backup, found.count);
            samples.set(&PRESENT, name, found.count > 0);
            samples.set(&OBJECTS, name, found.count);
            samples.set(&FUTURE, name, found.future);
            samples.set(&EXPECTED_INTERVAL, name, self.target.every.as_secs_f64());
            add_notes(&found, now, &mut samples);
            if let Some(newest) = &found.newest {
                samples.set(&LAST, name, newest.modified);
                samples.set(&BYTES, name, newest.bytes);
                match self.header(newest).await {
                    Ok(None) => {}
                    Ok(Some(valid)) => {
                        samples.set(&HEADER_VALID, name, valid.is_ok());
                        if let Err(why) = valid {
                            samples.evidence.note(format!("{}: {why}", newest.name));
                        }
                    }
                    // Age and size come from the listing and stay valid even if the credentials do not allow to read
                    // the object.
                    Err(failure) => samples.missed(Object::Backup, failure.reason, failure.message),
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}

/// Adds notes for people about the newest backup and about the objects that were left out.
fn add_notes(found: &Found, now: f64, samples: &mut Samples) {
    let ago = |at: f64| Unit::Seconds.human((now - at).round());
    if let Some(newest) = &found.newest {
        let size = Unit::Bytes.human(newest.bytes as f64);
        let parts = match newest.parts.len() {
            0 => String::new(),
            1 => " in 1 part".to_owned(),
            many => format!(" in {many} parts"),
        };
        samples.evidence.note(format!("newest {}{parts}, {size}, {} old", newest.name, ago(newest.modified)));
    }
    if let Some(growing) = &found.growing {
        let since = ago(growing.modified);
        samples.evidence.note(format!("{} may still be uploaded, its newest object is {since} old", growing.name));
    }
    if let Some((name, at)) = &found.furthest {
        let ahead = Unit::Seconds.human((at - now).round());
        samples
            .evidence
            .note(format!("{} with a time in the future are ignored, such as {name}, {ahead} ahead", found.future));
    }
    if found.left_out > 0 {
        let ignored = match found.left_out {
            1 => "1 object with another name is ignored".to_owned(),
            many => format!("{many} objects with other names are ignored"),
        };
        samples.evidence.note(ignored);
    }
}
