//! What both programs need to reach other systems: HTTP, TLS trust, secrets from files, buckets, Alertmanager, and the
//! records of people's tasks. Every error names what was done and to what, never a secret.

pub mod connection;
pub mod failure;
pub mod file;
pub mod http;
pub mod records;
#[cfg(feature = "s3")]
pub mod s3;
pub mod secret;
pub mod synthetic_alert;
pub mod task_status;
pub mod tcp;
pub mod trust;

pub use failure::Failure;

/// Clocks of two machines may differ by this much.
pub const AHEAD: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);
