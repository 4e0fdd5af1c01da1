//! Where the log goes, and what never gets into it.

use clients::failure::is_visible;
use std::io::{Result, Stderr, Write};
use tracing::Level;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// At finer levels clients log headers, keys and bodies, whatever `RUST_LOG` asks for.
const QUIET: [(&str, Level); 9] = [
    ("aws", Level::INFO),
    // Its warnings are debug dumps of errors, which the check's own failure says in a sentence.
    ("aws_config", Level::ERROR),
    ("h2", Level::INFO),
    ("hyper", Level::INFO),
    ("kube", Level::INFO),
    ("kube_client", Level::ERROR),
    ("rustls", Level::INFO),
    ("tokio_postgres", Level::INFO),
    ("tower", Level::INFO),
];

/// Logs to standard error as `RUST_LOG` asks for; at the given level when `RUST_LOG` is not set.
pub fn to_stderr(json: bool, otherwise: Level) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(otherwise.as_str()));
    // A filter of its own: among directives of one, the more specific would win.
    let quiet = filter_fn(|event| {
        QUIET.iter().all(|(client, finest)| !event.target().starts_with(client) || event.level() <= finest)
    });
    // No colours: an escape code in the log is never ours, so none is let through.
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| OneLine(std::io::stderr()));
    let layer = if json { layer.json().boxed() } else { layer.boxed() };
    tracing_subscriber::registry().with(layer.with_filter(filter.and(quiet))).init();
}

/// Writes each event as one line, whatever it quotes: of line breaks, escape codes and marks that turn the direction of
/// text, the numbers are written. An event comes in one piece and ends with a line break.
struct OneLine<W = Stderr>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> Result<usize> {
        let text = String::from_utf8_lossy(event);
        let (line, end) = text.strip_suffix('\n').map_or((&*text, ""), |line| (line, "\n"));
        let mut safe = String::with_capacity(event.len());
        for c in line.chars() {
            if is_visible(c) { safe.push(c) } else { safe.extend(c.escape_unicode()) }
        }
        safe.push_str(end);
        self.0.write_all(safe.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_it_quotes() -> Result<()> {
        let mut written = Vec::new();
        OneLine(&mut written).write_all("a\nERROR forged\r\u{1b}[31m\u{9b}1m\u{2028}\u{202e}ä\n".as_bytes())?;
        let expected = "a\\u{a}ERROR forged\\u{d}\\u{1b}[31m\\u{9b}1m\\u{2028}\\u{202e}ä\n";
        assert_eq!(String::from_utf8_lossy(&written), expected);
        Ok(())
    }
}
