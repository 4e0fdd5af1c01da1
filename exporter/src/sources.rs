//! What only the exporter asks: Kubernetes, PostgreSQL, TLS endpoints and reports. Every error names what was done and to
//! what, never a secret.

pub mod dump;
pub mod kubelet;
pub mod kubernetes;
pub mod null;
pub mod postgres;
pub mod report;
pub mod tls;
