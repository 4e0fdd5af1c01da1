//! Who is told beside PagerDuty and Slack, when warnings wait, and who misses the Watchdog.

use crate::condition::threshold::Severity;
use std::path::PathBuf;
use std::time::Duration;

/// E-mail through an SMTP server.
#[derive(Debug, Clone)]
pub struct Email {
    /// The recipients, separated by commas.
    pub to: String,
    /// The sender.
    pub from: String,
    /// The server and its port.
    pub smarthost: String,
    /// The user, for servers that ask.
    pub username: Option<String>,
    /// The file, as Alertmanager sees it, that holds the password.
    pub password_file: Option<PathBuf>,
    /// Whether the connection must be encrypted.
    pub require_tls: bool,
    /// What is told.
    pub severities: Vec<Severity>,
}

/// The address of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// In the open, for addresses that are no secret.
    Url(String),
    /// In a file, as Alertmanager sees it; needs Alertmanager 0.26.
    File(PathBuf),
}

/// Anything that takes Alertmanager's own JSON.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where.
    pub address: Address,
    /// What is told.
    pub severities: Vec<Severity>,
}

/// An external service that complains when the Watchdog is no longer heard.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// Where.
    pub address: Address,
    /// Time between two messages.
    pub interval: Duration,
}

/// A window in which warnings wait. Pages never do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// Its name.
    pub name: String,
    /// The days on which it begins, 0 is Sunday; every day when empty.
    pub weekdays: Vec<u8>,
    /// From and to in minutes of the day; the whole day when empty. An end before its begin is on the next day.
    pub times: Vec<(u16, u16)>,
    /// The name of the time zone.
    pub time_zone: String,
}
