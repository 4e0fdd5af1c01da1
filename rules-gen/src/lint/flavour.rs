//! The servers that evaluate rule files.

/// The servers that evaluate rule files, each with keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Flavour {
    /// Prometheus itself.
    Prometheus,
    /// Mimir, and Cortex before it.
    Mimir,
    /// The ruler of Thanos.
    Thanos,
}
