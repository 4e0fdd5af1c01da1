//! Makes the jobs of a configuration: one match arm per signal creates its probe.

use crate::probe::Probe;
use crate::probes;
use crate::probes::query::Own;
use crate::probes::sql::Sql;
use crate::run::durations::Durations;
use crate::run::job::Job;
use crate::run::lease::Lease;
use crate::run::shard::Shard;
use crate::run::state::State;
use crate::sources::kubernetes::Cluster;
use crate::sources::postgres::Database;
use checklist::config::{Check, Postgres};
use checklist::{Config, Limits, Signal, TargetKind};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

/// A factory of jobs. It keeps the clients (clusters, databases) that several jobs share, so that a reload reuses them.
#[derive(Default)]
pub struct Checks {
    shard: Shard,
    /// Whether the process takes part in the lease of the configuration.
    elects: bool,
    durations: Durations,
    /// The lease, and the definition that it was made from.
    lease: Option<(String, Arc<Lease>)>,
    /// Clients by target name, each with the definition that it was made from.
    clusters: BTreeMap<String, (String, Arc<Cluster>)>,
    /// Connections with the role that reads statistics.
    databases: BTreeMap<String, (String, Arc<Database>)>,
    /// Connections with the role that reads the application's tables; the same ones if no such role is configured.
    applications: BTreeMap<String, (String, Arc<Database>)>,
}

impl Checks {
    /// Creates the factory for `run`, which makes the checks of one shard, and takes part in the lease for the costly
    /// checks.
    pub fn continuous(shard: Shard) -> Self {
        Self { shard, elects: true, ..Self::default() }
    }

    /// Returns the lease of the last configuration, if it has one.
    pub fn lease(&self) -> Option<Arc<Lease>> {
        self.lease.as_ref().map(|(_, lease)| Arc::clone(lease))
    }

    /// Returns the jobs of a configuration, in the order of signals and targets. A job of `before` with the same
    /// definition is reused with its state. Clients whose target has not changed are reused too.
    pub fn jobs(&mut self, config: &Config, before: &[Arc<Job>]) -> Vec<Arc<Job>> {
        self.clusters = config
            .kubernetes
            .iter()
            .map(|target| kept(&self.clusters, &target.name, target, || Cluster::new(target.clone())))
            .collect();
        self.databases = config
            .postgres
            .iter()
            .map(|target| kept(&self.databases, &target.name, target, || Database::new(target.clone())))
            .collect();
        self.applications = config
            .postgres
            .iter()
            .map(|target| match &target.application {
                Some(_) => {
                    let target = target.as_application();
                    kept(&self.applications, &target.name, &target, || Database::new(target.clone()))
                }
                None => (target.name.clone(), self.databases[&target.name].clone()),
            })
            .collect();
        self.lease = config.election().filter(|_| self.elects).map(|(section, cluster, namespace)| {
            let definition = format!("{section:?} {cluster:?} {namespace}");
            let known = self.lease.take().filter(|(known, _)| *known == definition).map(|(_, lease)| lease);
            let lease = known.unwrap_or_else(|| Arc::new(Lease::new(cluster.clone(), namespace, &section.lease)));
            (definition, lease)
        });
        let mut durations = std::mem::take(&mut self.durations);
        let mut job = |check: Check| {
            let limits = config.limits(check.signal, &check.target);
            let lease = self.lease.as_ref().filter(|_| check.signal.costly.is_some());
            // The holder of the lease makes all costly checks, whatever its shard.
            if lease.is_none() && !self.shard.has(check.signal.id, &check.target) {
                return None;
            }
            let definition = definition(config, &check, &limits)
                + lease.map(|(definition, _)| definition.as_str()).unwrap_or_default();
            if let Some(job) = before.iter().find(|job| job.definition == definition) {
                return Some(Arc::clone(job));
            }
            let probe = self.probe(config, check.signal, &check.target)?;
            let lease = lease.map(|(_, lease)| Arc::clone(lease));
            let state = State::new(check.clone(), limits).timed_by(durations.of(check.signal.id));
            Some(Arc::new(Job::new(probe, definition, state).under(lease)))
        };
        let jobs = config.checks().into_iter().filter_map(&mut job).collect();
        self.durations = durations;
        jobs
    }

    /// Returns the cluster whose API server reviews bearer tokens of HTTP clients, if a target has `webAudiences`.
    pub fn web_cluster(&self, config: &Config) -> Option<Arc<Cluster>> {
        let target = config.kubernetes.iter().find(|target| !target.web_audiences.is_empty())?;
        self.clusters.get(&target.name).map(|(_, cluster)| Arc::clone(cluster))
    }

    fn probe(&self, config: &Config, signal: &'static Signal, target: &str) -> Option<Arc<dyn Probe>> {
        let cluster = || self.clusters.get(target).map(|(_, cluster)| Arc::clone(cluster));
        let database = || self.databases.get(target).map(|(_, database)| Arc::clone(database));
        let application = || self.applications.get(target).map(|(_, database)| Arc::clone(database));
        let health = || config.health.iter().find(|known| known.name == target).cloned();
        let backup = || config.backups.iter().find(|known| known.name == target).cloned();
        let certificate = || config.certificates.iter().find(|known| known.name == target).cloned();
        let report = || config.reports.iter().find(|known| known.name == target).cloned();
        let prometheus = || config.prometheus.iter().find(|known| known.name == target).cloned();
        let alertmanager = || config.alertmanagers.iter().find(|known| known.name == target).cloned();
        if let Some(statements) = probes::statements::of(signal.id) {
            let limits = config.limits(signal, target);
            let others = others(config, target);
            let database = if signal.kind == TargetKind::Application { application()? } else { database()? };
            return Some(Arc::new(Sql::new(database, signal, statements, &limits, others.as_deref())));
        }
        if let Some(query) = config.queries.iter().find(|query| query.signal.id == signal.id) {
            let database = if query.statistics { database()? } else { application()? };
            return Some(Arc::new(Own::new(database, query.clone())));
        }
        Some(match signal.id {
            "pods" => Arc::new(probes::pods::Pods(cluster()?)),
            "health" => Arc::new(probes::health::Health(health()?)),
            "restarts" => Arc::new(probes::restarts::Restarts(cluster()?)),
            "alerts" => Arc::new(probes::alerts::Alerts(alertmanager()?)),
            "disk" => Arc::new(probes::disk::Disk(cluster()?)),
            "backup" => Arc::new(probes::backup::Backup::new(backup()?)),
            "utilization" => Arc::new(probes::utilization::Utilization {
                cluster: cluster()?,
                tells_nodes: config.is_first("kubernetes", target),
            }),
            "pod_logs" => Arc::new(probes::pod_logs::PodLogs::new(cluster()?)),
            "certificates" => Arc::new(probes::certificates::Certificates(certificate()?)),
            "advisories" | "dependencies" | "images" => Arc::new(probes::reports::Reports(report()?)),
            "hpa" => Arc::new(probes::hpa::Hpa(cluster()?)),
            "pvc" => Arc::new(probes::pvc::Pvc(cluster()?)),
            "rules" => Arc::new(probes::rules::Rules {
                server: prometheus()?,
                rule_sets: config.rule_sets(),
                fingerprint: config.fingerprint(),
            }),
            "dashboards" => {
                Arc::new(probes::dashboards::Dashboards { server: prometheus()?, metrics: config.expected_metrics() })
            }
            "override" => Arc::new(probes::tasks::Override(config.tasks.clone()?)),
            "tasks" => Arc::new(probes::tasks::Tasks(config.tasks.clone()?)),
            "alert_path" => Arc::new(probes::alert_path::AlertPath {
                alertmanager: target.to_owned(),
                place: config.tasks.as_ref()?.place.clone(),
            }),
            "restore" => Arc::new(probes::restore::Restore {
                backup: target.to_owned(),
                place: config.tasks.as_ref()?.place.clone(),
            }),
            "secrets" => Arc::new(probes::secrets::Secrets(cluster()?)),
            _ => return None,
        })
    }
}

/// The SQL of a check.
pub enum SqlCheck {
    Catalog(Sql),
    /// A custom query of checklist.yaml.
    Own(Own),
}

/// Returns the SQL of a check on a connection of its own, for `--explain`; `None` if the check is not made of SQL.
pub fn sql_check(config: &Config, signal: &'static Signal, target: &str) -> Option<SqlCheck> {
    let target = config.database(target)?;
    let as_statistics = || Arc::new(Database::new(target.clone()));
    let as_application = || Arc::new(Database::new(target.as_application()));
    if let Some(query) = config.queries.iter().find(|query| query.signal.id == signal.id) {
        let database = if query.statistics { as_statistics() } else { as_application() };
        return Some(SqlCheck::Own(Own::new(database, query.clone())));
    }
    let statements = probes::statements::of(signal.id)?;
    let database = if signal.kind == TargetKind::Application { as_application() } else { as_statistics() };
    let limits = config.limits(signal, &target.name);
    Some(SqlCheck::Catalog(Sql::new(database, signal, statements, &limits, others(config, &target.name).as_deref())))
}

/// Returns the other targets on the same PostgreSQL server, if this target is the first of them. The first one reports
/// on the whole server, except for the databases that are targets themselves.
fn others<'a>(config: &'a Config, target: &str) -> Option<Vec<&'a Postgres>> {
    let target = config.database(target)?;
    let mut same = config.of_server(target);
    (same.next()?.name == target.name).then(|| same.collect())
}

/// Returns the existing client if the definition of its target is unchanged, else a new one.
fn kept<T>(
    before: &BTreeMap<String, (String, Arc<T>)>,
    name: &str,
    target: &impl Debug,
    make: impl FnOnce() -> T,
) -> (String, (String, Arc<T>)) {
    let definition = format!("{target:?}");
    let known = before.get(name).filter(|(known, _)| *known == definition).map(|(_, client)| Arc::clone(client));
    (name.to_owned(), (definition, known.unwrap_or_else(|| Arc::new(make()))))
}

/// Returns everything that a job depends on as text, so that a reload can see whether a job has changed.
fn definition(config: &Config, check: &Check, limits: &Limits) -> String {
    let (list, name) = (check.signal.kind.key(), &check.target);
    let target = config.each().into_iter().find(|(key, target)| *key == list && target.name() == name);
    // Other sections of the configuration that the probe depends on.
    let more = match check.signal.kind {
        TargetKind::AlertPath | TargetKind::Alertmanager | TargetKind::Backup | TargetKind::Restore => {
            format!("{:?}", config.tasks)
        }
        // The first target of a server also reports on the server's other databases.
        TargetKind::Application | TargetKind::Postgres | TargetKind::Query | TargetKind::Server => {
            format!("{:?}", others(config, name))
        }
        TargetKind::Prometheus => config.fingerprint(),
        // Of several targets for one cluster only the first reports on the nodes.
        TargetKind::Kubernetes => config.is_first("kubernetes", name).to_string(),
        TargetKind::Advisories
        | TargetKind::Certificate
        | TargetKind::Dependencies
        | TargetKind::Health
        | TargetKind::Images
        | TargetKind::PodLogs
        | TargetKind::Secrets
        | TargetKind::Tasks
        | TargetKind::Traffic => String::new(),
    };
    let query = config.queries.iter().find(|query| query.signal.id == check.signal.id);
    // After a reload, a changed custom query is another signal with the same id. The address distinguishes them.
    let signal = std::ptr::from_ref(check.signal);
    format!(
        "{} {signal:?} {name} {:?} {:?} {} {limits:?} {query:?} {target:?} {more}",
        check.signal.id, check.interval, check.timeout, check.series
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_of_a_configuration_gets_a_probe() {
        let config = Config::parse("checklist.yaml", include_str!("../../../examples/checklist.yaml"));
        let config = config.unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(Checks::default().jobs(&config, &[]).len(), config.checks().len());
        let checks = config.checks();
        for signal in checklist::SIGNALS.iter().filter(|signal| signal.kind.is_probed()) {
            assert!(checks.iter().any(|check| check.signal.id == signal.id), "{} is not in the example", signal.id);
        }
    }
}
