//! Clients of the sources that only the exporter queries: Kubernetes, PostgreSQL, TLS endpoints and reports. Every
//! error names the operation and its object, and never contains a secret.

pub mod dump;
pub mod freshness;
pub mod kubelet;
pub mod kubernetes;
pub mod null;
pub mod postgres;
pub mod prometheus;
pub mod report;
pub mod tls;
