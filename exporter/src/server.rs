//! The HTTP server: metrics, the status page, reports, and the authorization of requests.

pub mod exposition;
pub mod lifecycle;
pub mod listener;
pub mod page;
pub mod page_tasks;
mod responses;
pub mod routes;
pub mod site;
pub mod tasks_cache;
pub mod verdicts;
pub mod web;
