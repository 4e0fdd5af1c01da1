//! Execution of the checks: schedule, state, configuration, leader election by a lease, and shards.

pub mod checks;
pub mod durations;
pub mod job;
pub mod lease;
pub mod process;
pub mod reach;
pub mod reload;
pub mod schedule;
pub mod shard;
pub mod state;
pub mod status;
pub mod time;
