//! Recognizes the format of a backup by its first bytes, for the check `backup` and for `verify-backup`.

use checklist::config::BackupFormat;
use flate2::read::MultiGzDecoder;
use std::io::{self, Read};

/// Number of uncompressed bytes that are examined. The title of a plain SQL dump is in its first lines.
const TITLE_BYTES: usize = 4096;
/// Upper bound of the first block of a Zstandard file, with everything before it. A block can only be decompressed as a
/// whole.
const ZSTD_BYTES: u64 = 132 * 1024;

/// Magic number of gzip (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Magic number of a Zstandard frame (RFC 8878).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Last three bytes of the magic number of a skippable Zstandard frame, which pzstd writes first. The byte before them
/// is 0x50 to 0x5f.
const ZSTD_SKIPPED: [u8; 3] = [0x2a, 0x4d, 0x18];
/// The first lines of plain SQL by `pg_dump` and by `pg_dumpall`.
const TITLES: [(&str, Content); 2] =
    [("-- PostgreSQL database dump", Content::Sql), ("-- PostgreSQL database cluster dump", Content::Cluster)];

/// The compression around a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    None,
    Gzip,
    Zstd,
}

/// The format of a backup without its compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// `pg_dump -Fc`, or the table of contents of `pg_dump -Fd`.
    Custom,
    /// `pg_dump -Ft`.
    Tar,
    /// `pg_dump -Fp`.
    Sql,
    /// `pg_dumpall`: several databases and the roles.
    Cluster,
    /// Not written by a program of PostgreSQL.
    Other,
}

impl Content {
    fn of(begin: &[u8]) -> Self {
        if begin.starts_with(b"PGDMP") {
            return Self::Custom;
        }
        // A tar file begins with the name of its first member.
        if begin.starts_with(b"toc.dat\0") {
            return Self::Tar;
        }
        let text = String::from_utf8_lossy(begin);
        let titled = text.lines().find_map(|line| TITLES.iter().find(|(title, _)| line.trim_end() == *title));
        titled.map_or(Self::Other, |(_, content)| *content)
    }
}

impl Layer {
    fn of(header: &[u8]) -> Self {
        match header {
            header if header.starts_with(&GZIP) => Self::Gzip,
            header if header.starts_with(&ZSTD) => Self::Zstd,
            [0x50..=0x5f, rest @ ..] if rest.starts_with(&ZSTD_SKIPPED) => Self::Zstd,
            _ => Self::None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "no layer",
            Self::Gzip => "gzip",
            Self::Zstd => "Zstandard",
        }
    }

    /// Returns a reader of the uncompressed content.
    ///
    /// # Errors
    /// Fails when the decoder cannot be created.
    pub fn open<'a>(self, packed: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::None => Box::new(packed),
            Self::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::new(packed)?),
        })
    }
}

/// Returns the compression that a format requires; `None` if the format is `any`.
pub const fn layer(format: BackupFormat) -> Option<Layer> {
    match format {
        BackupFormat::Any => None,
        BackupFormat::PgDump => Some(Layer::None),
        BackupFormat::Gzip | BackupFormat::PgDumpGzip => Some(Layer::Gzip),
        BackupFormat::Zstd | BackupFormat::PgDumpZstd => Some(Layer::Zstd),
    }
}

/// Returns how many of the first bytes of a backup [`inspect`] needs.
pub fn header_bytes(format: BackupFormat) -> u64 {
    if layer(format) == Some(Layer::Zstd) { ZSTD_BYTES } else { TITLE_BYTES as u64 }
}

/// Checks the first bytes of a backup against a format. `header` holds at least [`header_bytes`], or the whole backup.
///
/// # Errors
/// The text says how the bytes differ from what the format requires.
pub fn inspect(format: BackupFormat, header: &[u8]) -> Result<Content, String> {
    if header.is_empty() {
        return Err("the object is empty".to_owned());
    }
    let found = Layer::of(header);
    if let Some(wanted) = layer(format)
        && wanted != found
    {
        return Err(match wanted {
            Layer::None => format!("it is compressed with {}", found.as_str()),
            wanted => format!("its first bytes are not those of {}", wanted.as_str()),
        });
    }
    let Some(begin) = begin(found, header) else { return Err(format!("there is nothing within {}", found.as_str())) };
    let content = Content::of(&begin);
    let demands_a_dump = matches!(format, BackupFormat::PgDump | BackupFormat::PgDumpGzip | BackupFormat::PgDumpZstd);
    if demands_a_dump && content == Content::Other {
        let within = if found == Layer::None { String::new() } else { format!("inside {} ", found.as_str()) };
        return Err(format!("{within}its first bytes are not those of a pg_dump dump"));
    }
    Ok(content)
}

/// Decompresses as much as the truncated header allows, at most [`TITLE_BYTES`]. Returns `None` if there is nothing
/// within, which is what `gzip` makes of the output of a program that failed.
fn begin(layer: Layer, header: &[u8]) -> Option<Vec<u8>> {
    let mut inside = Vec::new();
    let Ok(mut reader) = layer.open(header) else { return Some(inside) };
    let mut piece = [0; 512];
    while inside.len() < TITLE_BYTES {
        // An error is expected: the header ends in the middle of the compressed data.
        match reader.read(&mut piece) {
            Ok(0) if inside.is_empty() => return None,
            Ok(0) | Err(_) => break,
            Ok(read) => inside.extend_from_slice(&piece[..read]),
        }
    }
    Some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn every_pg_dump_format_is_recognized_inside_every_compression_and_an_error_message_is_not() -> io::Result<()> {
        // Text that compresses badly, so that the first block of Zstandard is longer than what plain text needs.
        let mut state = 1_u64;
        let letter = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'!' + u8::try_from(state >> 58).unwrap_or_default())
        };
        let filler: String = (0..300_000).map(letter).collect();
        let sql = format!("--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n{filler}");
        let all = sql.replace("database dump", "database cluster dump");
        let (custom, tar) = (format!("PGDMP\u{1}\u{e}{filler}"), format!("toc.dat\0{filler}"));
        let kinds = [
            (sql.as_bytes(), Content::Sql),
            (all.as_bytes(), Content::Cluster),
            (custom.as_bytes(), Content::Custom),
            (tar.as_bytes(), Content::Tar),
            (b"pg_dump: error: connection failed", Content::Other),
            (b"- PostgreSQL database dump, said a row", Content::Other),
        ];
        for (bytes, content) in kinds {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            gzip.write_all(bytes)?;
            let (gzip, zstd) = (gzip.finish()?, zstd::stream::encode_all(bytes, 1)?);
            for (packed, dump, any) in [
                (bytes, BackupFormat::PgDump, BackupFormat::Any),
                (&gzip, BackupFormat::PgDumpGzip, BackupFormat::Gzip),
                (&zstd, BackupFormat::PgDumpZstd, BackupFormat::Zstd),
            ] {
                let most = usize::try_from(header_bytes(any)).unwrap_or(usize::MAX);
                let header = &packed[..packed.len().min(most)];
                assert_eq!(inspect(any, header), Ok(content), "{any:?}");
                assert_eq!(
                    inspect(dump, header).ok(),
                    Some(content).filter(|content| *content != Content::Other),
                    "{dump:?}"
                );
            }
            assert!(inspect(BackupFormat::PgDump, &gzip).is_err_and(|why| why.contains("compressed with gzip")));
            assert!(inspect(BackupFormat::Zstd, bytes).is_err());
        }
        assert!(inspect(BackupFormat::Any, b"").is_err() && inspect(BackupFormat::PgDumpGzip, &GZIP).is_err());
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default()).finish()?;
        for (format, empty) in
            [(BackupFormat::Gzip, gzip), (BackupFormat::Zstd, zstd::stream::encode_all(&b""[..], 1)?)]
        {
            for format in [format, BackupFormat::Any] {
                assert!(
                    inspect(format, &empty).is_err_and(|why| why.contains("there is nothing within")),
                    "{format:?}"
                );
            }
        }
        Ok(())
    }
}
