//! The values of the placeholders in a runbook's commands.

use checklist::config::{S3Prefix, Tables, quoted as identifier};
use checklist::signals::latency;
use checklist::targets::tables;
use checklist::{Config, Signal, TargetKind};

/// The placeholders, and the text for each when the configuration has no value.
const PLACEHOLDERS: &[(&str, &str)] = &[
    ("address", "HOST:PORT"),
    ("amtool", "amtool"),
    ("aws", "aws"),
    ("backup", "NAME"),
    ("bucket", "BUCKET"),
    ("errors", "status=~\"5..\""),
    ("histogram", "sum by (le) (rate(http_request_duration_seconds_bucket[5m]))"),
    ("lease", "-A"),
    ("logs", "-n NAMESPACE -l SELECTOR"),
    ("marker", "MARKER"),
    ("matchers", "job=\"JOB\""),
    ("namespace", "NAMESPACE"),
    ("pods", "-n NAMESPACE -l SELECTOR"),
    ("psql", "psql 'host=HOST dbname=DATABASE'"),
    ("requests", "http_requests_total"),
    ("rules", "-A"),
    ("s3", "s3://BUCKET/PREFIX"),
    ("secret", "NAME"),
    ("server", "NAME"),
    ("url", "https://HOST/health"),
];

/// Returns every placeholder with its default text. For the application's tables and columns that is the name in the
/// written checklist.
pub(super) fn placeholders() -> Vec<(String, String)> {
    let own = PLACEHOLDERS.iter().map(|(name, otherwise)| ((*name).to_owned(), (*otherwise).to_owned()));
    own.chain(names(&Tables::default())).collect()
}

/// Returns the tables and columns by their placeholders. Names that differ from the written checklist are quoted for
/// SQL.
fn names(tables: &Tables) -> impl Iterator<Item = (String, String)> {
    let plain = |known: &str, name: String| if name == identifier(known) { known.to_owned() } else { name };
    let of_table = |known: &'static tables::AppTable| {
        let columns = known.columns.iter().map(|column| {
            let name = plain(column, tables.column(known.table, column));
            (format!("{}.{column}", known.table), name)
        });
        let default = Tables::default().table(known.table);
        let table = Some(tables.table(known.table)).filter(|name| *name != default);
        let table = (known.table.to_owned(), table.unwrap_or_else(|| known.table.to_owned()));
        columns.chain([table]).collect::<Vec<_>>()
    };
    tables::TABLES.iter().flat_map(of_table).collect::<Vec<_>>().into_iter()
}

/// The values of the placeholders for one target.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) target: String,
    /// The placeholders and their values.
    pub(super) values: Vec<(String, String)>,
}

/// Returns the rows for a signal's own targets, then for targets that commands on any page may name: clusters, logs and
/// rules.
pub(super) fn families(config: &Config, signal: &Signal) -> Vec<Vec<Row>> {
    let targets = config.targets(signal);
    let own = |name: &str| targets.iter().any(|target| target == name);
    let is_on_clusters = signal.kind.key() == TargetKind::Kubernetes.key();
    let clusters = namespaces(config, &|name| !is_on_clusters || own(name));
    let rules = config.alerting.prometheus_rule.namespace.iter();
    let rules = rules.map(|namespace| row("rules", vec![("rules", format!("-n {}", quoted(namespace)))])).collect();
    vec![of_kind(config, signal.kind, &own), clusters, logs(config), rules]
}

/// Returns the rows for the page about the exporter.
pub(super) fn of_exporter(config: &Config) -> Vec<Vec<Row>> {
    let lease = config.election().map(|(section, cluster, namespace)| {
        let place = format!("{} -n {}", quoted(&section.lease), quoted(namespace));
        row(&cluster.name, vec![("lease", place)])
    });
    vec![lease.into_iter().collect()]
}

fn of_kind(config: &Config, kind: TargetKind, own: &dyn Fn(&str) -> bool) -> Vec<Row> {
    match kind {
        TargetKind::Backup | TargetKind::Restore => {
            let backups = config.backups.iter().filter(|backup| own(&backup.name));
            backups.map(|backup| row(&backup.name, bucket(&backup.name, &backup.place))).collect()
        }
        TargetKind::Certificate => {
            let endpoints = config.certificates.iter().filter(|endpoint| own(&endpoint.name));
            let one = |endpoint: &checklist::config::Certificate| {
                let host =
                    if endpoint.host.contains(':') { format!("[{}]", endpoint.host) } else { endpoint.host.clone() };
                let address = quoted(&format!("{host}:{}", endpoint.port));
                row(&endpoint.name, vec![("server", quoted(&endpoint.server_name)), ("address", address)])
            };
            endpoints.map(one).collect()
        }
        TargetKind::Health => {
            let pages = config.health.iter().filter(|page| own(&page.name));
            pages.map(|page| row(&page.name, vec![("url", quoted(&page.endpoint.url))])).collect()
        }
        TargetKind::Alertmanager | TargetKind::AlertPath => {
            let servers = config.alertmanagers.iter().filter(|server| own(&server.name));
            servers.map(|server| row(&server.name, vec![("amtool", amtool_of(&server.endpoint.url))])).collect()
        }
        TargetKind::Application => {
            let databases = config.postgres.iter().filter(|database| own(&database.name));
            let named = |database: &checklist::config::Postgres| {
                let connect = ("psql".to_owned(), psql(database));
                let values = names(database.tables.as_ref()?).chain([connect]).collect();
                Some(Row { target: database.name.clone(), values })
            };
            databases.filter_map(named).collect()
        }
        TargetKind::Postgres | TargetKind::Query | TargetKind::Server => {
            let databases = config.postgres.iter().filter(|database| own(&database.name));
            databases.map(|database| row(&database.name, vec![("psql", psql(database))])).collect()
        }
        TargetKind::Traffic => config.traffic.iter().filter(|traffic| own(&traffic.name)).map(traffic).collect(),
        TargetKind::Secrets => {
            let clusters = config.kubernetes.iter().filter(|cluster| own(&cluster.name));
            let secrets = clusters.flat_map(|cluster| cluster.secrets.iter().map(move |secret| (cluster, secret)));
            let one = |(cluster, secret): (&checklist::config::Kubernetes, &checklist::config::RotatedSecret)| {
                row(&cluster.name, vec![("secret", quoted(&secret.name)), ("namespace", quoted(&secret.namespace))])
            };
            secrets.map(one).collect()
        }
        TargetKind::Advisories
        | TargetKind::Dependencies
        | TargetKind::Images
        | TargetKind::Kubernetes
        | TargetKind::PodLogs
        | TargetKind::Prometheus
        | TargetKind::Tasks => Vec::new(),
    }
}

/// Returns the psql command for the person on call. If the host is a Service, psql runs in a pod of the cluster.
fn psql(database: &checklist::config::Postgres) -> String {
    let checklist::config::Postgres { host, port, database, .. } = database;
    let value = |text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:/".contains(c);
        let escaped = text.replace('\\', "\\\\").replace('\'', "\\'");
        if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{escaped}'") }
    };
    let connect = quoted(&format!("host={} port={port} dbname={}", value(host), value(database)));
    let labels: Vec<&str> = host.split('.').collect();
    match labels.as_slice() {
        [_, namespace, "svc", ..] => format!(
            "kubectl -n {} run psql-on-call --rm -it --restart=Never --image=postgres -- psql {connect}",
            quoted(namespace)
        ),
        _ => format!("psql {connect}"),
    }
}

fn row(target: &str, values: Vec<(&'static str, String)>) -> Row {
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Row { target: target.to_owned(), values }
}

fn bucket(name: &str, place: &S3Prefix) -> Vec<(&'static str, String)> {
    let endpoint = place.endpoint.as_ref().map(|url| format!(" --endpoint-url {}", quoted(url))).unwrap_or_default();
    vec![
        ("backup", quoted(name)),
        ("bucket", quoted(&place.bucket)),
        ("s3", quoted(&format!("s3://{}/{}", place.bucket, place.prefix))),
        ("aws", format!("aws{endpoint}")),
    ]
}

fn traffic(traffic: &checklist::config::Traffic) -> Row {
    let values = vec![
        ("requests", traffic.requests.clone()),
        ("matchers", traffic.selector.clone()),
        ("errors", traffic.errors.clone()),
        ("histogram", latency::histogram(traffic, "5m")),
    ];
    row(&traffic.name, values)
}

fn namespaces(config: &Config, own: &dyn Fn(&str) -> bool) -> Vec<Row> {
    let clusters = config.kubernetes.iter().filter(|cluster| own(&cluster.name));
    let each = clusters.flat_map(|cluster| cluster.namespaces.iter().map(move |namespace| (cluster, namespace)));
    each.map(|(cluster, namespace)| row(&cluster.name, vec![("namespace", quoted(namespace))])).collect()
}

fn logs(config: &Config) -> Vec<Row> {
    let logs = config.kubernetes.iter().flat_map(|cluster| cluster.audit_logs.iter().map(move |logs| (cluster, logs)));
    let one = |(cluster, logs): (&checklist::config::Kubernetes, &checklist::config::AuditLogs)| {
        let pods = format!("-n {} -l {}", quoted(&logs.namespace), quoted(&logs.selector));
        let container = logs.container.as_ref().map(|name| format!(" -c {}", quoted(name))).unwrap_or_default();
        let values = vec![("logs", format!("{pods}{container}")), ("pods", pods), ("marker", quoted(&logs.marker))];
        row(&cluster.name, values)
    };
    logs.map(one).collect()
}

/// Returns the amtool command for the first configured Alertmanager.
pub(super) fn amtool(config: &Config) -> String {
    config.alertmanagers.first().map_or_else(|| "amtool".to_owned(), |server| amtool_of(&server.endpoint.url))
}

fn amtool_of(url: &str) -> String {
    format!("amtool --alertmanager.url={}", quoted(url))
}

/// Quotes a text as one word of a shell command.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
