//! From checklist.yaml to jobs: one line per signal says which probe makes its check.

use crate::probe::Probe;
use crate::probes;
use crate::schedule::Job;
use crate::sources::kubernetes::Cluster;
use crate::sources::postgres::Database;
use crate::state::State;
use checklist::Config;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The jobs of a configuration, in the order of signals and targets.
pub fn jobs(config: &Config) -> Vec<Job> {
    let clients = Clients::of(config);
    let job = |check: checklist::config::Check| {
        let probe = clients.probe(config, check.signal.id, &check.target)?;
        let limits = config.limits(check.signal, &check.target);
        Some(Job::new(probe, State::new(check, limits)))
    };
    config.checks().into_iter().filter_map(job).collect()
}

/// Clients that several checks share.
struct Clients {
    clusters: BTreeMap<String, Arc<Cluster>>,
    databases: BTreeMap<String, Arc<Database>>,
}

impl Clients {
    fn of(config: &Config) -> Self {
        let cluster =
            |target: &checklist::config::Kubernetes| (target.name.clone(), Arc::new(Cluster::new(target.clone())));
        let database =
            |target: &checklist::config::Postgres| (target.name.clone(), Arc::new(Database::new(target.clone())));
        Self {
            clusters: config.kubernetes.iter().map(cluster).collect(),
            databases: config.postgres.iter().map(database).collect(),
        }
    }

    fn probe(&self, config: &Config, signal: &str, target: &str) -> Option<Arc<dyn Probe>> {
        let cluster = || self.clusters.get(target).cloned();
        let database = || self.databases.get(target).cloned();
        let health = || config.health.iter().find(|known| known.name == target).cloned();
        let backup = || config.backups.iter().find(|known| known.name == target).cloned();
        let certificate = || config.certificates.iter().find(|known| known.name == target).cloned();
        Some(match signal {
            "pods" => Arc::new(probes::pods::Pods(cluster()?)),
            "health" => Arc::new(probes::health::Health(health()?)),
            "restarts" => Arc::new(probes::restarts::Restarts(cluster()?)),
            "disk" => Arc::new(probes::disk::Disk(cluster()?)),
            "backup" => Arc::new(probes::backup::Backup::new(backup()?)),
            "connections" => Arc::new(probes::connections::Connections(database()?)),
            "seq_scans" => Arc::new(probes::seq_scans::SeqScans(database()?)),
            "auth_failures" => Arc::new(probes::auth_failures::AuthFailures(database()?)),
            "certificates" => Arc::new(probes::certificates::Certificates(certificate()?)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_of_a_configuration_gets_a_probe() {
        let config = Config::parse("checklist.yaml", include_str!("../../examples/checklist.yaml"));
        let config = config.unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(jobs(&config).len(), config.checks().len());
        assert_eq!(config.checks().len(), checklist::SIGNALS.len());
    }
}
