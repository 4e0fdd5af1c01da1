//! What the program shows over HTTP: metrics, the status page, reports, and who may read them.

mod answers;
pub mod exposition;
pub mod lifecycle;
pub mod listener;
pub mod page;
pub mod page_tasks;
pub mod routes;
pub mod site;
pub mod tasks_cache;
pub mod verdicts;
pub mod web;
