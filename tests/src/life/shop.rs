//! The simulated shops, and the checklist.yaml for each.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a week in minutes")]

use super::board::chance;
use std::fmt::Write as _;

/// Days before the judged period, so that rules which compare with the week before have data.
pub const WARM_UP: usize = 8;
/// Minutes in a day.
pub const DAY: usize = 1_440;

/// The workloads of each namespace of the large shop.
const WORKLOADS: [&str; 5] = ["web", "api", "search", "worker", "mailer"];

/// The size of a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One database, office hours, and a request every few minutes at night.
    Small,
    /// Autoscaling, frequent deployments, nodes that leave, previews and services that are scaled to zero.
    HighTraffic,
    /// Many namespaces, databases and certificates, frequent releases, quiet weekends and a month end.
    Large,
}

/// A deployment with a service of the same name.
#[derive(Debug, Clone)]
pub struct App {
    pub namespace: String,
    pub workload: String,
    /// Number of pods at night and by day.
    pub replicas: (usize, usize),
    /// Whether it is scaled to zero at night.
    pub sleeps: bool,
    /// Whether it has no pods at present: the idle half of a blue-green pair, or a preview.
    pub idle: bool,
}

/// A simulated shop.
#[derive(Debug, Clone)]
pub struct Shop {
    pub kind: Kind,
    /// Seed of all random behaviour.
    pub seed: u64,
    /// Length of the simulation in minutes, including the warm-up.
    pub minutes: usize,
    pub apps: Vec<App>,
    /// Names of the databases. The first one has the application's tables.
    pub databases: Vec<String>,
    /// Names of the TLS endpoints.
    pub certificates: Vec<String>,
    /// Number of partitions of the largest table in each database.
    pub partitions: usize,
    /// Requests per minute by day and at night.
    pub requests: (f64, f64),
    /// Number of deployments of each workload per week.
    pub deployments: usize,
}

impl Shop {
    /// Creates a shop.
    pub fn new(kind: Kind, seed: u64) -> Self {
        let app = |namespace: &str, workload: &str, replicas: (usize, usize)| App {
            namespace: namespace.to_owned(),
            workload: workload.to_owned(),
            replicas,
            sleeps: false,
            idle: false,
        };
        let numbered = |stem: &str, count: usize| (1..=count).map(|n| format!("{stem}{n:02}")).collect::<Vec<_>>();
        match kind {
            Kind::Small => Self {
                kind,
                seed,
                minutes: (WARM_UP + 28) * DAY,
                apps: vec![app("store", "shop", (2, 2)), app("store", "worker", (1, 1))],
                databases: vec!["shop".to_owned()],
                certificates: vec!["www".to_owned()],
                partitions: 6,
                requests: (4.0, 0.25),
                deployments: 1,
            },
            Kind::HighTraffic => {
                let mut apps = vec![
                    app("store", "shop", (2, 8)),
                    app("store", "api", (2, 8)),
                    app("store", "worker", (2, 2)),
                    app("store", "cart", (3, 3)),
                ];
                apps.push(App { sleeps: true, ..app("store", "mailer", (0, 2)) });
                apps.push(App { idle: true, ..app("store", "shop-green", (0, 0)) });
                apps.push(App { idle: true, ..app("store", "preview-17", (0, 0)) });
                Self {
                    kind,
                    seed,
                    minutes: (WARM_UP + 28) * DAY,
                    apps,
                    databases: vec!["shop".to_owned(), "billing".to_owned()],
                    certificates: numbered("endpoint", 6),
                    partitions: 75,
                    requests: (3_000.0, 600.0),
                    deployments: 8,
                }
            }
            Kind::Large => Self {
                kind,
                seed,
                minutes: (WARM_UP + 7) * DAY,
                // 2,000 pods by day.
                apps: numbered("team", 40)
                    .iter()
                    .flat_map(|namespace| WORKLOADS.map(|workload| app(namespace, workload, (6, 10))))
                    .collect(),
                databases: std::iter::once("shop".to_owned()).chain(numbered("db", 59)).collect(),
                certificates: numbered("endpoint", 200),
                partitions: 3,
                requests: (18_000.0, 6_000.0),
                deployments: 10,
            },
        }
    }

    /// The name of the shop on the command line.
    pub const fn name(&self) -> &'static str {
        match self.kind {
            Kind::Small => "small",
            Kind::HighTraffic => "busy",
            Kind::Large => "large",
        }
    }

    /// The first judged minute.
    pub const fn from(&self) -> usize {
        WARM_UP * DAY
    }

    /// Returns the namespaces without duplicates.
    pub fn namespaces(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.apps.iter().map(|app| app.namespace.as_str()).collect();
        all.dedup();
        all
    }

    /// Returns the names of the nodes.
    pub fn nodes(&self) -> Vec<String> {
        let count = match self.kind {
            Kind::Small => 3,
            Kind::HighTraffic => 6,
            Kind::Large => 140,
        };
        (1..=count).map(|n| format!("node-{n}")).collect()
    }

    /// Returns the checklist.yaml of the shop, with default settings as an operator would start with.
    pub fn checklist(&self) -> String {
        let mut text = String::new();
        let namespaces = self.namespaces().join(", ");
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "kubernetes:\n  - {{name: production, namespaces: [{namespaces}]}}\n\
             health:\n  - {{name: shop, url: 'https://shop.example.com/health', expect: {{status: healthy, database: connected}}, versionField: version}}\n\
             backups:\n  - {{name: daily, bucket: backups, prefix: daily/, every: 24h, format: pg_dump, restore: {{checks: [{{name: users, query: SELECT 1, atLeast: 1}}]}}}}\n\
             postgres:\n"
        );
        for (n, database) in self.databases.iter().enumerate() {
            let own = if n == 0 { "" } else { ", application: false" };
            let _ = writeln!(
                text,
                "  - {{name: {database}, host: {database}.db, database: {database}, user: checklist{own}}}"
            );
        }
        text += "certificates:\n";
        for endpoint in &self.certificates {
            let _ = writeln!(text, "  - {{name: {endpoint}, address: '{endpoint}.example.com:443'}}");
        }
        text += "alertmanagers:\n  - {name: main, url: 'http://alertmanager:9093'}\n\
                 prometheus:\n  - {name: main, url: 'http://prometheus:9090'}\n\
                 traffic:\n  - {name: shop, selector: 'job=\"shop\"', errors: 'status=~\"5..\"'}\n\
                 reports:\n  - {name: images, format: trivy, directory: /reports}\n\
                 tasks: {timeZone: UTC, since: 2026-01-01, directory: /tasks}\n\
                 alerting:\n  pagerduty: {routingKeyFile: /key}\n  slack: {webhookUrlFile: /url}\n";
        text
    }
}

/// Returns the hour of the day, 0 to 23.
pub const fn hour(minute: usize) -> usize {
    minute / 60 % 24
}

/// The Monday of the fourth week is a public holiday.
const HOLIDAY: usize = 21;

/// Whether a minute is on a working day: Monday to Friday, except the holiday. The simulation begins on a Monday.
pub const fn is_working_day(minute: usize) -> bool {
    let day = minute / DAY;
    day % 7 < 5 && day != HOLIDAY
}

/// Returns the level of traffic by the time of day: 0 at night, 1 at the peak.
pub fn daylight(minute: usize) -> f64 {
    let hours = (minute % DAY) as f64 / 60.0;
    let curve = ((hours - 6.0) / 16.0 * std::f64::consts::PI).sin();
    if (6.0..22.0).contains(&hours) { curve.max(0.0) } else { 0.0 }
}

/// Returns the number of requests in a minute. On weekends and on a holiday the traffic by day is 35% of that on working
/// days. In the large shop day 12 is a month end, with ten times the load from 9:00 to 18:00.
pub fn requests(shop: &Shop, minute: usize) -> f64 {
    let (day, night) = shop.requests;
    let mut mean = night + (day - night) * daylight(minute) * if is_working_day(minute) { 1.0 } else { 0.35 };
    if shop.kind == Kind::Large && minute / DAY == 12 && (9..18).contains(&hour(minute)) {
        mean *= 10.0;
    }
    // The number is an integer: at less than one request per minute, a minute has none or one.
    (mean * (0.9 + 0.2 * chance(shop.seed, "noise", minute)) + chance(shop.seed, "part", minute)).floor()
}

/// Returns the minutes since the start of a rollout, or `None` if none is going on. Source: Kubernetes documentation,
/// "Rolling update": pods are replaced one by one, and a new one starts before an old one ends.
pub fn rollout(shop: &Shop, app: &App, minute: usize) -> Option<usize> {
    let every = 7 * DAY / shop.deployments.max(1);
    let shift = (chance(shop.seed, &format!("deploy {} {}", app.namespace, app.workload), 0) * every as f64) as usize;
    let since = (minute + shift) % every;
    let by_day = (8..18).contains(&hour(minute.saturating_sub(since))) && is_working_day(minute);
    (since < 8 && by_day && !app.idle).then_some(since)
}

/// Whether a spot node is being taken away, which removes one pod of each workload for two minutes (manuals of cloud
/// providers: two minutes of notice).
pub fn node_leaves(shop: &Shop, minute: usize) -> bool {
    shop.kind != Kind::Small && chance(shop.seed, "node", minute / 480) < 0.5 && minute % 480 < 2
}
