//! RG070: rules that a live server cannot evaluate. `live` queries the server.

use crate::lint::definition::{Check, Lint};
use crate::lint::report::Level;

pub(super) static LINT: Lint = Lint {
    id: "RG070",
    title: "the server cannot evaluate it",
    level: Level::Error,
    text: "A rule that fails at evaluation is silent, whatever it says. Asked of a live server: its rules' health and last error.",
    check: Check::Server,
    found: &[],
    fine: &[],
};
