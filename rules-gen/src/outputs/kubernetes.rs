//! The objects of a deployment that follow from checklist.yaml, as a kustomize component; the chart reads the same files.

pub mod names;
pub mod network;
pub mod pods;
pub mod volumes;

use crate::outputs::file::{File, yaml};
use crate::outputs::kubernetes::names::{CLAIM, CONFIG_FILE, CONFIG_MAP, JOBS, NAME, Part};
use crate::outputs::kubernetes::pods::{Needs, Pod, needs};
use crate::outputs::kubernetes::volumes::PodVolumes;
use crate::outputs::output::{About, Format, Input, Kind, Output};
use checklist::signals::{alert_path, restore};
use checklist::{Cadence, Config, Signal};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The user of both images.
const USER: u32 = 65532;
/// A dump of the size that `verify-backup` takes by default, and as much for what is restored from it.
const SCRATCH: &str = "200Gi";
const DAY: f64 = 86_400.0;

/// `kubernetes/` and `kustomization.yaml`.
pub struct Deployment;

impl Output for Deployment {
    fn about(&self) -> About {
        About {
            kind: Kind::Kubernetes,
            formats: &[Format::Operator],
            paths: &["kubernetes/*.yaml", "kustomization.yaml"],
            purpose: "what a deployment needs beside the base: checklist.yaml, jobs, volumes; the kustomize component of everything",
        }
    }

    fn files(&self, input: &Input<'_>) -> anyhow::Result<Vec<File>> {
        files(input)
    }
}

fn files(input: &Input<'_>) -> anyhow::Result<Vec<File>> {
    let (config, header) = (input.config, input.header());
    let needs = needs(config, Pod::Exporter)?;
    let own = config.kubernetes.iter().find(|cluster| cluster.kubeconfig.is_none());
    let mut objects = vec![
        ("kubernetes/configmap.yaml", config_map(CONFIG_MAP, "checklist.yaml", input.text)),
        ("kubernetes/cronjobs.yaml", json!({"apiVersion": "v1", "kind": "List", "items": cron_jobs(config)?})),
    ];
    if needs.keeps_files {
        objects.push(("kubernetes/data.yaml", claim()));
    }
    if own.is_none() {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME}});
        objects.push(("kubernetes/serviceaccount.yaml", account));
    }
    let mut resources = vec!["access/networkpolicy.yaml".to_owned(), "rules/prometheusrule.yaml".to_owned()];
    if let Some(cluster) = own {
        resources.push(format!("access/kubernetes-{}.yaml", cluster.name));
    }
    resources.extend(objects.iter().map(|(path, _)| (*path).to_owned()));
    resources.sort();
    resources.push(input.dashboards.to_string_lossy().into_owned());
    let mut component = json!({
        "apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component",
        "resources": resources,
        "patches": [{"path": "kubernetes/pod.yaml"}],
    });
    if let Some(cluster) = own {
        // What names its namespace keeps it: roles are granted where the watched things are.
        let transformer = json!({
            "apiVersion": "builtin", "kind": "NamespaceTransformer",
            "metadata": {"name": "namespace", "namespace": cluster.exporter_namespace}, "unsetOnly": true,
        });
        component["transformers"] = json!([transformer.to_string()]);
    }
    objects.push(("kubernetes/pod.yaml", pod_patch(&needs)));
    objects.push(("kustomization.yaml", component));
    objects.into_iter().map(|(path, object)| yaml(path, &header, &object)).collect()
}

fn config_map(name: &str, key: &str, content: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {key: content}})
}

/// Several pods write records, on whichever node they run.
fn claim() -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
    })
}

/// What the Deployment of the base gets from the configuration.
fn pod_patch(needs: &Needs) -> Value {
    let mut container = json!({"name": "exporter", "volumeMounts": needs.volume_mounts.volume_mounts});
    if !needs.env.is_empty() {
        container["env"] = json!(needs.env);
    }
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME},
        "spec": {"template": {"spec": {
            "automountServiceAccountToken": needs.asks_api_server,
            "containers": [container],
            "volumes": needs.volume_mounts.volumes,
        }}},
    })
}

/// One run of a program at set times.
struct Job<'a> {
    name: String,
    schedule: String,
    image: &'a str,
    command: Vec<String>,
    deadline: u32,
    /// How many seconds late it may begin.
    late: u32,
    pod: Pod<'a>,
    /// Whether it takes a lease in the cluster that it runs in.
    elects: bool,
}

fn cron_jobs(config: &Config) -> anyhow::Result<Vec<Value>> {
    let mut jobs = Vec::new();
    let mut names = BTreeSet::new();
    let elects = config.election().is_some_and(|(_, cluster, _)| cluster.kubeconfig.is_none());
    for (n, backup) in config.backups.iter().filter(|backup| backup.restore.is_some()).enumerate() {
        // Names of jobs may have 52 letters, ours begins with 27.
        let mut name = format!("{NAME}-restore-{}", backup.slug());
        if !names.insert(name.clone()) {
            name = format!("{name}-{n}");
        }
        jobs.push(Job {
            name,
            // Proofs are heavy: one an hour.
            schedule: often(config, &restore::SIGNAL, &backup.name, 1 + n % 23),
            image: "checklist-restore",
            command: ["checklist-exporter", "verify-backup", &backup.name, "--config", CONFIG_FILE]
                .map(str::to_owned)
                .to_vec(),
            deadline: 6 * 3600,
            // The next chance may be a month away.
            late: 6 * 3600,
            pod: Pod::Restore(backup),
            elects,
        });
    }
    let has_receiver = config.alerting.pagerduty.is_some() || config.alerting.slack.is_some();
    if let (Some(first), true, true) = (config.alertmanagers.first(), config.tasks.is_some(), has_receiver) {
        jobs.push(Job {
            name: format!("{NAME}-alert-path"),
            // In the working hours: the test of the page reaches a person.
            schedule: often(config, &alert_path::SIGNAL, &first.name, 10),
            image: NAME,
            command: ["checklist-exporter", "verify-alerts", "--config", CONFIG_FILE].map(str::to_owned).to_vec(),
            deadline: 1800,
            late: 3600,
            pod: Pod::AlertPath,
            elects,
        });
    }
    if !config.prometheus.is_empty() {
        let cadences = [
            (Cadence::Daily, "0 6 * * *"),
            (Cadence::Weekly, "10 6 * * 1"),
            (Cadence::Monthly, "20 6 1 * *"),
            (Cadence::Quarterly, "30 6 1 1,4,7,10 *"),
        ];
        jobs.extend(cadences.map(|(cadence, schedule)| Job {
            name: format!("{NAME}-report-{}", cadence.as_str()),
            schedule: schedule.to_owned(),
            image: NAME,
            command: report(config, cadence),
            deadline: 1800,
            // Later it would be another hour, by which it ends.
            late: 1700,
            pod: Pod::Report,
            elects: false,
        }));
    }
    let zone = config.tasks.as_ref().and_then(|tasks| tasks.zone.iana_name());
    jobs.iter().map(|job| Ok(cron_job(job, zone, needs(config, job.pod)?))).collect()
}

/// The command of a report. It ends at six o'clock, however late it begins within the hour.
fn report(config: &Config, cadence: Cadence) -> Vec<String> {
    let command =
        ["rules-gen", "report", cadence.as_str(), "--config", CONFIG_FILE, "--at", "hour", "--format", "markdown"];
    let mut command = command.map(str::to_owned).to_vec();
    let places = config.alerting.reports.as_ref();
    let folder = places.and_then(|places| Some(("--out", places.directory.as_ref()?)));
    let webhook = places.and_then(|places| Some(("--webhook-file", places.webhook_url_file.as_ref()?)));
    for (option, path) in folder.into_iter().chain(webhook) {
        command.extend([option.to_owned(), path.to_string_lossy().into_owned()]);
    }
    command
}

/// Often enough that a proof is never older than its limit, even when one run fails.
fn often(config: &Config, signal: &Signal, target: &str, hour: usize) -> String {
    let limits = config.limits(signal, target);
    let levels = signal.thresholds.iter().map(|threshold| limits.of(threshold));
    let strictest = levels.flat_map(|levels| [levels.warning, levels.critical]).flatten().fold(f64::INFINITY, f64::min);
    let day = if strictest >= 32.0 * DAY {
        "1 * *"
    } else if strictest >= 8.0 * DAY {
        "* * 1"
    } else {
        "* * *"
    };
    format!("17 {hour} {day}")
}

fn cron_job(job: &Job<'_>, zone: Option<&str>, needs: Needs) -> Value {
    let Needs { env, volume_mounts: PodVolumes { mut volume_mounts, mut volumes }, .. } = needs;
    let scratch = matches!(job.pod, Pod::Restore(_));
    if scratch {
        volume_mounts.push(json!({"name": "tmp", "mountPath": "/tmp"}));
        volumes.push(json!({"name": "tmp", "emptyDir": {"sizeLimit": SCRATCH}}));
    }
    let memory = if scratch { ("256Mi", "1Gi") } else { ("64Mi", "128Mi") };
    let mut container = json!({
        "name": "job", "image": job.image, "command": job.command, "volumeMounts": volume_mounts,
        "securityContext": {
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
        },
        "resources": {
            "requests": {"cpu": "20m", "memory": memory.0}, "limits": {"cpu": "1", "memory": memory.1},
        },
    });
    if !env.is_empty() {
        container["env"] = json!(env);
    }
    let mut spec = json!({
        "schedule": job.schedule, "concurrencyPolicy": "Forbid", "startingDeadlineSeconds": job.late,
        "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 3,
        "jobTemplate": {"spec": {
            "backoffLimit": 1, "activeDeadlineSeconds": job.deadline,
            "template": {
                "metadata": {"labels": Part::Job.labels()},
                "spec": {
                    "serviceAccountName": if job.elects { JOBS } else { NAME }, "automountServiceAccountToken": job.elects,
                    "restartPolicy": "Never",
                    "securityContext": {
                        "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [container], "volumes": volumes,
                },
            },
        }},
    });
    if let Some(zone) = zone {
        spec["timeZone"] = json!(zone);
    }
    json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": job.name, "labels": Part::Job.labels()}, "spec": spec})
}
