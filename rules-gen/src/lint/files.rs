//! Finds the files to lint (folders, patterns, standard input) and reads their text.

use anyhow::Context;
use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// The largest size of a file, far above that of any rule file. Kubernetes refuses objects of more than about one MiB.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A file to lint.
#[derive(Debug)]
pub struct Source {
    /// The path as the user sees it.
    pub name: String,
    /// Whether the user named the file; otherwise it was found in a folder or by a pattern.
    pub named: bool,
    /// The text of the file, or the reason why it cannot be read.
    pub text: Result<String, String>,
}

/// The extensions of files that are read in a folder.
const ENDINGS: [&str; 5] = ["yaml", "yml", "json", "rules", "rule"];

/// Returns the files that the arguments mean, ordered by name. `-` is standard input. Files that match a pattern count
/// as found and not as named, because a pattern may match files of other programs.
///
/// # Errors
/// When a pattern is invalid or matches nothing.
pub fn collect(arguments: &[String]) -> anyhow::Result<Vec<Source>> {
    let (mut paths, mut named) = (BTreeSet::new(), BTreeSet::new());
    let mut sources = Vec::new();
    for argument in arguments {
        if argument == "-" {
            sources.push(Source { name: "stdin".to_owned(), named: true, text: bounded(std::io::stdin().lock()) });
            continue;
        }
        let path = Path::new(argument);
        if path.is_dir() {
            folder(path, &mut paths, &mut BTreeSet::new());
        } else if path.exists() || path.is_symlink() || !argument.contains(['*', '?', '[']) {
            named.insert(path.to_owned());
        } else {
            let mut some = false;
            for found in glob::glob(argument).with_context(|| format!("{argument} is not a valid glob pattern"))? {
                let found = found?;
                if found.is_file() {
                    some = true;
                    paths.insert(found);
                }
            }
            anyhow::ensure!(some, "nothing matches {argument}");
        }
    }
    paths.retain(|path| !named.contains(path));
    let source = |path: PathBuf, named| Source { text: read(&path, named), named, name: path.display().to_string() };
    sources.extend(named.into_iter().map(|path| source(path, true)));
    sources.extend(paths.into_iter().map(|path| source(path, false)));
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sources)
}

/// Adds every YAML and JSON file below a folder, except hidden ones. `seen` prevents endless loops of symbolic links.
fn folder(path: &Path, found: &mut BTreeSet<PathBuf>, seen: &mut BTreeSet<PathBuf>) {
    let known = path.canonicalize().is_ok_and(|real| !seen.insert(real));
    let Ok(entries) = std::fs::read_dir(path) else {
        // The folder is kept as a file that cannot be read, so that it is reported.
        found.insert(path.to_owned());
        return;
    };
    if known {
        return;
    }
    for entry in entries.flatten() {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let ending = path.extension();
        let known = ending.is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)));
        if hidden {
            continue;
        }
        if path.is_dir() {
            folder(&path, found, seen);
        } else if known {
            found.insert(path);
        }
    }
}

/// Reads a file. A pipe or device is only read when the user named it, because reading one may never end.
fn read(path: &Path, named: bool) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let meta = std::fs::metadata(path).map_err(unreadable)?;
    let kind = meta.file_type();
    if kind.is_fifo() || kind.is_char_device() {
        if !named {
            return Err("is a pipe or a device, which is read only when the command line names it".to_owned());
        }
        return bounded(std::fs::File::open(path).map_err(unreadable)?);
    }
    if !meta.is_file() {
        return Err("is not a regular file".to_owned());
    }
    if meta.len() > MAX_BYTES {
        return Err(too_large());
    }
    bounded(std::fs::File::open(path).map_err(unreadable)?)
}

/// Reads the text of a file or pipe that an option names.
///
/// # Errors
/// When the file cannot be read or is too large.
pub fn text(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {shown}"))?;
    bounded(file).map_err(|why| anyhow::anyhow!("{shown} {why}"))
}

fn bounded(from: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large());
    }
    if let Some(text) = utf16(&bytes) {
        return text;
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].split(|byte| *byte == b'\n').count();
        format!("is not UTF-8 (line {line}, byte {at})")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(ToOwned::to_owned).unwrap_or(text))
}

/// Returns the text of a file with a UTF-16 byte-order mark. PowerShell writes such files, and Prometheus reads them.
/// `None` without the mark.
fn utf16(bytes: &[u8]) -> Option<Result<String, String>> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xFF, 0xFE, ..] => u16::from_le_bytes,
        [0xFE, 0xFF, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let (pairs, rest) = bytes[2..].as_chunks::<2>();
    let text = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<String, _>>();
    Some(
        text.ok()
            .filter(|_| rest.is_empty())
            .ok_or_else(|| "begins with a UTF-16 byte-order mark but is not UTF-16".to_owned()),
    )
}

fn too_large() -> String {
    format!("is larger than {} MiB", MAX_BYTES / 1024 / 1024)
}
