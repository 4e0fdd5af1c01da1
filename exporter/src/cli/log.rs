//! The log of the process: written to standard error, one line per event, without secrets of the client libraries.

use clients::failure::is_visible;
use std::io::{Result, Stderr, Write};
use tracing::Level;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// The finest level at which each client library may log. At finer levels they log headers, keys and bodies; `RUST_LOG`
/// cannot override this list.
const QUIET: [(&str, Level); 9] = [
    ("aws", Level::INFO),
    // Its warnings are debug output of errors that the failure of the check already describes.
    ("aws_config", Level::ERROR),
    ("h2", Level::INFO),
    ("hyper", Level::INFO),
    ("kube", Level::INFO),
    ("kube_client", Level::ERROR),
    ("rustls", Level::INFO),
    ("tokio_postgres", Level::INFO),
    ("tower", Level::INFO),
];

/// Starts logging to standard error, as JSON objects if `json` is set. `RUST_LOG` filters the events; if it is not set,
/// events of the level `otherwise` and above are logged.
pub fn to_stderr(json: bool, otherwise: Level) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(otherwise.as_str()));
    // This is a second filter because directives within one `EnvFilter` override each other: the more specific one in
    // `RUST_LOG` would win.
    let quiet = filter_fn(|event| {
        QUIET.iter().all(|(client, finest)| !event.target().starts_with(client) || event.level() <= finest)
    });
    // No colours, because `OneLine` escapes every escape code: those in a quoted text could forge output on a terminal.
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| OneLine(std::io::stderr()));
    let layer = if json { layer.json().boxed() } else { layer.boxed() };
    tracing_subscriber::registry().with(layer.with_filter(filter.and(quiet))).init();
}

/// A writer that keeps each event on one line, whatever text it quotes. Line breaks, escape codes and characters that
/// change the direction of text are written as `\u{…}`. Each call of `write` receives one whole event that ends with a
/// line break.
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
    fn a_log_event_is_one_line_for_any_content() -> Result<()> {
        let mut written = Vec::new();
        OneLine(&mut written).write_all("a\nERROR forged\r\u{1b}[31m\u{9b}1m\u{2028}\u{202e}ä\n".as_bytes())?;
        let expected = "a\\u{a}ERROR forged\\u{d}\\u{1b}[31m\\u{9b}1m\\u{2028}\\u{202e}ä\n";
        assert_eq!(String::from_utf8_lossy(&written), expected);
        Ok(())
    }
}
