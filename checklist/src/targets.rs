//! The things to look at, one struct per kind of target.

pub mod tables;
pub mod traffic;

use crate::tasks::Task;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tables::Tables;

/// Where a secret is read from, each time it is needed. The value is never part of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// The first line of a file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

impl SecretRef {
    /// Where it comes from, for messages: never the value.
    pub fn origin(&self) -> String {
        match self {
            Self::File(path) => format!("file {}", path.display()),
            Self::Env(name) => format!("environment variable {name}"),
        }
    }
}

/// An HTTP endpoint and how to be let in.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `http://` or `https://` address.
    pub url: String,
    /// A bearer token to send.
    pub bearer_token: Option<SecretRef>,
    /// Authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// A prefix in a bucket and how to be let in.
#[derive(Debug, Clone)]
pub struct S3Prefix {
    /// Bucket name.
    pub bucket: String,
    /// Key prefix, without leading slash.
    pub prefix: String,
    /// A custom endpoint (`MinIO`, Ceph); AWS's own when absent.
    pub endpoint: Option<String>,
    /// Region to sign for.
    pub region: String,
    /// Bucket in the path instead of in the host name.
    pub path_style: bool,
    /// Access key id and secret key; the AWS default chain when absent.
    pub credentials: Option<(SecretRef, SecretRef)>,
}

/// A secret of the cluster that must be rotated. Only its metadata is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotatedSecret {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// An annotation with the time of the last rotation (RFC 3339), instead of the last change of the data.
    pub annotation: Option<String>,
}

/// Pods whose logs carry audit lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLogs {
    /// Namespace.
    pub namespace: String,
    /// Label selector of the pods.
    pub selector: String,
    /// The container, where a pod has several.
    pub container: Option<String>,
    /// What every audit line contains.
    pub marker: String,
}

/// A cluster, or the part of it that the listed namespaces make up.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    /// The value of the label `target`.
    pub name: String,
    /// A kubeconfig; the pod's service account when absent.
    pub kubeconfig: Option<PathBuf>,
    /// The context within the kubeconfig; its current one when absent.
    pub context: Option<String>,
    /// Namespaces to watch, at least one.
    pub namespaces: Vec<String>,
    /// The namespace of the service account that the exporter has in this cluster; the first watched one when absent.
    pub exporter_namespace: String,
    /// Whether to accept the kubelets' self-made serving certificates.
    pub kubelet_insecure_skip_verify: bool,
    /// Which nodes' kubelets are asked, as a label selector; all when there is none.
    pub kubelet_node_selector: Option<String>,
    /// Whether a namespace without any workload or pod is fine.
    pub may_be_empty: bool,
    /// The authority of the kubelets' serving certificates; the cluster's own when absent.
    pub kubelet_ca_file: Option<PathBuf>,
    /// Secrets that are rotated.
    pub secrets: Vec<RotatedSecret>,
    /// Pods that write audit lines.
    pub audit_logs: Vec<AuditLogs>,
    /// Whom tokens must be meant for to be let in to the web side; none when no token is let in.
    pub web_audiences: Vec<String>,
}

/// How a PostgreSQL connection is protected, with libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostgresTls {
    /// Plain TCP.
    Disable,
    /// Encrypted, the certificate is not looked at.
    Require,
    /// Encrypted, chain and host name are checked.
    VerifyFull,
}

/// One database of one server.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// The value of the label `target`.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The database to connect to.
    pub database: String,
    /// The role to connect as.
    pub user: String,
    /// The role's password, if it has one.
    pub password: Option<SecretRef>,
    /// Protection of the connection.
    pub tls: PostgresTls,
    /// Authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The names of the application's tables, if they are in this database.
    pub tables: Option<Tables>,
    /// The role that reads the application's tables, where it is another one than that of the statistics.
    pub application: Option<Login>,
    /// Whether views, foreign tables, casts and functions of the application's owners may run with the role's rights.
    pub trust_table_owners: bool,
    /// The time zone of columns without one; the server's own when absent.
    pub time_zone: Option<String>,
    /// Databases with the same word are of one server, whatever their addresses are.
    pub server: Option<String>,
}

/// Who logs in to a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The role.
    pub user: String,
    /// Its password, if it has one.
    pub password: Option<SecretRef>,
}

impl Postgres {
    /// The database as the role that reads the application's tables.
    #[must_use]
    pub fn as_application(&self) -> Self {
        match self.application.clone() {
            Some(Login { user, password }) => Self { user, password, ..self.clone() },
            None => self.clone(),
        }
    }

    /// Which server it is of: the word that was given, else the address.
    pub fn of_server(&self) -> String {
        self.server.clone().unwrap_or_else(|| format!("{}:{}", self.host.to_ascii_lowercase(), self.port))
    }
}

/// What the first bytes of a backup must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupFormat {
    /// Anything: the header is not read.
    Any,
    /// `pg_dump -Fc`: `PGDMP`.
    PgDump,
    /// gzip around anything.
    Gzip,
    /// gzip around `pg_dump -Fc`, as the checklist makes it.
    PgDumpGzip,
    /// Zstandard around anything.
    Zstd,
}

/// One series of backups: a prefix in a bucket into which a job writes regularly.
#[derive(Debug, Clone)]
pub struct Backup {
    /// The value of the labels `target` and `backup`.
    pub name: String,
    /// Where it is written to.
    pub place: S3Prefix,
    /// How often a backup is made.
    pub every: Duration,
    /// What the header must look like.
    pub format: BackupFormat,
    /// How it is restored for proof, if it is.
    pub restore: Option<Restore>,
}

impl Backup {
    /// The name as a part of the names of Kubernetes objects: at most 20 lower-case letters, digits and dashes. Two
    /// backups may have the same.
    pub fn slug(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let text: String = self.name.chars().map(plain).take(20).collect();
        let text = text.trim_matches('-');
        if text.is_empty() { "backup".to_owned() } else { text.to_owned() }
    }
}

/// How a backup is restored for proof.
#[derive(Debug, Clone)]
pub struct Restore {
    /// A server to restore into, never one of `postgres:`; a throw-away server of its own when absent.
    pub server: Option<Postgres>,
    /// What must hold afterwards, at least one.
    pub checks: Vec<Sanity>,
}

/// A question to a restored database.
#[derive(Debug, Clone)]
pub struct Sanity {
    /// What it is called in metrics.
    pub name: String,
    /// A SELECT with one value.
    pub query: String,
    /// What the value must be.
    pub expect: Expect,
}

/// What the answer of a question must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expect {
    /// A number that is no less, mostly of rows.
    AtLeast(f64),
    /// The time of a row, no longer ago.
    NotOlderThan(Duration),
}

/// A protocol that starts in clear text and then turns to TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTls {
    /// PostgreSQL's `SSLRequest`.
    Postgres,
}

/// A TLS endpoint whose certificates are watched.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The value of the label `target`.
    pub name: String,
    /// Host name or address to connect to.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The name to ask for (SNI) and to verify; the host when absent.
    pub server_name: String,
    /// The clear-text prelude, if any.
    pub start_tls: Option<StartTls>,
    /// Authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// An HTTP endpoint that says in JSON how the application is.
#[derive(Debug, Clone)]
pub struct Health {
    /// The value of the label `target`.
    pub name: String,
    /// Where it is.
    pub endpoint: Endpoint,
    /// The status code of a healthy answer.
    pub status: u16,
    /// JSON fields (dots descend) and the text that each must have.
    pub expect: BTreeMap<String, String>,
    /// The JSON field that holds the version of the application.
    pub version_field: Option<String>,
}

/// A server with an HTTP API: an Alertmanager or a Prometheus.
#[derive(Debug, Clone)]
pub struct Server {
    /// The value of the label `target`.
    pub name: String,
    /// Where it is.
    pub endpoint: Endpoint,
}

/// What wrote a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// `cargo audit --json`
    CargoAudit,
    /// `cargo outdated --format json`
    CargoOutdated,
    /// `trivy image --format json`
    Trivy,
    /// `grype -o json`
    Grype,
}

/// Where a report lies.
#[derive(Debug, Clone)]
pub enum ReportPlace {
    /// One file.
    File(PathBuf),
    /// Every file of a folder that ends in `.json`.
    Directory(PathBuf),
    /// The newest object under a prefix.
    S3(S3Prefix),
    /// The answer of an HTTP GET.
    Http(Endpoint),
}

/// A report that another program writes regularly.
#[derive(Debug, Clone)]
pub struct Report {
    /// The value of the label `target`.
    pub name: String,
    /// What wrote it.
    pub format: ReportFormat,
    /// Where it lies.
    pub place: ReportPlace,
}

/// Where records are kept. Nothing there is ever changed or deleted.
#[derive(Debug, Clone)]
pub enum RecordPlace {
    /// `records.jsonl` in a folder.
    Directory(PathBuf),
    /// One object per record under a prefix.
    S3(S3Prefix),
}

/// People's tasks.
#[derive(Debug, Clone)]
pub struct Tasks {
    /// The time zone in which days begin.
    pub zone: TimeZone,
    /// The day from which tasks count.
    pub since: Date,
    /// Where it is recorded that they were done.
    pub place: RecordPlace,
    /// The tasks.
    pub list: Vec<Task>,
}
