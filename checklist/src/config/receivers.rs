//! The sections of `alerting:` for receivers other than PagerDuty and Slack, maintenance windows, and the heartbeat.

use crate::condition::threshold::Severity;
use crate::reader::keys::{Form, Key, Kind, Rule, Section, words};
use crate::reader::table::Table;
use crate::targets::parts::{HOST_PORT, HTTP};
use crate::targets::tasks::TIME_ZONE;
use crate::yaml::quote;
use std::path::PathBuf;
use std::time::Duration;

/// E-mail through an SMTP server.
#[derive(Debug, Clone)]
pub struct Email {
    /// The recipients, separated by commas.
    pub to: String,
    /// The sender.
    pub from: String,
    /// The server with its port.
    pub smarthost: String,
    /// The user, for servers that need a login.
    pub username: Option<String>,
    /// The file with the password, by its path on Alertmanager's host.
    pub password_file: Option<PathBuf>,
    /// Whether the connection must be encrypted.
    pub require_tls: bool,
    /// The severities that this receiver gets.
    pub severities: Vec<Severity>,
}

/// The address of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// The address itself, when it is not a secret.
    Url(String),
    /// A file with the address, by its path on Alertmanager's host. Needs Alertmanager 0.26.
    File(PathBuf),
}

/// A receiver of Alertmanager's webhook JSON.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub address: Address,
    /// The severities that this receiver gets.
    pub severities: Vec<Severity>,
}

/// An external service that raises an alarm when it no longer receives the Watchdog alert.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    pub address: Address,
    /// The time between two notifications.
    pub interval: Duration,
}

/// A window of time in which warnings are held back. Critical alerts never are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    pub name: String,
    /// The weekdays on which the window begins, 0 is Sunday. Sorted and unique. Empty: every day.
    pub weekdays: Vec<u8>,
    /// Start and end in minutes of the day. Empty: the whole day. An end before the start is on the next day.
    pub times: Vec<(u16, u16)>,
    /// The name of the time zone in the IANA database.
    pub time_zone: String,
}

/// The names of the weekdays, Sunday first as in Alertmanager's configuration.
pub const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

const ENDLESS: &str = "the window would never end: set weekdays or times that do not cover the whole week";

const SEVERITY: [(&str, Severity); 2] = [("critical", Severity::Critical), ("warning", Severity::Warning)];
const SEVERITIES: Key = Key::new(
    "severities",
    Kind::List(&Kind::Choice(&words(&SEVERITY)), false),
    "The severities of the alerts that it receives.",
)
.otherwise("both")
.example("[critical]");
const ADDRESS: &[Key] = &[
    Key::new("url", Kind::Form(&HTTP), "The address, if it is not a secret.")
        .example("https://hooks.example.com/alerts"),
    Key::new(
        "urlFile",
        Kind::Path,
        "The file with the address, if it is a secret, as Alertmanager (0.26 or newer) sees it.",
    )
    .example("/etc/alertmanager/secrets/webhook-url"),
];
const ONE_ADDRESS: Rule = Rule::One(&["url", "urlFile"], "set either url, or urlFile for a secret address");

pub(super) static EMAIL: Section = Section {
    what: "email",
    keys: &[&[
        Key::new("to", Kind::Text, "The recipients, separated by commas.").required().example("ops@example.com"),
        Key::new("from", Kind::Text, "The sender.").required().example("alertmanager@example.com"),
        Key::new("smarthost", Kind::Form(&HOST_PORT), "The SMTP server and its port.")
            .required()
            .example("smtp.example.com:587"),
        Key::new("username", Kind::Text, "The user, for servers that require authentication.").example("alertmanager"),
        Key::new("passwordFile", Kind::Path, "The file, as Alertmanager sees it, that holds the password.")
            .example("/etc/alertmanager/secrets/smtp-password"),
        Key::new("requireTls", Kind::Flag, "Whether the connection must be encrypted.")
            .default("true")
            .example("false"),
        SEVERITIES,
    ]],
    rules: &[
        Rule::Needs("username", "passwordFile", "username and passwordFile must be set together"),
        Rule::Needs("passwordFile", "username", "username and passwordFile must be set together"),
    ],
};

pub(super) static WEBHOOK: Section =
    Section { what: "webhook", keys: &[ADDRESS, &[SEVERITIES]], rules: &[ONE_ADDRESS] };

pub(super) static HEARTBEAT: Section = Section {
    what: "heartbeat",
    keys: &[
        ADDRESS,
        &[Key::new("interval", Kind::Duration, "The time between two notifications, 10s or longer.")
            .default("1m")
            .example("5m")],
    ],
    rules: &[ONE_ADDRESS],
};

/// A regular expression for the names of the weekdays in any case.
macro_rules! weekday {
    () => {
        concat!(
            "([sS][uU][nN]|[mM][oO][nN]|[tT][uU][eE][sS]|[wW][eE][dD][nN][eE][sS]|[tT][hH][uU][rR][sS]|[fF][rR][iI]|",
            "[sS][aA][tT][uU][rR])[dD][aA][yY]"
        )
    };
}

static DAY: Form = Form {
    right: "a day such as monday, or days such as monday:friday",
    pattern: concat!("^", weekday!(), "(:", weekday!(), ")?$"),
    fits: |text| days(text).is_some(),
};
static CLOCK: Form = Form {
    right: "a time of the day in quotes such as \"22:30\"",
    pattern: "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$",
    fits: |text| minutes_of_day(text).is_some(),
};

static TIME: Section = Section {
    what: "a time",
    keys: &[&[
        Key::new("from", Kind::Form(&CLOCK), "When it begins.").required().example("'22:00'"),
        Key::new("to", Kind::Form(&CLOCK), "When it ends; before `from` it is on the next day.")
            .required()
            .example("'02:00'"),
    ]],
    rules: &[],
};

pub(super) static MAINTENANCE: Section = Section {
    what: "a maintenance window",
    keys: &[&[
        Key::new("name", Kind::Text, "The name of the window.").required().example("sunday-night"),
        Key::new("weekdays", Kind::List(&Kind::Form(&DAY), false), "The days on which it begins, or ranges of days.")
            .otherwise("every day")
            .example("[saturday, 'monday:wednesday']"),
        Key::new("times", Kind::List(&Kind::Table(&TIME), false), "The times of the day.")
            .otherwise("the whole day")
            .example("[{from: '22:00', to: '02:00'}]"),
        Key::new("timeZone", Kind::Form(&TIME_ZONE), "The time zone of days and times.")
            .default("UTC")
            .example("Europe/Berlin"),
    ]],
    rules: &[Rule::Any(&["weekdays", "times"], ENDLESS)],
};

impl Email {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let severities = severities(table);
        Some(Self {
            to: table.text("to")?,
            from: table.text("from")?,
            smarthost: table.text("smarthost")?,
            username: table.text("username"),
            password_file: table.path("passwordFile"),
            require_tls: table.flag("requireTls"),
            severities,
        })
    }
}

impl Webhook {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let severities = severities(table);
        Some(Self { address: address(table)?, severities })
    }
}

impl Heartbeat {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let interval = table.duration("interval")?;
        if interval < Duration::from_secs(10) {
            table.mistake_at("interval", "interval must be 10s or longer");
        }
        Some(Self { address: address(table)?, interval })
    }
}

fn address(table: &Table<'_>) -> Option<Address> {
    table.text("url").map(Address::Url).or(table.path("urlFile").map(Address::File))
}

fn severities(table: &Table<'_>) -> Vec<Severity> {
    let mut all = Vec::new();
    for node in table.list("severities") {
        let known = SEVERITY.iter().find(|(word, _)| node.scalar() == Some(word));
        match known {
            Some((word, severity)) if all.contains(severity) => {
                table.mistake(node.place, format!("{word} is repeated"));
            }
            Some((_, severity)) => all.push(*severity),
            None => {}
        }
    }
    if all.is_empty() { SEVERITY.map(|(_, severity)| severity).to_vec() } else { all }
}

/// Reads the maintenance windows.
pub(super) fn maintenance(alerting: &Table<'_>) -> Vec<Maintenance> {
    let mut windows: Vec<Maintenance> = Vec::new();
    for table in alerting.tables("maintenance") {
        let mut weekdays: Vec<u8> = table.texts("weekdays").iter().filter_map(|text| days(text)).flatten().collect();
        weekdays.sort_unstable();
        weekdays.dedup();
        let (times, time_zone) = (times(&table), table.text("timeZone"));
        let all_days = weekdays.is_empty() || weekdays.len() == WEEKDAYS.len();
        let some = !weekdays.is_empty() || !times.is_empty();
        if some && all_days && covers_the_day(&times) {
            table.mistake(table.place, ENDLESS);
        }
        let (Some(name), Some(time_zone)) = (table.text("name"), time_zone) else { continue };
        if windows.iter().any(|known| known.name == name) {
            table.mistake(table.place, format!("two windows have the name {}", quote(&name)));
        }
        windows.push(Maintenance { name, weekdays, times, time_zone });
    }
    windows
}

/// Returns whether the times cover every minute of a day. Without times, the whole day is covered.
fn covers_the_day(times: &[(u16, u16)]) -> bool {
    let within = |minute: u16| {
        let one = |(from, to): &(u16, u16)| {
            if from < to { (*from..*to).contains(&minute) } else { minute >= *from || minute < *to }
        };
        times.is_empty() || times.iter().any(one)
    };
    (0..24 * 60).all(within)
}

/// Parses a weekday or a range of weekdays: `monday:friday`.
fn days(text: &str) -> Option<Vec<u8>> {
    let number = |day: &str| (0_u8..).zip(WEEKDAYS).find(|(_, name)| *name == day.trim().to_lowercase());
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    let ((first, _), (last, _)) = (number(first)?, number(last)?);
    Some((0..=(last + 7 - first) % 7).map(|step| (first + step) % 7).collect())
}

/// Reads the times of a window as minutes of the day.
fn times(window: &Table<'_>) -> Vec<(u16, u16)> {
    let mut times = Vec::new();
    for table in window.tables("times") {
        let (from, to) = (table.text("from"), table.text("to"));
        let (from, to) = (from.as_deref().and_then(minutes_of_day), to.as_deref().and_then(minutes_of_day));
        let (Some(from), Some(to)) = (from, to) else { continue };
        if from == to {
            table.mistake(table.place, "from and to must be different");
        } else if from == 24 * 60 {
            table.mistake_at("from", "from must be before 24:00; the beginning of a day is 00:00");
        } else {
            times.push((from, to));
        }
    }
    times
}

/// Parses a time of the day, `hh:mm`, as minutes. `24:00` is the end of the day.
pub fn minutes_of_day(text: &str) -> Option<u16> {
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let (hour, minute) = text.split_once(':').filter(|(hour, minute)| digits(hour) && digits(minute))?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60 || (hour, minute) == (24, 0)).then_some(hour * 60 + minute)
}
