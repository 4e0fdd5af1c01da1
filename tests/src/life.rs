//! The benchmark of alerts on ordinary life: a seeded model of shops, what probes would expose of it, a ledger of
//! incidents, and what a set of rules tells of it when a real Prometheus evaluates it.
//!
//! What reads the ledger (`ledger`) never reads the rules, and what evaluates the rules (`evaluate`) never reads the
//! ledger; `table` puts both side by side.

pub mod board;
mod book;
pub mod clock;
pub mod database;
pub mod evaluate;
pub mod incidents;
pub mod judge;
pub mod ledger;
pub mod notifications;
pub mod ordinary;
pub mod peers;
pub mod remote_write;
pub mod shop;
pub mod table;
