//! Attacks on the running program, one file for each kind: no access without a login, no leaked secret, and no delayed
//! scrape.

mod checklist_file;
mod clients;
mod credentials;
mod http;
mod lifecycle;
mod log_lines;
mod logins;
mod memory;
mod waiting;
mod web_config;
