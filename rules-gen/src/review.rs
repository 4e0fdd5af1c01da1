//! What rules, routes and the past say: comparisons, replays and reports.

pub mod backtest;
pub mod diff;
pub mod noise;
pub mod report;
pub mod rule_set;
pub mod rule_tests;
pub mod statistics;
