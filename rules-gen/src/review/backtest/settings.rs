//! The arguments of a backtest.

use super::sweep::{Budget, Sweep};
use crate::server::{Past, Server};

/// The arguments of a backtest except the rules and the output format.
#[derive(Debug, clap::Args)]
pub struct Settings {
    /// The Prometheus whose history is replayed.
    #[command(flatten)]
    pub server: Server,
    /// The range of time.
    #[command(flatten)]
    pub past: Past,
    /// Only alerts whose whole name matches.
    #[arg(long, value_name = "REGEX")]
    pub alert: Option<String>,
    /// Values to try: threshold=FROM:TO:STEP, threshold=A,B,C or for=5m,15m,30m.
    #[arg(long, value_parser = Sweep::parse)]
    pub sweep: Option<Sweep>,
    /// Pages allowed for one alert: 2/week, 1/day, 5/30d.
    #[arg(long, value_parser = Budget::parse)]
    pub budget: Option<Budget>,
}
