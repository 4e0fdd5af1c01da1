//! The proofs: `verify-backup` restores a backup, `verify-alerts` delivers a synthetic alert.

pub mod proofs;
pub mod verify_alerts;
pub mod verify_backup;
mod webhook;
