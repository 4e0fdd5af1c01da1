//! A dump is fed to the database, statement by statement, and what fails is judged: the dump is bad only where its data
//! cannot be had because of the dump itself. What this server lacks is reported.

use super::database::{Database, is_of_the_server, one};
use super::dump::{Dump, Facts};
use super::error::{BackupFault, NotProved};
use super::session::{ServerError, Session};
use super::sieve::{Fate, Matter, fate, foreign_table, matter, title};
use super::statements::{Cutter, Piece};
use super::tools::Tools;
use anyhow::{Context, anyhow, bail};
use std::collections::{BTreeMap, BTreeSet};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Sentences about what was not set up that are kept.
const MAX_TOLD: usize = 20;
/// What is read at once.
const PIECE: usize = 256 * 1024;
/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Restored {
    /// Tables that were made.
    pub(super) tables: u64,
    /// What was not set up, and why, for people.
    pub(super) not_set_up: Vec<String>,
    /// How much this server lacks of what the dump sets up.
    lacking: u64,
}

impl Restored {
    /// Whether something of the dump is not there because this server lacks what it needs.
    pub(super) const fn lacks_something(&self) -> bool {
        self.lacking > 0
    }
}

/// Restores a dump into an empty database.
pub(super) async fn restore(
    tools: &Tools,
    database: &Database,
    dump: &Dump,
    facts: &Facts,
) -> Result<Restored, NotProved> {
    let session = database.connect().await?;
    let mut feed = Feed {
        database,
        session,
        facts,
        restored: Restored::default(),
        failures: BTreeMap::new(),
        hidden: Vec::new(),
        elsewhere: BTreeSet::new(),
        connected: None,
    };
    let mut source = dump.text(tools).await?;
    let fed = feed.all(&mut source.text).await;
    // What a program could not read says more than the statement that was cut off by it.
    source.end(fed.is_ok()).await?;
    fed?;
    feed.finish()
}

struct Feed<'a> {
    database: &'a Database,
    session: Session,
    facts: &'a Facts,
    restored: Restored,
    /// What was left out on purpose or failed beside the data: how often.
    failures: BTreeMap<String, u64>,
    /// Data that could not be had because of it.
    hidden: Vec<String>,
    /// Foreign tables that could not be made: their rows lie on other servers and are no part of the dump.
    elsewhere: BTreeSet<String>,
    /// The database that the dump connects to, in its own words.
    connected: Option<String>,
}

impl Feed<'_> {
    async fn all(&mut self, text: &mut (dyn AsyncRead + Unpin + Send)) -> Result<(), NotProved> {
        let mut cutter = Cutter::new();
        let mut buffer = vec![0; PIECE];
        // Rows behind a COPY that the server did not take are dropped.
        let mut copying = false;
        let mut copied = String::new();
        loop {
            let read = text.read(&mut buffer).await.context("the dump cannot be read")?;
            if read == 0 {
                cutter.end();
            } else {
                cutter.feed(&buffer[..read]);
            }
            let long = |_| anyhow!("a statement of the dump is too long to be restored here");
            while let Some(piece) = cutter.next().map_err(long)? {
                match piece {
                    Piece::Statement(statement) if statement == b";" => {}
                    Piece::Statement(statement) => copying = self.statement(&statement, &mut copied).await?,
                    Piece::Data(rows) if copying => {
                        if let Some(error) = self.session.rows(&rows).await? {
                            copying = false;
                            self.failed(&copied, Matter::Data, &error)?;
                        }
                    }
                    Piece::DataEnd if copying => {
                        copying = false;
                        if let Some(error) = self.session.rows_end().await? {
                            self.failed(&copied, Matter::Data, &error)?;
                        }
                    }
                    Piece::Data(_) | Piece::DataEnd => {}
                    Piece::Command(line) => self.command(&line).bad_backup()?,
                }
            }
            if read == 0 {
                let torn = || anyhow!("the dump is cut off: it ends within the rows of {copied}");
                return if copying { Err(NotProved::BadBackup(torn())) } else { Ok(()) };
            }
        }
    }

    /// Runs a statement, or leaves it out; whether rows follow that the server takes.
    async fn statement(&mut self, statement: &[u8], copied: &mut String) -> Result<bool, NotProved> {
        match fate(statement) {
            Fate::Run => {}
            Fate::LeftOut(what) => {
                *self.failures.entry(format!("left out on purpose: {what}")).or_default() += 1;
                return Ok(false);
            }
            Fate::Refused(what) => {
                return Err(NotProved::BadBackup(anyhow!(
                    "it holds {what}, which no dump of pg_dump does: it was not restored"
                )));
            }
            Fate::Extension(name, schema) => {
                self.extension(statement, &name, schema.as_deref()).await?;
                return Ok(false);
            }
        }
        let begin = &statement[..statement.len().min(64)];
        let is = |word: &[u8]| begin.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
        if is(b"copy ") {
            *copied = title(statement);
            let refused = self.session.copy(statement).await?;
            if let Some(error) = &refused {
                self.failed(copied, Matter::Data, error)?;
            }
            return Ok(refused.is_none());
        }
        match self.session.run(statement).await? {
            Ok(_) if is(b"create table") || is(b"create unlogged") => self.restored.tables += 1,
            Ok(_) => {}
            Err(error) => {
                if let Some(table) = foreign_table(statement) {
                    self.elsewhere.insert(format!("relation \"{table}\" does not exist"));
                }
                let matter = if self.elsewhere.contains(&error.message) { Matter::NoData } else { matter(statement) };
                self.failed(&title(statement), matter, &error)?;
            }
        }
        Ok(false)
    }

    /// Makes an extension, as whoever made the database where its owner may not.
    async fn extension(&mut self, statement: &[u8], name: &str, schema: Option<&str>) -> Result<(), NotProved> {
        let Err(error) = self.session.run(statement).await? else { return Ok(()) };
        if error.code == "42501" && self.database.superuser {
            let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
            let schema = schema.map(|schema| format!(" SCHEMA {}", quoted(schema))).unwrap_or_default();
            let make = format!("CREATE EXTENSION IF NOT EXISTS {}{schema}", quoted(name));
            let mut admin = Session::open(&self.database.admin, &self.database.name).await?;
            let made = one(&mut admin, &make).await;
            match made.map_err(anyhow::Error::downcast::<ServerError>) {
                Ok(_) => return Ok(()),
                Err(Ok(error)) => return self.failed(&format!("extension {name}"), Matter::NoData, &error),
                Err(Err(lost)) => return Err(lost.into()),
            }
        }
        self.failed(&format!("extension {name}"), Matter::NoData, &error)
    }

    /// A command of psql. Those that `pg_dump` writes are nothing here.
    fn command(&mut self, line: &str) -> anyhow::Result<()> {
        let (name, rest) = line.split_once(|c: char| c.is_whitespace()).unwrap_or((line, ""));
        match name {
            "restrict" | "unrestrict" => Ok(()),
            "connect" | "c" => {
                // It connects again, so that settings of the database hold.
                let same = self.connected.get_or_insert_with(|| rest.trim().to_owned()) == rest.trim();
                if !same {
                    bail!("it holds several databases: restore each from a dump of its own");
                }
                Ok(())
            }
            name => {
                let name: String = name.chars().take(20).collect();
                bail!("it holds psql's command \\{name}, which no dump of pg_dump does: it was not restored")
            }
        }
    }

    /// Judges what failed.
    fn failed(&mut self, what: &str, matter: Matter, error: &ServerError) -> Result<(), NotProved> {
        if is_of_the_server(error) {
            return Err(anyhow!("{what}: {error}").into());
        }
        // There already, as `public` and PL/pgSQL are.
        let is_there = matches!(error.code.as_str(), "42P06" | "42710") && matter != Matter::Data;
        if matter == Matter::Nothing || is_there {
            return Ok(());
        }
        let here = self.database.version / 10_000;
        let newer = self.facts.major.is_some_and(|major| major > here);
        // What an older version had and this one calls by another name, such as functions of arrays before 14.
        let older = self.facts.major.is_some_and(|major| major < here) && error.code.starts_with("42");
        // What is missing follows from what was not set up before, if anything was not.
        let follows =
            matches!(error.code.as_str(), "42P01" | "42883" | "42703" | "3F000" | "42704" | "55000" | "42809")
                && self.restored.lacking > 0;
        if !(matter == Matter::NoData || is_lacking(error) || follows || newer || older) {
            return Err(NotProved::BadBackup(anyhow!("the dump cannot be restored: {what}: {error}")));
        }
        self.restored.lacking += 1;
        let sentence = format!("{what}: {error}");
        if matter == Matter::Data && self.hidden.len() < MAX_TOLD {
            self.hidden.push(sentence.clone());
        }
        *self.failures.entry(sentence).or_default() += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<Restored, NotProved> {
        let failures = std::mem::take(&mut self.failures);
        let count = failures.len();
        let sentence = |(what, count): (String, u64)| if count > 1 { format!("{what} ({count} times)") } else { what };
        self.restored.not_set_up = failures.into_iter().take(MAX_TOLD).map(sentence).collect();
        if count > MAX_TOLD {
            self.restored.not_set_up.push(format!("and {} more", count - MAX_TOLD));
        }
        if !self.hidden.is_empty() {
            let version = self.database.version / 10_000;
            let of = self.facts.major.map(|major| format!("; the dump is of PostgreSQL {major}")).unwrap_or_default();
            return Err(anyhow!(
                "this server (PostgreSQL {version}{of}) lacks what is needed to see all data: {}",
                self.restored.not_set_up.join("; ")
            )
            .into());
        }
        if self.restored.tables == 0 {
            return Err(NotProved::BadBackup(anyhow!("the dump holds no table")));
        }
        Ok(self.restored)
    }
}

/// Whether an error says that this server, or the role that restores, lacks something, and not that the dump is wrong.
fn is_lacking(error: &ServerError) -> bool {
    let role = error.message.starts_with("role \"");
    match error.code.as_str() {
        // No right, or a feature, file, library, locale or label provider that is not there.
        "42501" | "0A000" | "58P01" | "22023" => true,
        // A role, tablespace, language, access method, text search or setting that belongs to the server.
        "42704" => {
            role || ["tablespace", "language", "access method", "unrecognized configuration", "collation", "extension"]
                .iter()
                .any(|what| error.message.contains(what))
        }
        // Bytes that the encoding here cannot hold.
        "22P05" | "22021" => true,
        _ => false,
    }
}
