//! Clients of the world. Every error names what was done and to what, never a secret.

pub mod http;
pub mod kubelet;
pub mod kubernetes;
pub mod postgres;
pub mod report;
pub mod s3;
pub mod secret;
pub mod tls;
pub mod trust;
