//! checklist-exporter: makes every check of the checklist continuously and exposes what it saw.

pub mod cli;
pub mod probe;
pub mod probes;
pub mod run;
pub mod server;
pub mod sources;
pub mod verify;
