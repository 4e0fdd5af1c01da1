//! The append-only records of what people and proofs did: one JSON object per line.

mod contents;
mod folder;
#[cfg(feature = "s3")]
mod objects;

use crate::AHEAD;
use crate::failure::Failure;
use checklist::config::RecordPlace;
use checklist::{Evidence, Object, Reason};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The longest time that an emergency override lasts. There is none without an end.
pub const LONGEST_OVERRIDE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// One line of the records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When the act happened.
    pub at: Timestamp,
    /// The person or the job that made the record.
    pub by: String,
    #[serde(flatten)]
    pub act: Act,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    Done {
        /// The id of the task.
        task: String,
        /// What was found while doing the task.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Where the result can be seen, such as a URL.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<String>,
    },
    /// A task is left out this time.
    Skipped {
        /// The id of the task.
        task: String,
        reason: String,
    },
    /// A backup was restored as a proof.
    Restored {
        /// The name of the backup in checklist.yaml.
        backup: String,
        /// Whether every stage and check succeeded.
        passed: bool,
        /// Whether the result is unknown, because the proof could not be carried out.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unknown: bool,
        /// What failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// The duration of each stage in seconds.
        seconds: BTreeMap<String, f64>,
        /// The numbers that the checks returned, by check.
        answers: BTreeMap<String, f64>,
        /// The times that the checks returned, by check, in Unix seconds.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        newest: BTreeMap<String, f64>,
        /// The key of the object that was restored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        object: Option<String>,
        /// Parts of the backup that were not restored, each with the reason.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        not_set_up: Vec<String>,
        /// What could not be cleaned up afterwards.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<String>,
    },
    /// A synthetic alert was sent through Alertmanager.
    Routed {
        /// The name of the Alertmanager in checklist.yaml.
        alertmanager: String,
        level: String,
        passed: bool,
        /// The reason why it was not delivered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// The seconds until it was delivered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<f64>,
    },
    /// An emergency override began, or was extended.
    Override {
        reason: String,
        /// When the override ends without further action.
        until: Timestamp,
    },
    /// An emergency override was ended.
    OverrideEnded,
}

impl Record {
    /// Returns the id of the task that was done or skipped.
    pub fn task(&self) -> Option<&str> {
        match &self.act {
            Act::Done { task, .. } | Act::Skipped { task, .. } => Some(task),
            Act::Override { .. } | Act::OverrideEnded | Act::Restored { .. } | Act::Routed { .. } => None,
        }
    }
}

/// The records of a place.
#[derive(Debug, Default)]
pub struct Records {
    /// In the order of their times.
    pub list: Vec<Record>,
    /// The number of lines that are torn, foreign, or from the future.
    pub rejected: u64,
    /// The lines and objects that could not be read, or are from the future.
    pub unreadable: Vec<Unreadable>,
}

/// A line or an object that may be a record and was not used.
#[derive(Debug)]
pub struct Unreadable {
    /// The newest time of the records before it. Records are in the order of their times, to the second.
    pub after: Timestamp,
    /// Where it is and why it was not used.
    pub why: Failure,
}

impl Records {
    /// Reads the records of a place at the time `now`. Unreadable ones are counted and logged, the others are used.
    pub async fn read(place: &RecordPlace, now: Timestamp) -> Result<Self, Failure> {
        let contents = match place {
            RecordPlace::Directory(folder) => folder::read(folder).await?,
            #[cfg(feature = "s3")]
            RecordPlace::S3(prefix) => objects::read(prefix).await?,
            #[cfg(not(feature = "s3"))]
            RecordPlace::S3(_) => return Err(without_buckets()),
        };
        let mut records = Self::default();
        let mut before = Timestamp::MIN;
        for (name, text) in &contents.texts {
            match text {
                Ok(text) => records.take(text, name, &mut before, now),
                Err(failure) => records.skip(before, failure.clone()),
            }
        }
        for (name, why) in &contents.foreign {
            records.reject(name, why);
        }
        records.list.sort_by_key(|record| record.at);
        Ok(records)
    }

    /// Adds the records of a file or object. `before` is the time of the record before.
    fn take(&mut self, text: &str, place: &str, before: &mut Timestamp, now: Timestamp) {
        // Editors of other systems write a byte order mark.
        let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        for (at, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let why = match serde_json::from_str::<Record>(line) {
                Ok(record) if record.at <= now + AHEAD => {
                    // Records of one second are in no order.
                    *before = record.at.max(*before);
                    self.list.push(record);
                    continue;
                }
                Ok(record) => format!("its time is in the future ({})", record.at),
                Err(error) => format!("it cannot be read: {error}"),
            };
            let failure = Failure::new(Reason::Decode, why).while_doing(format_args!("record {place}:{}", at + 1));
            self.skip(*before, failure);
        }
    }

    /// Adds what may be a record and cannot be used. `after` is the time of the record before.
    fn skip(&mut self, after: Timestamp, why: Failure) {
        self.rejected += 1;
        tracing::warn!("ignoring {}", why.message);
        self.unreadable.push(Unreadable { after, why });
    }

    fn reject(&mut self, place: &str, why: &str) {
        self.rejected += 1;
        tracing::warn!("ignoring {place}: {why}");
    }

    /// Adds the records that could not be read and may be newer than `newest` to the evidence of a check, whose newest
    /// readable record that is. Without one, every unreadable record may be its newest.
    pub fn report_unreadable(&self, newest: Option<Timestamp>, evidence: &mut Evidence) {
        for Unreadable { after, why } in &self.unreadable {
            if newest.is_none_or(|newest| *after >= newest) {
                evidence.missed(Object::Record, why.reason, 1, &why.message);
            }
        }
    }

    /// Returns the times when a task was done or skipped.
    pub fn of_task(&self, id: &str) -> Vec<Timestamp> {
        self.list.iter().filter(|record| record.task() == Some(id)).map(|record| record.at).collect()
    }

    pub fn last_of_task(&self, id: &str) -> Option<&Record> {
        self.list.iter().rev().find(|record| record.task() == Some(id))
    }

    /// Returns the override that is in effect at `now`: when it began, and its last record.
    pub fn override_at(&self, now: Timestamp) -> Option<(Timestamp, &Record)> {
        let mut held: Option<(Timestamp, &Record)> = None;
        for record in &self.list {
            match &record.act {
                Act::Override { .. } => {
                    // A new override after the end of the previous one is not an extension.
                    let extended = held
                        .filter(|(_, last)| matches!(&last.act, Act::Override { until, .. } if *until >= record.at));
                    held = Some((extended.map_or(record.at, |(since, _)| since), record));
                }
                Act::OverrideEnded => held = None,
                Act::Done { .. } | Act::Skipped { .. } | Act::Restored { .. } | Act::Routed { .. } => {}
            }
        }
        held.filter(|(_, last)| matches!(&last.act, Act::Override { until, .. } if *until > now))
    }
}

/// Adds a record. When this returns, the record is on the disk or in the bucket. Earlier records are never changed.
pub async fn append(place: &RecordPlace, record: &Record) -> anyhow::Result<()> {
    let mut line = serde_json::to_string(record)?;
    line.push('\n');
    match place {
        RecordPlace::Directory(folder) => folder::append(folder, &line).await,
        #[cfg(feature = "s3")]
        RecordPlace::S3(prefix) => objects::create(prefix, record.at, line).await,
        #[cfg(not(feature = "s3"))]
        RecordPlace::S3(_) => Err(without_buckets().into()),
    }
}

/// The failure for records in a bucket when the program was built without S3.
#[cfg(not(feature = "s3"))]
fn without_buckets() -> Failure {
    Failure::new(Reason::Config, "the records are in a bucket, but this program was built without S3")
}

#[cfg(test)]
mod tests {
    use super::folder::FILE;
    use super::*;
    use std::fs::File;
    use std::io::Write;

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
    async fn damaged_foreign_and_future_records_are_counted_and_the_rest_is_used() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let place = RecordPlace::Directory(folder.path().to_owned());
        append(&place, &done("a", "2026-01-01T00:00:00Z")).await?;
        let mut file = File::options().append(true).open(folder.path().join(FILE))?;
        file.write_all(
            b"not json\n\xff\xfe\n{\"at\": \"2026-01-02T00:00:00Z\", \"by\": \"x\", \"act\": \"done\", \"task\"",
        )?;
        append(&place, &done("b", "2099-01-01T00:00:00Z")).await?;
        append(&place, &done("c", "2026-01-03T00:00:00Z")).await?;
        // As an editor of Windows saves it.
        let text = std::fs::read(folder.path().join(FILE))?;
        let lines = text.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]);
        std::fs::write(folder.path().join(FILE), [&b"\xef\xbb\xbf"[..], &lines].concat())?;
        let records = Records::read(&place, at("2026-02-01T00:00:00Z")).await?;
        assert_eq!((records.list.len(), records.rejected), (2, 4));
        assert_eq!(records.of_task("c"), [at("2026-01-03T00:00:00Z")]);
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_writers_lose_no_record() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let writers = (0..8).map(|n| {
            let place = RecordPlace::Directory(folder.path().to_owned());
            tokio::spawn(async move {
                for _ in 0..20 {
                    append(&place, &done(&format!("task{n}"), "2026-01-01T00:00:00Z")).await?;
                }
                anyhow::Ok(())
            })
        });
        for writer in futures::future::join_all(writers).await {
            writer??;
        }
        let records = Records::read(&RecordPlace::Directory(folder.path().to_owned()), Timestamp::now()).await?;
        assert_eq!((records.list.len(), records.rejected), (160, 0));
        Ok(())
    }

    #[tokio::test]
    async fn a_link_in_the_place_of_the_records_is_never_written_through() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let place = RecordPlace::Directory(folder.path().join("records"));
        std::fs::create_dir(folder.path().join("records"))?;
        let (victim, file) = (folder.path().join("victim"), folder.path().join("records").join(FILE));
        std::fs::write(&victim, "root:x:0:0\n")?;
        std::os::unix::fs::symlink(&victim, &file)?;
        let refused = append(&place, &done("a", "2026-01-01T00:00:00Z")).await;
        assert!(refused.is_err_and(|error| format!("{error:#}").contains("a symbolic link, which is not followed")));
        std::fs::remove_file(&file)?;
        std::fs::hard_link(&victim, &file)?;
        let refused = append(&place, &done("a", "2026-01-01T00:00:00Z")).await;
        assert!(refused.is_err_and(|error| format!("{error:#}").contains("a hard link")));
        assert_eq!(std::fs::read_to_string(&victim)?, "root:x:0:0\n");
        // Opening a pipe must not block.
        std::fs::remove_file(&file)?;
        nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU)?;
        assert!(append(&place, &done("a", "2026-01-01T00:00:00Z")).await.is_err());
        assert!(Records::read(&place, Timestamp::now()).await.is_err());
        Ok(())
    }

    #[tokio::test]
    async fn a_foreign_file_is_reported_and_the_other_records_are_used() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let place = RecordPlace::Directory(folder.path().to_owned());
        append(&place, &done("a", "2026-01-01T00:00:00Z")).await?;
        std::fs::create_dir(folder.path().join("lost+found"))?;
        std::fs::write(folder.path().join(".nfs0001"), "x")?;
        std::fs::write(folder.path().join("records (copy).jsonl"), "x")?;
        let records = Records::read(&place, Timestamp::now()).await?;
        assert_eq!((records.list.len(), records.rejected), (1, 1));
        Ok(())
    }

    #[test]
    fn an_override_expires_can_be_extended_and_can_be_ended() {
        let records = |list| Records { list, ..Records::default() };
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
