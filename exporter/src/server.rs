//! What the program shows over HTTP: metrics, the status page, reports, and who may read them.

pub mod exposition;
pub mod listener;
pub mod page;
pub mod page_tasks;

pub mod routes;
pub mod site;
pub mod verdicts;
pub mod web;
