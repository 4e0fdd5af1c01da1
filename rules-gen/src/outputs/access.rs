//! The least rights that the configured checks need: Kubernetes roles, a SQL script, an IAM policy.

mod kubernetes;
mod postgres;
mod s3;

pub use kubernetes::kubernetes;
pub use postgres::sql;
pub use s3::{s3, s3_records};

use crate::outputs::kubernetes::network;
use crate::outputs::{Output, header, yaml};
use checklist::{Config, Signal};
use serde_json::json;

/// The name of every object and role.
pub(crate) const NAME: &str = "checklist-exporter";
/// The service account of the proofs' jobs, which may take their leases and nothing else: a dump runs code of who wrote it.
pub(crate) const JOBS: &str = "checklist-exporter-jobs";

/// Every file of rights for a configuration; `source` is its file name, for the headers.
///
/// # Errors
/// When something cannot be written as YAML or JSON.
pub fn files(config: &Config, source: &str) -> anyhow::Result<Vec<Output>> {
    let header = header(source);
    let mut files = Vec::new();
    // The entries without a kubeconfig are one cluster, whose file has the name of the first.
    let own = config.kubernetes.iter().filter(|cluster| cluster.kubeconfig.is_none()).take(1);
    for cluster in own.chain(config.kubernetes.iter().filter(|cluster| cluster.kubeconfig.is_some())) {
        files.push(yaml(&format!("kubernetes-{}.yaml", cluster.name), &header, &kubernetes(config, &cluster.name))?);
    }
    for database in &config.postgres {
        let path = format!("postgres-{}.sql", database.name).into();
        files.push(Output { path, content: sql(config, database, source) });
    }
    let policies = [("s3-policy", s3(config)), ("s3-policy-records", s3_records(config))];
    for (name, policy) in policies.into_iter().filter(|(_, policy)| policy["Statement"] != json!([])) {
        let content = format!("{}\n", serde_json::to_string_pretty(&policy)?);
        files.push(Output { path: format!("{name}.json").into(), content });
    }
    files.push(yaml("networkpolicy.yaml", &header, &network::policies(config))?);
    Ok(files)
}

/// The signals that the exporter itself makes on a target of a list.
fn probed_on(config: &Config, list: &str, target: &str) -> Vec<&'static Signal> {
    let here = |signal: &&'static Signal| {
        signal.kind.key() == list && config.probed(signal).iter().any(|probed| probed == target)
    };
    config.signals().filter(here).collect()
}
