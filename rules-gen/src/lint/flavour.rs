//! The servers that evaluate rule files.

/// A server that evaluates rule files. Each has some keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Flavour {
    /// Prometheus.
    Prometheus,
    /// Mimir, or Cortex before it.
    Mimir,
    /// The ruler of Thanos.
    Thanos,
    /// The program vmalert of Victoria Metrics.
    Vmalert,
}
