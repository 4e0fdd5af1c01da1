//! Writes the least rights that the configured checks need: Kubernetes roles, SQL scripts, network and IAM policies.

mod kubernetes;
mod postgres;
mod probed;
mod s3;

pub use kubernetes::kubernetes;
pub use postgres::sql;
pub use s3::{s3, s3_records};

use crate::outputs::file::{File, header, yaml};
use crate::outputs::kubernetes::network;
use crate::outputs::output::{About, Format, Input, Kind, Output};
use checklist::Config;
use serde_json::json;
use std::path::Path;

/// The files in `access/`.
pub struct Access;

impl Output for Access {
    fn about(&self) -> About {
        About {
            kind: Kind::Access,
            formats: Format::ALL,
            paths: &[
                "access/kubernetes-*.yaml",
                "access/networkpolicy.yaml",
                "access/postgres-*.sql",
                "access/s3-policy*.json",
            ],
            purpose: "the least privileges that the checks need: Kubernetes roles, SQL grants, bucket policies and network policies",
        }
    }

    fn files(&self, input: &Input<'_>) -> anyhow::Result<Vec<File>> {
        let files = files(input.config, input.source)?;
        Ok(files.into_iter().map(|file| File { path: Path::new("access").join(file.path), ..file }).collect())
    }
}

/// Writes every file of rights. `source` is the name of checklist.yaml, for the headers.
pub fn files(config: &Config, source: &str) -> anyhow::Result<Vec<File>> {
    let header = header(source);
    let mut files = Vec::new();
    // All entries without a kubeconfig mean the cluster that the exporter runs in. They share one file with the name of
    // the first.
    let own = config.kubernetes.iter().filter(|cluster| cluster.kubeconfig.is_none()).take(1);
    for cluster in own.chain(config.kubernetes.iter().filter(|cluster| cluster.kubeconfig.is_some())) {
        files.push(yaml(&format!("kubernetes-{}.yaml", cluster.name), &header, &kubernetes(config, &cluster.name))?);
    }
    for database in &config.postgres {
        let path = format!("postgres-{}.sql", database.name).into();
        files.push(File { path, content: sql(config, database, source) });
    }
    let policies = [("s3-policy", s3(config)), ("s3-policy-records", s3_records(config))];
    for (name, policy) in policies.into_iter().filter(|(_, policy)| policy["Statement"] != json!([])) {
        let content = format!("{}\n", serde_json::to_string_pretty(&policy)?);
        files.push(File { path: format!("{name}.json").into(), content });
    }
    files.push(yaml("networkpolicy.yaml", &header, &network::policies(config))?);
    Ok(files)
}
