//! What the verbs of the command line share.

use anyhow::Context;
use checklist::Config;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// The end of every `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  clean
  1  findings, failing tests, files that differ
  2  wrong usage or an invalid checklist.yaml
  3  a live server gave no answer, so there is no verdict";

/// Where the checklist is.
#[derive(Debug, Clone, clap::Args)]
pub struct ConfigFile {
    /// The checklist.
    #[arg(long, env = "CHECKLIST_CONFIG", default_value = "checklist.yaml", value_name = "FILE")]
    pub config: PathBuf,
}

impl ConfigFile {
    /// Reads and checks it.
    ///
    /// # Errors
    /// An unreadable file, and every mistake in it.
    pub fn load(&self) -> anyhow::Result<Config> {
        Ok(self.read()?.0)
    }

    /// The same, with its text.
    ///
    /// # Errors
    /// As [`ConfigFile::load`].
    pub fn read(&self) -> anyhow::Result<(Config, String)> {
        let text =
            std::fs::read_to_string(&self.config).with_context(|| format!("cannot read {}", self.config.display()))?;
        Ok((Config::parse(&self.config.display().to_string(), &text)?, text))
    }

    /// Its file name, for the headers of what is generated.
    pub fn name(&self) -> String {
        self.config.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// Writes to standard output. A reader that had enough (`| head`) is no mistake.
///
/// # Errors
/// When standard output cannot be written to.
pub fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}

/// Writes a message for people to standard error.
#[expect(clippy::print_stderr, reason = "the command's own messages")]
pub fn say(message: &str) {
    eprintln!("{message}");
}

/// Colours and bold type, on terminals only.
#[derive(Debug, Clone, Copy)]
pub struct Style(bool);

impl Style {
    /// Coloured when standard output is a terminal and nobody asked for none.
    pub fn of_stdout() -> Self {
        Self(std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none())
    }

    /// A heading.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What is good.
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// What is bad.
    pub fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
