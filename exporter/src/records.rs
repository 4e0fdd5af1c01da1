//! Records of what people did: JSON lines that are only ever added to.

use crate::probe::Failure;
use crate::sources::s3::Bucket;
use anyhow::Context;
use checklist::Reason;
use checklist::config::RecordPlace;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Ten years of some dozen tasks are below a megabyte.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Clocks of two machines may differ by this much.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
const FILE: &str = "records.jsonl";

/// One record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What was done when.
    pub at: Timestamp,
    /// Who says so.
    pub by: String,
    /// What was done.
    #[serde(flatten)]
    pub act: Act,
}

/// What people do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// A task was done.
    Done {
        /// Which.
        task: String,
        /// What was found.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Where to see it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<String>,
    },
    /// A task is not done this time.
    Skipped {
        /// Which.
        task: String,
        /// Why.
        reason: String,
    },
    /// A backup was restored for proof.
    Restored {
        /// Which.
        backup: String,
        /// Whether every stage and check was good.
        passed: bool,
        /// What was not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// Seconds by stage.
        seconds: BTreeMap<String, f64>,
        /// What the checks answered.
        answers: BTreeMap<String, f64>,
    },
    /// A synthetic alert was sent.
    Routed {
        /// Through which Alertmanager.
        alertmanager: String,
        /// Its severity.
        level: String,
        /// Whether it was delivered.
        passed: bool,
        /// Why not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// Seconds until it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<f64>,
    },
    /// An emergency began, or goes on.
    Override {
        /// Why.
        reason: String,
        /// When it ends by itself.
        until: Timestamp,
    },
    /// An emergency is over.
    OverrideEnded,
}

impl Record {
    /// The task that it says was done or skipped.
    pub fn task(&self) -> Option<&str> {
        match &self.act {
            Act::Done { task, .. } | Act::Skipped { task, .. } => Some(task),
            Act::Override { .. } | Act::OverrideEnded | Act::Restored { .. } | Act::Routed { .. } => None,
        }
    }
}

/// All records in the order of their times, and how many could not be read.
#[derive(Debug, Default)]
pub struct Records {
    /// The good ones.
    pub list: Vec<Record>,
    /// Torn, foreign, or from the future.
    pub rejected: u64,
}

impl Records {
    /// Reads every record at `now`. What cannot be read is counted and logged, the rest is used.
    pub async fn read(place: &RecordPlace, now: Timestamp) -> Result<Self, Failure> {
        let mut records = Self::default();
        match place {
            RecordPlace::Directory(folder) => {
                records.take(&text(folder)?, &folder.join(FILE).display().to_string(), now);
            }
            RecordPlace::S3(prefix) => {
                let bucket = Bucket::new(prefix.clone());
                for (key, bytes) in bucket.all(MAX_BYTES).await? {
                    records.take(&String::from_utf8_lossy(&bytes), &format!("s3://{}/{key}", prefix.bucket), now);
                }
            }
        }
        records.list.sort_by_key(|record| record.at);
        Ok(records)
    }

    fn take(&mut self, text: &str, place: &str, now: Timestamp) {
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match serde_json::from_str::<Record>(line) {
                Ok(record) if record.at <= now + AHEAD => self.list.push(record),
                Ok(record) => self.reject(place, at, &format!("it is from the future ({})", record.at)),
                Err(error) => self.reject(place, at, &error.to_string()),
            }
        }
    }

    fn reject(&mut self, place: &str, at: usize, why: &str) {
        self.rejected += 1;
        tracing::warn!("{place}:{}: a record is left out: {why}", at + 1);
    }

    /// When a task was done, or skipped with a reason.
    pub fn of_task(&self, id: &str) -> Vec<Timestamp> {
        self.list.iter().filter(|record| record.task() == Some(id)).map(|record| record.at).collect()
    }

    /// The last record of a task.
    pub fn last_of_task(&self, id: &str) -> Option<&Record> {
        self.list.iter().rev().find(|record| record.task() == Some(id))
    }

    /// The override that holds at `now`: since when, and its last record.
    pub fn override_at(&self, now: Timestamp) -> Option<(Timestamp, &Record)> {
        let mut held: Option<(Timestamp, &Record)> = None;
        for record in &self.list {
            match &record.act {
                Act::Override { .. } => {
                    // One that had ended before is not extended but begun anew.
                    let goes_on = held
                        .filter(|(_, last)| matches!(&last.act, Act::Override { until, .. } if *until >= record.at));
                    held = Some((goes_on.map_or(record.at, |(since, _)| since), record));
                }
                Act::OverrideEnded => held = None,
                Act::Done { .. } | Act::Skipped { .. } | Act::Restored { .. } | Act::Routed { .. } => {}
            }
        }
        held.filter(|(_, last)| matches!(&last.act, Act::Override { until, .. } if *until > now))
    }
}

/// Adds a record: it is on the disk, or in the bucket, when this returns, and nothing else was touched.
pub async fn append(place: &RecordPlace, record: &Record) -> anyhow::Result<()> {
    let mut line = serde_json::to_string(record)?;
    line.push('\n');
    match place {
        RecordPlace::Directory(folder) => append_line(folder, &line),
        RecordPlace::S3(prefix) => {
            // The time orders the objects, the hash keeps two of one second apart.
            let hash = line.bytes().fold(0_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
            let key = format!("{}{}-{hash:016x}.json", prefix.prefix, record.at.strftime("%Y%m%dT%H%M%SZ"));
            Bucket::new(prefix.clone()).create(&key, line.into_bytes()).await.map_err(anyhow::Error::from)
        }
    }
}

fn append_line(folder: &Path, line: &str) -> anyhow::Result<()> {
    let path = folder.join(FILE);
    let what = || format!("cannot write {}", path.display());
    let mut file = File::options().read(true).append(true).create(true).open(&path).with_context(what)?;
    // Two writers take turns, so that lines never mix.
    file.lock().with_context(what)?;
    // A line that someone's full disk tore off must not swallow this one.
    let torn =
        !text(folder).map_err(anyhow::Error::from)?.ends_with('\n') && file.metadata().with_context(what)?.len() > 0;
    let line = if torn { format!("\n{line}") } else { line.to_owned() };
    file.write_all(line.as_bytes()).with_context(what)?;
    file.sync_all().with_context(what)?;
    // The entry of a new file is part of its folder.
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(what)
}

fn text(folder: &Path) -> Result<String, Failure> {
    let path: PathBuf = folder.join(FILE);
    let unreadable = |reason, why: String| Failure::new(reason, format!("cannot read {}: {why}", path.display()));
    let file = match File::open(&path) {
        Ok(file) => file,
        // Nothing was ever recorded; but a folder that is not there is a volume that is not mounted.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && folder.is_dir() => return Ok(String::new()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(unreadable(Reason::NotFound, "its folder is not there: create it, or mount it".to_owned()));
        }
        Err(error) => return Err(unreadable(Reason::Permission, error.to_string())),
    };
    let mut bytes = Vec::new();
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(Reason::Config, error.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unreadable(Reason::Limit, format!("it is larger than {MAX_BYTES} bytes")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn done(task: &str, time: &str) -> Record {
        let act = Act::Done { task: task.to_owned(), note: None, evidence: None };
        Record { at: at(time), by: "ann".to_owned(), act }
    }

    fn over(time: &str, until: &str) -> Record {
        Record { at: at(time), by: "ann".to_owned(), act: Act::Override { reason: "r".to_owned(), until: at(until) } }
    }

    #[tokio::test]
    async fn torn_foreign_and_future_lines_are_counted_and_the_rest_is_used() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let place = RecordPlace::Directory(folder.path().to_owned());
        append(&place, &done("a", "2026-01-01T00:00:00Z")).await?;
        let mut file = File::options().append(true).open(folder.path().join(FILE))?;
        file.write_all(
            b"not json\n\xff\xfe\n{\"at\": \"2026-01-02T00:00:00Z\", \"by\": \"x\", \"act\": \"done\", \"task\"",
        )?;
        append(&place, &done("b", "2099-01-01T00:00:00Z")).await?;
        append(&place, &done("c", "2026-01-03T00:00:00Z")).await?;
        let records = Records::read(&place, at("2026-02-01T00:00:00Z")).await?;
        assert_eq!((records.list.len(), records.rejected), (2, 4));
        assert_eq!(records.of_task("c"), [at("2026-01-03T00:00:00Z")]);
        Ok(())
    }

    #[tokio::test]
    async fn many_writers_lose_nothing() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let place = RecordPlace::Directory(folder.path().to_owned());
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let folder = folder.path().to_owned();
                std::thread::spawn(move || -> anyhow::Result<()> {
                    for _ in 0..20 {
                        let record = serde_json::to_string(&done(&format!("task{n}"), "2026-01-01T00:00:00Z"))?;
                        append_line(&folder, &format!("{record}\n"))?;
                    }
                    Ok(())
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap_or_else(|_| anyhow::bail!("a writer broke"))?;
        }
        let records = Records::read(&place, Timestamp::now()).await?;
        assert_eq!((records.list.len(), records.rejected), (160, 0));
        Ok(())
    }

    #[test]
    fn an_override_ends_by_itself_is_extended_and_is_ended() {
        let records = |list| Records { list, rejected: 0 };
        let extended = records(vec![
            over("2026-01-01T00:00:00Z", "2026-01-01T04:00:00Z"),
            over("2026-01-01T03:00:00Z", "2026-01-01T08:00:00Z"),
        ]);
        let since = |records: &Records, now: &str| records.override_at(at(now)).map(|(since, _)| since);
        assert_eq!(since(&extended, "2026-01-01T07:00:00Z"), Some(at("2026-01-01T00:00:00Z")));
        assert_eq!(since(&extended, "2026-01-01T08:00:00Z"), None);
        let anew = records(vec![
            over("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"),
            over("2026-01-01T03:00:00Z", "2026-01-01T08:00:00Z"),
        ]);
        assert_eq!(since(&anew, "2026-01-01T04:00:00Z"), Some(at("2026-01-01T03:00:00Z")));
        let mut ended = extended.list.clone();
        ended.push(Record { at: at("2026-01-01T05:00:00Z"), by: "ann".to_owned(), act: Act::OverrideEnded });
        assert_eq!(since(&records(ended), "2026-01-01T06:00:00Z"), None);
    }
}
