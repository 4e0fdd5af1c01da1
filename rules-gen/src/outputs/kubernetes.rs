//! Writes the objects of a deployment that depend on checklist.yaml, as a kustomize component. The Helm chart reads the
//! same files.

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
use checklist::units::DAY;
use checklist::{Cadence, Config, Signal};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The numeric user of both images.
const USER: u32 = 65532;
/// Scratch space of the restore job: twice the size limit of a dump in `verify-backup`, for the dump and the restored
/// database.
const SCRATCH: &str = "200Gi";

/// The files in `kubernetes/`, and `kustomization.yaml`.
pub struct Deployment;

impl Output for Deployment {
    fn about(&self) -> About {
        About {
            kind: Kind::Kubernetes,
            formats: &[Format::Operator],
            paths: &["kubernetes/*.yaml", "kustomization.yaml"],
            purpose: "what a deployment needs besides the base: checklist.yaml, jobs, volumes, and the kustomize component that includes all of it",
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
        // `unsetOnly` keeps the namespace of roles, which are in the namespaces that the exporter watches.
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

/// The volume claim for records and reports. `ReadWriteMany`, because several pods write to it, on any node.
fn claim() -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
    })
}

/// The patch that adds volumes, variables and the service account token to the base Deployment.
fn pod_patch(needs: &Needs) -> Value {
    let mut container = json!({"name": "exporter", "volumeMounts": needs.volume_mounts.volume_mounts});
    if !needs.env.is_empty() {
        container["env"] = json!(needs.env);
    }
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME},
        "spec": {"template": {"spec": {
            "automountServiceAccountToken": needs.uses_api_server,
            "containers": [container],
            "volumes": needs.volume_mounts.volumes,
        }}},
    })
}

/// A cron job.
struct Job<'a> {
    name: String,
    schedule: String,
    image: &'a str,
    command: Vec<String>,
    deadline: u32,
    /// Seconds after its time at which it may still start (`startingDeadlineSeconds`).
    late: u32,
    pod: Pod<'a>,
    /// Whether it takes a lease in its own cluster.
    elects: bool,
}

fn cron_jobs(config: &Config) -> anyhow::Result<Vec<Value>> {
    let mut jobs = Vec::new();
    let mut names = BTreeSet::new();
    let elects = config.election().is_some_and(|(_, cluster, _)| cluster.kubeconfig.is_none());
    for (n, backup) in config.backups.iter().filter(|backup| backup.restore.is_some()).enumerate() {
        // Kubernetes limits the name of a cron job to 52 characters: the prefix has 27, a slug at most 20.
        let mut name = format!("{NAME}-restore-{}", backup.slug());
        if !names.insert(name.clone()) {
            name = format!("{name}-{n}");
        }
        jobs.push(Job {
            name,
            // Restores are heavy, so each has an hour of its own.
            schedule: often(config, &restore::SIGNAL, &backup.name, 1 + n % 23),
            image: "checklist-restore",
            command: ["checklist-exporter", "verify-backup", &backup.name, "--config", CONFIG_FILE]
                .map(str::to_owned)
                .to_vec(),
            deadline: 6 * 3600,
            // The next run may be a month away.
            late: 6 * 3600,
            pod: Pod::Restore(backup),
            elects,
        });
    }
    let has_receiver = config.alerting.pagerduty.is_some() || config.alerting.slack.is_some();
    if let (Some(first), true, true) = (config.alertmanagers.first(), config.tasks.is_some(), has_receiver) {
        jobs.push(Job {
            name: format!("{NAME}-alert-path"),
            // In working hours, because the test page reaches a person.
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
            // The report ends at the full hour, so a later start would be another hour.
            late: 1700,
            pod: Pod::Report,
            elects: false,
        }));
    }
    let zone = config.tasks.as_ref().and_then(|tasks| tasks.zone.iana_name());
    jobs.iter().map(|job| Ok(cron_job(job, zone, needs(config, job.pod)?))).collect()
}

/// Returns the command of a report. It ends at the full hour, however late within the hour the job starts.
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

/// Returns a schedule that is frequent enough: even when one run fails, the proof does not get older than its strictest
/// limit.
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
