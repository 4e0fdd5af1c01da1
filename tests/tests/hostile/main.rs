//! Attacks and bad days, as they were tried: one file for each kind. Nobody gets in, nothing gets out, nothing stalls.

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
