//! A benchmark of alerts in ordinary operation: a seeded simulation of online shops, the series that the exporter would
//! expose, a ledger of injected incidents, and the alerts of a rule set when a real Prometheus evaluates it.
//!
//! `exporters` says what other exporters would have exposed of the same month, for rule sets of other projects.
//!
//! The ledger (`ledger`) knows nothing of the rules, and the evaluation (`evaluate`) nothing of the ledger; `table`
//! compares the two.

pub mod board;
mod book;
pub mod clock;
pub mod database;
pub mod evaluate;
pub mod exporters;
pub mod incidents;
pub mod ledger;
pub mod notifications;
pub mod ordinary;
pub mod peers;
pub mod remote_write;
pub mod score;
pub mod shop;
pub mod table;
