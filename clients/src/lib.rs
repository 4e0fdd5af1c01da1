//! The clients that both programs use to reach other systems: HTTP, TLS trust, secrets from files, S3 buckets,
//! Alertmanager, and the records of manual tasks. Every error names what was done and to what, never a secret.

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

/// The tolerance for times in the future: the clocks of two machines may differ by this much.
pub const AHEAD: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);
