//! Peers that mean no good or have a bad day, every kind of target on each of them, and the program among them, watched.

pub mod behaviour;
pub mod matrix;
pub mod watched;
