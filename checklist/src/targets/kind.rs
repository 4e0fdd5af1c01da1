//! The kinds of targets.

/// What a signal is probed on. Several kinds may share a list in checklist.yaml: a database is one target for the
/// server's statistics and another one for the application's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetKind {
    /// Reports of `cargo audit`.
    Advisories,
    /// An Alertmanager through which synthetic alerts are sent.
    AlertPath,
    Alertmanager,
    /// A database with the application's tables.
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
    /// A Kubernetes cluster.
    Kubernetes,
    /// A cluster whose pods write audit lines to their logs.
    PodLogs,
    /// A database.
    Postgres,
    Prometheus,
    /// A database for an operator's own SQL check, which names its targets.
    Query,
    /// A series of backups that is restored as a proof.
    Restore,
    /// A cluster with secrets that must be rotated.
    Secrets,
    /// A database server, represented by its first database in checklist.yaml.
    Server,
    /// The records of manual tasks.
    Tasks,
    /// The application's own HTTP metrics in Prometheus. The exporter does not probe them.
    Traffic,
}

impl TargetKind {
    /// Returns the key of the list in checklist.yaml.
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

    /// Returns what the checks connect to, which is the label `kind` of a target. `None` when they only read records,
    /// or nothing is probed.
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

    /// Returns whether the exporter probes this kind. Other kinds are judged on metrics of other exporters.
    pub const fn is_probed(self) -> bool {
        !matches!(self, Self::Traffic)
    }
}
