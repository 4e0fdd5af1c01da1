//! checklist-exporter: makes every check of the checklist continuously and exposes what it saw.

pub mod checks;
pub mod explain;
pub mod lease;
pub mod log;
pub mod page;
pub mod page_tasks;
pub mod probe;
pub mod probes;
pub mod process;
pub mod proofs;
pub mod reach;
pub mod records;
pub mod reload;
pub mod report;
pub mod schedule;
pub mod server;
pub mod shard;
pub mod snapshot;
pub mod sources;
pub mod standing;
pub mod state;
pub mod task_commands;
pub mod verify_alerts;
pub mod verify_backup;
pub mod web;
