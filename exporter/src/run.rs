//! Which checks are made, when, and what is known of each: schedule, state, configuration, lease and shard.

pub mod checks;
pub mod lease;
pub mod process;
pub mod reload;
pub mod schedule;
pub mod shard;
pub mod state;
pub mod time;
