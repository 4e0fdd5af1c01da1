//! Hostile peers: servers that misbehave in every way, a configuration with every kind of target on each of them, and
//! the exporter with limited resources.

pub mod behaviour;
pub mod matrix;
pub mod watched;
