//! The test harness: the servers that tests, demo and benchmarks run on, such as PostgreSQL, S3, TLS and HTTP
//! endpoints, Kubernetes, Prometheus, Alertmanager, and a recorder of notifications.
//!
//! Every server listens on a free loopback port and ends when its handle is dropped.

pub mod application;
pub mod checks;
pub mod cluster;
pub mod faults;
pub mod hostile;
pub mod http;
pub mod kubernetes;
pub mod life;
mod majors;
pub mod monitoring;
pub mod parts;
pub mod peers;
pub mod postgres;
pub mod process;
pub mod proof;
pub mod recorder;
pub mod replay;
pub mod replicas;
pub mod rights;
pub mod s3;
pub mod sources;
pub mod stack;
pub mod traffic;
pub mod tried;
pub mod waiting;
pub mod web;
