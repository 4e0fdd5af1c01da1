//! The proofs: a backup is restored, and a synthetic alert is delivered.

pub mod proofs;
pub mod verify_alerts;
pub mod verify_backup;
mod webhook;
