//! Analyses of a set of rules: comparison with deployed rules, backtests, noise of past alerts, reports and rule tests.

pub mod backtest;
pub mod diff;
pub mod noise;
pub mod report;
pub mod rule_set;
pub mod rule_tests;
pub mod statistics;
