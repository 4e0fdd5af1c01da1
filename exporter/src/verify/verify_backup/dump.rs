//! The file itself: its outer layer taken off, its kind, its table of contents.

use super::error::{BackupFault, NotProved};
use super::tools::{Tools, run};
use anyhow::{Context, bail, ensure};
use checklist::config::BackupFormat;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The last comment of `pg_dump` and of `pg_dumpall` in plain text.
const LAST_LINES: [&str; 2] = ["-- PostgreSQL database dump complete", "-- PostgreSQL database cluster dump complete"];
/// More bytes than what follows it.
const TAIL: u64 = 4 * 1024;

/// What restores a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `pg_restore`.
    Archive,
    /// `psql`.
    Text,
}

/// Takes the outer layer off and removes the packed file, never writing more than `most` bytes, until it is stopped.
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
    let packed = File::open(from)?;
    let mut reader: Box<dyn Read> = match format {
        BackupFormat::Any | BackupFormat::PgDump => Box::new(packed),
        BackupFormat::Gzip | BackupFormat::PgDumpGzip => Box::new(MultiGzDecoder::new(packed)),
        BackupFormat::Zstd => Box::new(zstd::stream::read::Decoder::new(packed)?),
    };
    let mut writer = File::create(to)?;
    let mut piece = vec![0; 256 * 1024];
    let mut total = 0_u64;
    loop {
        if stopped.load(Ordering::Relaxed) {
            return Err(anyhow::anyhow!("stopped while it was unpacked").into());
        }
        let read = reader.read(&mut piece).context("the backup is broken: it cannot be decompressed").bad_backup()?;
        if read == 0 {
            break;
        }
        total += read as u64;
        if total > most {
            return Err(anyhow::anyhow!("unpacked it is larger than {most} bytes; --max-bytes allows more").into());
        }
        writer.write_all(&piece[..read]).with_context(|| format!("cannot write {}", to.display()))?;
    }
    if total == 0 {
        return Err(NotProved::BadBackup(anyhow::anyhow!("the backup is empty")));
    }
    // The packed one is needed no more.
    Ok(std::fs::remove_file(from).context("cannot remove the download")?)
}

/// What a dump is. One in plain text must have its end: nothing else says that it was not cut off.
pub(super) fn kind(dump: &Path) -> anyhow::Result<Kind> {
    let mut file = File::open(dump)?;
    let mut begin = [0; 7];
    let read = match file.read_exact(&mut begin) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => 0,
        other => other.map(|()| begin.len())?,
    };
    // A dump of the format tar begins with the name of its table of contents.
    if read > 0 && (begin.starts_with(b"PGDMP") || begin.starts_with(b"toc.dat")) {
        return Ok(Kind::Archive);
    }
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let text = String::from_utf8_lossy(&tail);
    ensure!(!tail.contains(&0), "it is no dump of pg_dump");
    // psql takes the end of a file for the end of a COPY, so nothing but the last line tells.
    let is_filler = |line: &&str| line.is_empty() || *line == "--" || line.starts_with("\\unrestrict ");
    let last = text.lines().rev().map(str::trim_end).find(|line| !is_filler(line));
    if !last.is_some_and(|line| LAST_LINES.contains(&line)) {
        bail!("the dump is cut off: it does not end with pg_dump's own \"{}\"", LAST_LINES[0]);
    }
    Ok(Kind::Text)
}

/// Reads the table of contents.
pub(super) async fn contents(tools: &Tools, dump: &Path) -> Result<(), NotProved> {
    let listed = run("pg_restore", tools.command("pg_restore").arg("--list").arg(dump)).await;
    let list = listed.map_err(|error| {
        // Said by programs that are older than the dump; every format of an archive was 1.something yet.
        let newer = format!("{error:#}").contains("unsupported version (1.");
        let error = error.context("the dump cannot be read");
        if newer { NotProved::CannotTell(error) } else { NotProved::BadBackup(error) }
    })?;
    if list.lines().any(|line| line.contains(" TABLE DATA ")) {
        return Ok(());
    }
    Err(NotProved::BadBackup(anyhow::anyhow!("the dump holds no table")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_its_end_is_cut_off_and_an_archive_is_known_by_its_begin() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("dump");
        let of = |text: &[u8]| {
            std::fs::write(&file, text)?;
            kind(&file)
        };
        assert_eq!(of(b"PGDMP\x01\x0e")?, Kind::Archive);
        assert_eq!(of(b"toc.dat\0\0")?, Kind::Archive);
        let whole = format!("{}\n--\n-- PostgreSQL database dump complete\n--\n\n", "x".repeat(10_000));
        assert_eq!(of(whole.as_bytes())?, Kind::Text);
        assert!(of(whole.replace(LAST_LINES[0], "").as_bytes()).is_err());
        let restricted = whole.trim_end().to_owned() + "\n\n\\unrestrict abc\n\n";
        assert_eq!(of(restricted.as_bytes())?, Kind::Text);
        let within = "COPY users (a) FROM stdin;\none\nPostgreSQL database dump complete\ntw";
        assert!(of(within.as_bytes()).is_err(), "what a row says is no end");
        assert!(of(b"SEL").is_err() && of(&[0; 99]).is_err());
        Ok(())
    }
}
