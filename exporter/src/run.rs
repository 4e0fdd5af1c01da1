//! Which checks are made, when, and what is known of each: schedule, state, configuration, lease and shard.

pub mod checks;
pub mod durations;
pub mod job;
pub mod lease;
pub mod process;
pub mod reach;
pub mod reload;
pub mod runtime;
pub mod schedule;
pub mod shard;
pub mod state;
pub mod status;
pub mod time;
