//! The stack of real things that tests, demo and benchmark run on: PostgreSQL, an S3 server, TLS
//! and HTTP endpoints, a Kubernetes API, Prometheus, Alertmanager, and a recorder of what they send.
//! Everything listens on free loopback ports and ends with its handle.

pub mod checks;
pub mod cluster;
pub mod faults;
pub mod hostile;
pub mod http;
pub mod kubernetes;
pub mod life;
pub mod monitoring;
pub mod parts;
pub mod peers;
pub mod postgres;
pub mod process;
pub mod proof;
pub mod recorder;
pub mod replay;
pub mod replicas;
pub mod s3;
pub mod stack;
pub mod traffic;
pub mod waiting;
pub mod web;
