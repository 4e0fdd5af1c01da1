//! What signals are probed on.

/// What a signal is probed on. Several kinds may share a list in checklist.yaml: a database is one target for
/// the server's own statistics, and another one for the application's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetKind {
    /// Reports of `cargo audit`.
    Advisories,
    /// An Alertmanager through which synthetic alerts are sent.
    AlertPath,
    /// An Alertmanager.
    Alertmanager,
    /// A database that holds the application's tables.
    Application,
    /// A series of backups.
    Backup,
    /// A TLS endpoint.
    Certificate,
    /// Reports of `cargo outdated`.
    Dependencies,
    /// An HTTP health page.
    Health,
    /// Reports of Trivy or Grype.
    Images,
    /// A cluster.
    Kubernetes,
    /// A cluster whose pods write audit lines.
    PodLogs,
    /// A database.
    Postgres,
    /// A Prometheus.
    Prometheus,
    /// An operator's own SQL check; the targets are named by the check.
    Query,
    /// A series of backups that is restored for proof.
    Restore,
    /// A cluster with secrets that are rotated.
    Secrets,
    /// A database server, by the first of its databases in checklist.yaml.
    Server,
    /// The records of what people did.
    Tasks,
    /// The application's own HTTP metrics in Prometheus; nothing is probed.
    Traffic,
}

impl TargetKind {
    /// The key of the list in checklist.yaml.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Advisories | Self::Dependencies | Self::Images => "reports",
            Self::AlertPath | Self::Alertmanager => "alertmanagers",
            Self::Application | Self::Postgres | Self::Query | Self::Server => "postgres",
            Self::Backup | Self::Restore => "backups",
            Self::Certificate => "certificates",
            Self::Health => "health",
            Self::Kubernetes | Self::PodLogs | Self::Secrets => "kubernetes",
            Self::Prometheus => "prometheus",
            Self::Tasks => "tasks",
            Self::Traffic => "traffic",
        }
    }

    /// What its checks connect to, the label `kind` of a target; nothing where they read what somebody recorded.
    pub const fn reaches(self) -> Option<&'static str> {
        match self {
            Self::Advisories | Self::Dependencies | Self::Images => Some("report"),
            Self::Alertmanager => Some("alertmanager"),
            Self::Application | Self::Postgres | Self::Query | Self::Server => Some("postgres"),
            Self::Backup => Some("backup"),
            Self::Certificate => Some("certificate"),
            Self::Health => Some("health"),
            Self::Kubernetes | Self::PodLogs | Self::Secrets => Some("kubernetes"),
            Self::Prometheus => Some("prometheus"),
            Self::Tasks => Some("tasks"),
            Self::AlertPath | Self::Restore | Self::Traffic => None,
        }
    }

    /// Whether the exporter probes it; the rest is judged on metrics that others expose.
    pub const fn is_probed(self) -> bool {
        !matches!(self, Self::Traffic)
    }
}
