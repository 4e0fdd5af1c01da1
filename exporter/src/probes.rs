//! One probe per signal, named as the signal is.

pub mod auth_failures;
pub mod backup;
pub mod certificates;
pub mod connections;
pub mod disk;
pub mod health;
pub mod pods;
pub mod restarts;
pub mod seq_scans;
