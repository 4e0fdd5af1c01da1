//! RG070: rules that a live server cannot evaluate. `live` queries the server.

use crate::lint::definition::{Check, Lint};
use crate::lint::report::Level;

pub(super) static LINT: Lint = Lint {
    id: "RG070",
    title: "evaluation fails on the server",
    level: Level::Error,
    text: "A rule whose evaluation fails never fires. With `--live` the health and the last error of each rule are read from a running server.",
    check: Check::Server,
    found: &[],
    fine: &[],
};
