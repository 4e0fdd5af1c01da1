//! `verify-backup`: downloads the newest backup, decompresses it, reads it, restores it into a temporary database, and
//! runs the configured queries there.

mod database;
mod dump;
mod error;
mod reach;
mod restore;
mod sandbox;
mod sanity;
mod session;
mod sieve;
mod source;
mod statements;
mod tools;

use crate::run::time::unix_now;
use anyhow::{Context, anyhow};
use checklist::Config;
use checklist::config::{Backup, RecordPlace, Restore};
use clients::records::{Act, Record, append};
use clients::s3::{Bucket, Choice, Form};
use dump::Dump;
use error::BackupFault;
use jiff::Timestamp;
use sandbox::Sandbox;
use std::collections::BTreeMap;
use std::time::Instant;

pub use error::NotProved;

/// The result of a restore.
#[derive(Debug, Default)]
pub struct Proof {
    /// Seconds by stage, for the stages that were finished.
    pub seconds: BTreeMap<String, f64>,
    /// Results of the configured queries that are numbers.
    pub answers: BTreeMap<String, f64>,
    /// Results of the configured queries that are times, in Unix seconds.
    pub newest: BTreeMap<String, f64>,
    /// Key of the restored object.
    pub object: Option<String>,
    /// Parts of the dump that were not set up, and why.
    pub not_set_up: Vec<String>,
    /// Temporary things that could not be removed afterwards.
    pub left: Vec<String>,
}

/// Restores a backup and records the result (good, bad or unknown), unless the restore is not configured. `stop`
/// resolves to a reason if the process is stopped. Everything temporary is removed before this returns.
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
                // `biased` polls `stop` before each step: a process that was suspended and continued does nothing more.
                biased;
                why = stop => Err(NotProved::CannotTell(anyhow!("ended by {why}"))),
                result = prove(config, backup, restore, most, &mut sandbox, &mut proof) => result,
            };
            if let Err(left) = sandbox.close().await {
                proof.left = left;
            }
            result
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
        object: proof.object.clone(),
        not_set_up: proof.not_set_up.clone(),
        left: proof.left.clone(),
    };
    if let Err(error) = append(place, &Record { at: Timestamp::now(), by, act }).await {
        let found = result.err().map(|why| format!("; the result was: {why}")).unwrap_or_default();
        result = Err(NotProved::CannotTell(error.context(format!("cannot record the result{found}"))));
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
    let choice = Choice { matching: &backup.matching, excluded: &backup.excluded };
    let found = bucket.newest(choice, unix_now()).await?;
    let newest = found.newest.with_context(|| match found.future {
        0 => "there is no backup in the bucket".to_owned(),
        count => format!("there is no backup except {count} with a time in the future"),
    });
    let newest = newest.bad_backup()?;
    proof.object = Some(newest.name.clone());
    dump::look(&bucket, &newest, backup.format).await?;
    let is_folder = newest.form == Form::DumpFolder;
    dump::fetch(&bucket, &newest, if is_folder { &file } else { &object }, most).await?;
    stage.ends("download");
    if !is_folder {
        dump::unpack(backup.format, &object, &file, most, &sandbox.stopped).await?;
    }
    sandbox.tools.own_all(&file)?;
    stage.ends("decompress");
    let dump = Dump::of(&file).bad_backup()?;
    dump.contents(&sandbox.tools).await?;
    let facts = dump.facts(&sandbox.tools).await?;
    stage.ends("contents");
    let encoding = facts.encoding.as_deref().unwrap_or("UTF8");
    match &restore.server {
        Some(server) => sandbox.borrow(server, &config.postgres, encoding).await?,
        None => sandbox.start(encoding).await?,
    }
    stage.ends("start");
    let database = sandbox.database.as_ref().context("no database server to restore into")?;
    let restored = restore::restore(&sandbox.tools, database, &dump, &facts).await?;
    proof.not_set_up.clone_from(&restored.not_set_up);
    stage.ends("restore");
    let result = sanity::run(database, &restored, &restore.checks, &mut proof.answers, &mut proof.newest).await;
    stage.ends("checks");
    result
}

/// A stopwatch for the stages.
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
