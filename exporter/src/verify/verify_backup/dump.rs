//! The backup itself: downloads it, decompresses it, recognizes its format, and reads it as plain SQL.

use super::error::{BackupFault, NotProved};
use super::source::{Source, archive_fault};
use super::tools::{Tools, head, run};
use crate::sources::dump::{Content, header_bytes, inspect, layer};
use anyhow::{Context, anyhow, bail, ensure};
use checklist::config::BackupFormat;
use clients::s3::{Bucket, Form, Newest};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The last line with content in a plain SQL dump of `pg_dump`.
const LAST_LINE: &str = "-- PostgreSQL database dump complete";
/// Number of bytes at the end of a file in which [`LAST_LINE`] must be found.
const TAIL: u64 = 4 * 1024;
/// Maximum number of objects in a backup that is a folder.
const MAX_PARTS: usize = 100_000;

/// A decompressed dump on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dump {
    /// A file or folder in a format that `pg_restore` reads.
    Archive(PathBuf),
    /// A file of plain SQL.
    Text(PathBuf),
}

/// Information at the start of a dump.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Major version of the server that was dumped.
    pub(super) major: Option<u32>,
    /// Encoding of the dump.
    pub(super) encoding: Option<String>,
}

/// Checks the first bytes of a backup before it is downloaded.
pub(super) async fn look(bucket: &Bucket, newest: &Newest, format: BackupFormat) -> Result<(), NotProved> {
    if let Some(lacks) = &newest.lacks {
        return Err(NotProved::BadBackup(anyhow!("{}: {lacks}", newest.name)));
    }
    let format = match newest.form {
        Form::File => format,
        Form::DumpFolder => BackupFormat::PgDump,
        Form::BaseBackup => {
            let what = anyhow!("{} is not a dump of pg_dump: pg_basebackup made it", newest.name);
            return Err(NotProved::BadBackup(what));
        }
    };
    let header = bucket.beginning(newest, header_bytes(format)).await?;
    let content = inspect(format, &header).map_err(|why| anyhow!("{}: {why}", newest.name)).bad_backup()?;
    if content == Content::Cluster {
        return Err(anyhow!(
            "{} is a dump of pg_dumpall, which is not supported: dump each database with pg_dump",
            newest.name
        )
        .into());
    }
    if content == Content::Other {
        return Err(NotProved::BadBackup(anyhow!("{} is not a dump of pg_dump", newest.name)));
    }
    Ok(())
}

/// Downloads a backup into the file or folder `to`. Fails if it has more than `most` bytes.
pub(super) async fn fetch(bucket: &Bucket, newest: &Newest, to: &Path, most: u64) -> Result<(), NotProved> {
    if newest.form != Form::DumpFolder {
        let objects = if newest.parts.is_empty() { newest.begin.as_slice() } else { &newest.parts };
        return Ok(bucket.download(objects, to, most).await?);
    }
    let prefix = format!("{}/", newest.name);
    let parts = bucket.objects_under(&prefix).await?;
    if parts.len() > MAX_PARTS || parts.iter().map(|part| part.bytes).sum::<u64>() > most {
        return Err(anyhow!(
            "the dump is larger than {most} bytes or {MAX_PARTS} objects; raise the limit with --max-bytes"
        )
        .into());
    }
    std::fs::create_dir(to)?;
    for part in &parts {
        let name = part.key.strip_prefix(&prefix).unwrap_or_default();
        // pg_dump writes no subfolders, and a name must not lead out of the folder.
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            continue;
        }
        bucket.download(std::slice::from_ref(part), &to.join(name), most).await?;
    }
    Ok(())
}

/// Decompresses a backup and removes the compressed file. Fails if the content has more than `most` bytes, or when
/// `stopped` is set.
pub(super) async fn unpack(
    format: BackupFormat,
    from: &Path,
    to: &Path,
    most: u64,
    stopped: &Arc<AtomicBool>,
) -> Result<(), NotProved> {
    let (from, to, stopped) = (from.to_owned(), to.to_owned(), Arc::clone(stopped));
    tokio::task::spawn_blocking(move || unpack_now(format, &from, &to, most, &stopped)).await?
}

fn unpack_now(format: BackupFormat, from: &Path, to: &Path, most: u64, stopped: &AtomicBool) -> Result<(), NotProved> {
    let Some(layer) = layer(format) else { return Err(anyhow!("the format of the backup is unknown").into()) };
    let mut reader = layer.open(File::open(from)?)?;
    let mut writer = File::create(to)?;
    let mut piece = vec![0; 256 * 1024];
    let mut total = 0_u64;
    loop {
        if stopped.load(Ordering::Relaxed) {
            return Err(anyhow!("stopped during decompression").into());
        }
        let read = reader.read(&mut piece).context("the backup is damaged: it cannot be decompressed").bad_backup()?;
        if read == 0 {
            break;
        }
        total += read as u64;
        if total > most {
            return Err(
                anyhow!("the decompressed dump is larger than {most} bytes; raise the limit with --max-bytes").into()
            );
        }
        writer.write_all(&piece[..read]).with_context(|| format!("cannot write {}", to.display()))?;
    }
    // The compressed file is not needed any more.
    Ok(std::fs::remove_file(from).context("cannot remove the downloaded file")?)
}

impl Dump {
    /// Recognizes a dump. A plain SQL dump must have its last line, because nothing else shows that it was not
    /// truncated.
    pub(super) fn of(path: &Path) -> anyhow::Result<Self> {
        if path.is_dir() {
            return Ok(Self::Archive(path.to_owned()));
        }
        let mut file = File::open(path)?;
        let mut header = Vec::new();
        Read::by_ref(&mut file).take(header_bytes(BackupFormat::PgDump)).read_to_end(&mut header)?;
        match inspect(BackupFormat::PgDump, &header).map_err(anyhow::Error::msg)? {
            Content::Custom | Content::Tar => return Ok(Self::Archive(path.to_owned())),
            Content::Cluster => bail!("it is a dump of pg_dumpall, which is not supported"),
            Content::Sql | Content::Other => {}
        }
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut tail = Vec::new();
        file.take(TAIL).read_to_end(&mut tail)?;
        let text = String::from_utf8_lossy(&tail);
        // Only the last line with content is examined: the same text could also be part of a table's rows.
        let has_no_content = |line: &&str| line.is_empty() || *line == "--" || line.starts_with("\\unrestrict ");
        let last = text.lines().rev().map(str::trim_end).find(|line| !has_no_content(line));
        ensure!(last == Some(LAST_LINE), "the dump is truncated: it does not end with \"{LAST_LINE}\"");
        Ok(Self::Text(path.to_owned()))
    }

    /// Reads the table of contents of an archive. The backup is bad if that fails or if there is no table data.
    pub(super) async fn contents(&self, tools: &Tools) -> Result<(), NotProved> {
        let Self::Archive(path) = self else { return Ok(()) };
        let listed = run("pg_restore", tools.command("pg_restore").arg("--list").arg(path)).await;
        let list = listed.map_err(|error| archive_fault(&format!("{error:#}"), "failed"))?;
        if list.lines().any(|line| line.contains(" TABLE DATA ")) {
            return Ok(());
        }
        Err(NotProved::BadBackup(anyhow!("the dump contains no table")))
    }

    /// Opens the dump as plain SQL, without owners, privileges and tablespaces.
    pub(super) async fn text(&self, tools: &Tools) -> Result<Source, NotProved> {
        let path = match self {
            Self::Text(path) => {
                let file = tokio::fs::File::open(path).await?;
                return Ok(Source { text: Box::new(file), program: None });
            }
            Self::Archive(path) => path,
        };
        let mut command = tools.command("pg_restore");
        command.args(["--no-owner", "--no-privileges", "--no-tablespaces", "--file=-"]).arg(path);
        let started = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut program = started.context("cannot run pg_restore")?;
        let text = program.stdout.take().context("pg_restore has no output")?;
        let errors = tokio::spawn(head(program.stderr.take()));
        Ok(Source { text: Box::new(text), program: Some((program, errors)) })
    }

    /// Reads the facts at the start of the dump.
    pub(super) async fn facts(&self, tools: &Tools) -> Result<Facts, NotProved> {
        use tokio::io::AsyncReadExt;
        let mut source = self.text(tools).await?;
        let mut begin = Vec::new();
        (&mut source.text).take(16 * 1024).read_to_end(&mut begin).await.context("the dump cannot be read")?;
        // pg_restore is killed when `source` is dropped, because its output is not read to the end.
        Ok(Facts::of(&String::from_utf8_lossy(&begin)))
    }
}

impl Facts {
    fn of(begin: &str) -> Self {
        let after = |words: &str| begin.lines().find_map(|line| line.strip_prefix(words)).map(str::trim);
        let digits = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next().and_then(|major| major.parse().ok());
        Self {
            major: after("-- Dumped from database version ").and_then(digits),
            encoding: after("SET client_encoding = '").and_then(|rest| Some(rest.split('\'').next()?.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_dump_without_its_end_is_truncated_and_an_archive_is_recognized_by_its_header() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("dump");
        let of = |text: &[u8]| {
            std::fs::write(&file, text)?;
            Dump::of(&file)
        };
        let (archive, plain) = (Dump::Archive(file.clone()), Dump::Text(file.clone()));
        assert_eq!(of(b"PGDMP\x01\x0e")?, archive);
        assert_eq!(of(b"toc.dat\0\0")?, archive);
        let title = "--\n-- PostgreSQL database dump\n--\n";
        let whole = format!("{title}{}\n--\n{LAST_LINE}\n--\n\n", "x".repeat(10_000));
        assert_eq!(of(whole.as_bytes())?, plain);
        assert!(of(whole.replace(LAST_LINE, "").as_bytes()).is_err());
        let restricted = whole.trim_end().to_owned() + "\n\n\\unrestrict abc\n\n";
        assert_eq!(of(restricted.as_bytes())?, plain);
        let within = format!("{title}COPY users (a) FROM stdin;\none\nPostgreSQL database dump complete\ntw");
        assert!(of(within.as_bytes()).is_err(), "what a row says is no end");
        assert!(of(b"SEL").is_err() && of(&[0; 99]).is_err());
        assert!(of(whole.replace("database dump\n", "database cluster dump\n").as_bytes()).is_err());
        Ok(())
    }

    #[test]
    fn version_and_encoding_are_read_from_a_dump() {
        let begin = "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 18.4 (Debian)\n-- Dumped by pg_dump version 18.4\n\nSET client_encoding = 'SQL_ASCII';\n";
        assert_eq!(Facts::of(begin), Facts { major: Some(18), encoding: Some("SQL_ASCII".to_owned()) });
        assert_eq!(Facts::of("SELECT 1;"), Facts::default());
    }
}
