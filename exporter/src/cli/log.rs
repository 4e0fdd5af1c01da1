//! Where the log goes, and what never gets into it.

use std::io::IsTerminal;
use tracing::Level;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// At finer levels clients log headers, keys and bodies, whatever `RUST_LOG` asks for.
const QUIET: [(&str, Level); 8] = [
    ("aws", Level::INFO),
    ("h2", Level::INFO),
    ("hyper", Level::INFO),
    ("kube", Level::INFO),
    ("kube_client", Level::ERROR),
    ("rustls", Level::INFO),
    ("tokio_postgres", Level::INFO),
    ("tower", Level::INFO),
];

/// Logs to standard error as `RUST_LOG` asks for, `info` when it says nothing.
pub fn to_stderr(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // A filter of its own: among directives of one, the more specific would win.
    let quiet = filter_fn(|event| {
        QUIET.iter().all(|(client, finest)| !event.target().starts_with(client) || event.level() <= finest)
    });
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = layer.with_ansi(std::io::stderr().is_terminal());
    let layer = if json { layer.json().boxed() } else { layer.boxed() };
    tracing_subscriber::registry().with(layer.with_filter(filter.and(quiet))).init();
}
