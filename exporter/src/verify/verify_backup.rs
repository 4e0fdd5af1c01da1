//! `verify-backup`: the newest object is downloaded, unpacked, read, restored into a throw-away database, and asked.

mod database;
mod dump;
mod error;
mod sandbox;
mod sanity;
mod tools;

use anyhow::Context;
use checklist::Config;
use checklist::config::{Backup, RecordPlace, Restore};
use clients::records::{Act, Record, append};
use clients::s3::Bucket;
use dump::Kind;
use error::BackupFault;
use jiff::Timestamp;
use sandbox::Sandbox;
use std::collections::BTreeMap;
use std::time::Instant;

pub use error::NotProved;

/// What a restore showed.
#[derive(Debug, Default)]
pub struct Proof {
    /// Seconds by stage, as far as it came.
    pub seconds: BTreeMap<String, f64>,
    /// Numbers that the checks answered.
    pub answers: BTreeMap<String, f64>,
    /// Times that the checks answered, in Unix seconds.
    pub newest: BTreeMap<String, f64>,
}

/// Proves a backup and records the result, good, bad or unknown, unless it cannot even begin. When `stop` ends first
/// it says why. Everything temporary is gone when this returns.
pub async fn verify(
    config: &Config,
    backup: &Backup,
    place: &RecordPlace,
    most: u64,
    by: String,
    stop: impl Future<Output = &'static str>,
) -> anyhow::Result<(Proof, Result<(), NotProved>)> {
    let restore = backup.restore.as_ref().with_context(|| format!("backup {} has no section restore:", backup.name))?;
    let mut proof = Proof::default();
    let mut result = match Sandbox::open().await {
        Ok(mut sandbox) => {
            let result = tokio::select! {
                // The stop is polled first: a process that was suspended and continued does no further step.
                biased;
                why = stop => Err(NotProved::CannotTell(anyhow::anyhow!("ended by {why}"))),
                result = prove(config, backup, restore, most, &mut sandbox, &mut proof) => result,
            };
            let closed = sandbox.close().await;
            // A failed cleanup is an error, but does not hide the result.
            result.and(closed.map_err(NotProved::from))
        }
        Err(error) => Err(error.into()),
    };
    let act = Act::Restored {
        backup: backup.name.clone(),
        passed: result.is_ok(),
        unknown: matches!(result, Err(NotProved::CannotTell(_))),
        why: result.as_ref().err().map(ToString::to_string),
        seconds: proof.seconds.clone(),
        answers: proof.answers.clone(),
        newest: proof.newest.clone(),
    };
    if let Err(error) = append(place, &Record { at: Timestamp::now(), by, act }).await {
        let found = result.err().map(|why| format!("; what was found: {why}")).unwrap_or_default();
        result = Err(NotProved::CannotTell(error.context(format!("the result could not be recorded{found}"))));
    }
    Ok((proof, result))
}

async fn prove(
    config: &Config,
    backup: &Backup,
    restore: &Restore,
    most: u64,
    sandbox: &mut Sandbox,
    proof: &mut Proof,
) -> Result<(), NotProved> {
    let (object, file) = (sandbox.file("object"), sandbox.file("dump"));
    let mut stage = Stage { begun: Instant::now(), seconds: &mut proof.seconds };
    let bucket = Bucket::new(backup.place.clone());
    let newest = bucket.listing().await?.newest.context("there is no backup").bad_backup()?;
    bucket.download(&newest, &object, most).await?;
    stage.ends("download");
    dump::unpack(backup.format, &object, &file, most, &sandbox.stopped).await?;
    sandbox.tools.own(&file)?;
    stage.ends("decompress");
    let kind = dump::kind(&file).bad_backup()?;
    if kind == Kind::Archive {
        dump::contents(&sandbox.tools, &file).await?;
    }
    stage.ends("contents");
    match &restore.server {
        Some(server) => sandbox.borrow(server, &config.postgres).await?,
        None => sandbox.start().await?,
    }
    stage.ends("start");
    let database = sandbox.database.as_ref().context("there is no database to restore into")?;
    database.restore(&sandbox.tools, kind, &file).await?;
    stage.ends("restore");
    let asked = sanity::ask(&sandbox.tools, database, &restore.checks, &mut proof.answers, &mut proof.newest).await;
    stage.ends("checks");
    asked
}

struct Stage<'a> {
    begun: Instant,
    seconds: &'a mut BTreeMap<String, f64>,
}

impl Stage<'_> {
    fn ends(&mut self, name: &str) {
        let took = (self.begun.elapsed().as_secs_f64() * 1e3).round() / 1e3;
        self.seconds.insert(name.to_owned(), took);
        tracing::info!(seconds = took, "{name}");
        self.begun = Instant::now();
    }
}
