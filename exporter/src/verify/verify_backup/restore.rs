//! Runs a dump on the database, statement by statement, and judges each error. A dump is bad only if its data cannot be
//! restored because of the dump itself. What this server lacks is only reported.

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

/// Maximum number of reported sentences about parts that were not set up.
const MAX_LISTED: usize = 20;
/// Size of the read buffer in bytes.
const PIECE: usize = 256 * 1024;
/// The result of a restore.
#[derive(Debug, Default)]
pub(super) struct Restored {
    /// Number of created tables.
    pub(super) tables: u64,
    /// Sentences about parts that were not set up, and why.
    pub(super) not_set_up: Vec<String>,
    /// Number of statements that failed because this server lacks something.
    lacking: u64,
}

impl Restored {
    /// Whether a part of the dump was not set up because this server lacks what it needs.
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
        foreign: BTreeSet::new(),
        connected: None,
    };
    let mut source = dump.text(tools).await?;
    let fed = feed.all(&mut source.text).await;
    // An error of pg_restore explains more than the truncated statement that it causes.
    source.end(fed.is_ok()).await?;
    fed?;
    feed.finish()
}

/// The state of a running restore.
struct Feed<'a> {
    database: &'a Database,
    session: Session,
    facts: &'a Facts,
    restored: Restored,
    /// Sentences about everything that was left out on purpose or could not be set up, with the number of times.
    failures: BTreeMap<String, u64>,
    /// Sentences about data that could not be restored because this server lacks something.
    hidden: Vec<String>,
    /// The errors that statements about missing foreign tables give. The rows of these tables are on other servers and
    /// no part of the dump.
    foreign: BTreeSet<String>,
    /// Argument of the first `\connect` in the dump.
    connected: Option<String>,
}

impl Feed<'_> {
    async fn all(&mut self, text: &mut (dyn AsyncRead + Unpin + Send)) -> Result<(), NotProved> {
        let mut cutter = Cutter::new();
        let mut buffer = vec![0; PIECE];
        // Whether the server accepts rows. The rows after a COPY that failed are dropped.
        let mut copying = false;
        let mut copied = String::new();
        loop {
            let read = text.read(&mut buffer).await.context("the dump cannot be read")?;
            if read == 0 {
                cutter.end();
            } else {
                cutter.feed(&buffer[..read]);
            }
            let long = |_| anyhow!("a statement of the dump is too long");
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
                let torn = || anyhow!("the dump is truncated: it ends within the rows of {copied}");
                return if copying { Err(NotProved::BadBackup(torn())) } else { Ok(()) };
            }
        }
    }

    /// Runs a statement or leaves it out. Returns whether rows follow that the server accepts.
    async fn statement(&mut self, statement: &[u8], copied: &mut String) -> Result<bool, NotProved> {
        match fate(statement) {
            Fate::Run => {}
            Fate::LeftOut(what) => {
                *self.failures.entry(format!("skipped on purpose: {what}")).or_default() += 1;
                return Ok(false);
            }
            Fate::Refused(what) => {
                return Err(NotProved::BadBackup(anyhow!(
                    "not restored: the dump contains {what}, which pg_dump never writes"
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
                    self.foreign.insert(format!("relation \"{table}\" does not exist"));
                }
                let matter = if self.foreign.contains(&error.message) { Matter::NoData } else { matter(statement) };
                self.failed(&title(statement), matter, &error)?;
            }
        }
        Ok(false)
    }

    /// Creates an extension. If the owner of the database may not, the role that created the database tries it.
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

    /// Handles a command of psql. Those that `pg_dump` writes need no action; any other makes the dump bad.
    fn command(&mut self, line: &str) -> anyhow::Result<()> {
        let (name, rest) = line.split_once(|c: char| c.is_whitespace()).unwrap_or((line, ""));
        match name {
            "restrict" | "unrestrict" => Ok(()),
            "connect" | "c" => {
                // `pg_dump --create` connects twice to the same database, so that settings of the database take effect.
                let same = self.connected.get_or_insert_with(|| rest.trim().to_owned()) == rest.trim();
                if !same {
                    bail!("the dump contains several databases: dump each database with pg_dump");
                }
                Ok(())
            }
            name => {
                let name: String = name.chars().take(20).collect();
                bail!("not restored: the dump contains the psql command \\{name}, which pg_dump never writes")
            }
        }
    }

    /// Judges a failed statement. Returns an error if the proof cannot go on.
    fn failed(&mut self, what: &str, matter: Matter, error: &ServerError) -> Result<(), NotProved> {
        if is_of_the_server(error) {
            return Err(anyhow!("{what}: {error}").into());
        }
        // The object exists already, as the schema `public` and PL/pgSQL do.
        let is_there = matches!(error.code.as_str(), "42P06" | "42710") && matter != Matter::Data;
        if matter == Matter::Nothing || is_there {
            return Ok(());
        }
        let here = self.database.version / 10_000;
        let newer = self.facts.major.is_some_and(|major| major > here);
        // A dump of an older version may use names that this version has changed, such as array functions before 14.
        let older = self.facts.major.is_some_and(|major| major < here) && error.code.starts_with("42");
        // A missing object may be the consequence of an earlier statement that could not be run here.
        let follows =
            matches!(error.code.as_str(), "42P01" | "42883" | "42703" | "3F000" | "42704" | "55000" | "42809")
                && self.restored.lacking > 0;
        if !(matter == Matter::NoData || is_lacking(error) || follows || newer || older) {
            return Err(NotProved::BadBackup(anyhow!("the dump cannot be restored: {what}: {error}")));
        }
        self.restored.lacking += 1;
        let sentence = format!("{what}: {error}");
        if matter == Matter::Data && self.hidden.len() < MAX_LISTED {
            self.hidden.push(sentence.clone());
        }
        *self.failures.entry(sentence).or_default() += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<Restored, NotProved> {
        let failures = std::mem::take(&mut self.failures);
        let count = failures.len();
        let sentence = |(what, count): (String, u64)| if count > 1 { format!("{what} ({count} times)") } else { what };
        self.restored.not_set_up = failures.into_iter().take(MAX_LISTED).map(sentence).collect();
        if count > MAX_LISTED {
            self.restored.not_set_up.push(format!("and {} more", count - MAX_LISTED));
        }
        if !self.hidden.is_empty() {
            let version = self.database.version / 10_000;
            let of = self.facts.major.map(|major| format!("; the dump is of PostgreSQL {major}")).unwrap_or_default();
            return Err(anyhow!(
                "the server (PostgreSQL {version}{of}) lacks features that the dump needs: {}",
                self.restored.not_set_up.join("; ")
            )
            .into());
        }
        if self.restored.tables == 0 {
            return Err(NotProved::BadBackup(anyhow!("the dump contains no table")));
        }
        Ok(self.restored)
    }
}

/// Whether an error means that this server or the restoring role lacks something, and not that the dump is wrong.
fn is_lacking(error: &ServerError) -> bool {
    let role = error.message.starts_with("role \"");
    match error.code.as_str() {
        // Insufficient privilege, unsupported feature, missing file or library, unknown locale or label provider.
        "42501" | "0A000" | "58P01" | "22023" => true,
        // An undefined object that belongs to the server: role, tablespace, language, access method, collation,
        // extension or setting.
        "42704" => {
            role || ["tablespace", "language", "access method", "unrecognized configuration", "collation", "extension"]
                .iter()
                .any(|what| error.message.contains(what))
        }
        // Characters that the encoding of this database cannot represent.
        "22P05" | "22021" => true,
        _ => false,
    }
}
