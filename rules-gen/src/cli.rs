//! The subcommands of rules-gen, and options that several of them share.

pub mod access;
pub mod backtest;
pub mod diff;
pub mod docs;
pub mod explain;
pub mod generate;
pub mod init;
pub mod lint;
pub mod list;
pub mod merge;
pub mod noise;
pub mod report;
pub mod route_test;
pub mod shell;
pub mod test;

use checklist::Config;
use checklist::yaml;
use clap::error::{ContextKind, ContextValue};
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};

/// The exit codes, at the end of every `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  clean
  1  findings, failing tests, files that differ
  2  wrong usage or an invalid checklist.yaml
  3  a live server gave no usable response, so there is no verdict";

/// Removes user names and passwords from a usage error, because clap repeats the wrong value in its message.
pub fn without_logins(mut mistake: clap::Error) -> clap::Error {
    let hidden: Vec<(ContextKind, String)> = mistake
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => Some((kind, without_login(text)?)),
            _ => None,
        })
        .collect();
    if !hidden.is_empty() {
        // The suggestion may repeat the value.
        mistake.remove(ContextKind::Suggested);
    }
    for (kind, text) in hidden {
        mistake.insert(kind, ContextValue::String(text));
    }
    mistake
}

/// Replaces the user and password of an address: `prometheus=http://...@host`. `None` for a text without them.
fn without_login(text: &str) -> Option<String> {
    let (login, host) = text.rsplit_once('@')?;
    let scheme = ["http://", "https://"].iter().find_map(|scheme| {
        let at = login.find(scheme)? + scheme.len();
        let before = &login[..at - scheme.len()];
        before.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '=' | '-')).then_some(&login[..at])
    });
    Some(format!("{}...@{host}", scheme.unwrap_or_default()))
}

/// The argument that names the checklist.yaml.
#[derive(Debug, Clone, clap::Args)]
pub struct ConfigFile {
    /// The checklist.yaml.
    #[arg(long, env = "CHECKLIST_CONFIG", default_value = "checklist.yaml", value_name = "FILE")]
    pub config: PathBuf,
}

impl ConfigFile {
    /// Reads and validates the file.
    pub fn load(&self) -> anyhow::Result<Config> {
        checklist(&self.config)
    }

    /// Like [`ConfigFile::load`], and returns the text of the file too.
    pub fn read(&self) -> anyhow::Result<(Config, String)> {
        read(&self.config)
    }

    /// Returns the file's name without its folder, for the headers of generated files.
    pub fn name(&self) -> String {
        self.config.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The output formats of commands that print text or JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Text for people, in colours on a terminal.
    Text,
    /// JSON for programs.
    Json,
}

/// Reads and validates a checklist.yaml.
pub fn checklist(path: &Path) -> anyhow::Result<Config> {
    Ok(read(path)?.0)
}

fn read(path: &Path) -> anyhow::Result<(Config, String)> {
    let shown = path.display().to_string();
    let text = crate::lint::files::text(path)?;
    Ok((Config::parse(&shown, &text)?, text))
}

/// Puts the name of a file in front of an error. A YAML error has a line and a column and needs only the name; any
/// other error follows after `otherwise`.
pub fn of_file(error: anyhow::Error, name: &str, otherwise: &str) -> anyhow::Error {
    match error.downcast::<yaml::Error>() {
        Ok(wrong) => anyhow::anyhow!("{name}:{wrong}"),
        Err(error) => error.context(otherwise.to_owned()),
    }
}

/// Returns the time zone of the tasks, in which days begin. UTC without tasks.
pub fn zone(config: &Config) -> TimeZone {
    config.tasks.as_ref().map_or(TimeZone::UTC, |tasks| tasks.zone.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_printed_without_user_and_password() {
        for (text, shown) in [
            ("user:pw@host", Some("...@host")),
            ("http://user:p@w@host/path", Some("http://...@host/path")),
            ("mimir=https://user:pw@host", Some("mimir=https://...@host")),
            ("--prometheus=http://user:pw@host", Some("--prometheus=http://...@host")),
            ("user:http://pw@host", Some("...@host")),
            ("http://host", None),
            ("notaurl", None),
        ] {
            assert_eq!(without_login(text).as_deref(), shown, "{text}");
        }
    }
}
