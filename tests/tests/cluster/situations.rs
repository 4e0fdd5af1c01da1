//! Thirty situations that the real controllers make, and what must be reported of each.

use std::collections::BTreeSet;

/// A situation: its objects, and the expected lines of the exposition. `NS` stands for the namespace; the labels
/// `check` and `target` are left out.
pub(crate) struct Situation {
    pub(crate) name: &'static str,
    pub(crate) yaml: String,
    lines: Vec<String>,
}

fn pod_spec(more: &str) -> String {
    format!("{{containers: [{{name: main, image: x, resources: {{limits: {{cpu: 100m, memory: 64Mi}}}}}}]{more}}}")
}

/// Returns a workload of a kind, with a label that decides what happens to its pods.
pub(crate) fn workload(kind: &str, name: &str, replicas: u32, situation: &str, more: &str) -> String {
    let label = if situation.is_empty() { String::new() } else { format!(", situation: {situation}") };
    let replicas = if kind == "DaemonSet" { String::new() } else { format!("replicas: {replicas}, ") };
    let service = if kind == "StatefulSet" { format!("serviceName: {name}, ") } else { String::new() };
    format!(
        "---\napiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{replicas}{service}selector: {{matchLabels: {{app: {name}}}}}, \
         template: {{metadata: {{labels: {{app: {name}{label}}}}}, spec: {}}}}}\n",
        pod_spec(more)
    )
}

pub(crate) fn job(name: &str, situation: &str, more: &str) -> String {
    format!(
        "---\napiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}}}\nspec: {{{more}backoffLimit: 0, \
         template: {{metadata: {{labels: {{situation: {situation}}}}}, spec: {}}}}}\n",
        pod_spec(", restartPolicy: Never")
    )
}

pub(crate) fn bare(name: &str, labels: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{{labels}}}}}\nspec: {}\n",
        pod_spec(more)
    )
}

pub(crate) fn service(name: &str, spec: &str) -> String {
    format!("---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n")
}

pub(crate) fn claim(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{accessModes: [ReadWriteOnce], \
         resources: {{requests: {{storage: 1Gi}}}}, storageClassName: '{spec}'}}\n"
    )
}

pub(crate) fn scaler(name: &str, target: &str, bounds: &str) -> String {
    format!(
        "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: {name}}}\nspec: {{scaleTargetRef: \
         {{apiVersion: apps/v1, kind: Deployment, name: {target}}}, {bounds}}}\n"
    )
}

pub(crate) fn replicas(kind: &str, name: &str, desired: u32, ready: u32) -> Vec<String> {
    [("desired", desired), ("ready", ready)]
        .map(|(what, count)| {
            format!(
                "checklist_workload_replicas_{what}{{namespace=\"NS\",kind=\"{kind}\",workload=\"{name}\"}} {count}"
            )
        })
        .to_vec()
}

pub(crate) fn phase(workload: &str, phase: &str, count: u32) -> String {
    format!("checklist_pods{{namespace=\"NS\",workload=\"{workload}\",phase=\"{phase}\"}} {count}")
}

pub(crate) fn not_ready(pod: &str, reason: &str) -> String {
    format!("checklist_pod_not_ready{{namespace=\"NS\",pod=\"{pod}\",reason=\"{reason}\"}} 1")
}

pub(crate) fn job_failed(workload: &str, reason: &str) -> String {
    format!("checklist_job_failed{{namespace=\"NS\",workload=\"{workload}\",reason=\"{reason}\"}} 1")
}

fn restarts(workload: &str, pod: &str, container: &str, count: u32) -> String {
    format!(
        "checklist_container_restarts_total{{namespace=\"NS\",workload=\"{workload}\",pod=\"{pod}\",container=\"{container}\"}} {count}"
    )
}

pub(crate) fn endpoints(name: &str, count: u32) -> String {
    format!("checklist_service_ready_endpoints{{namespace=\"NS\",service=\"{name}\"}} {count}")
}

pub(crate) fn bound(name: &str, is_bound: u32) -> String {
    format!("checklist_volume_claim_bound{{namespace=\"NS\",persistentvolumeclaim=\"{name}\"}} {is_bound}")
}

/// Returns the limit of a workload's CPU in cores.
fn cpu_limit(workload: &str, cores: &str) -> String {
    format!("checklist_pod_cpu_limit_cores{{namespace=\"NS\",workload=\"{workload}\"}} {cores}")
}

fn hpa(what: &str, name: &str, value: u32) -> String {
    format!("checklist_hpa_{what}{{namespace=\"NS\",hpa=\"{name}\"}} {value}")
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn situations() -> Vec<Situation> {
    let mut all = Vec::new();
    let mut situation = |name, yaml: String, lines: Vec<Vec<String>>| {
        all.push(Situation { name, yaml, lines: lines.concat() });
    };
    situation(
        "a deployment is well",
        workload("Deployment", "well", 3, "", "") + &service("well", "selector: {app: well}, ports: [{port: 80}]"),
        vec![replicas("Deployment", "well", 3, 3), vec![phase("well", "Running", 3), endpoints("well", 3)]],
    );
    situation(
        "a deployment is scaled to nothing",
        workload("Deployment", "none", 0, "", ""),
        vec![replicas("Deployment", "none", 0, 0)],
    );
    situation(
        "a deployment crashes",
        workload("Deployment", "crashes", 2, "crash-loop", "")
            + &service("crashes", "selector: {app: crashes}, ports: [{port: 80}]"),
        vec![replicas("Deployment", "crashes", 2, 0), vec![phase("crashes", "Running", 2), endpoints("crashes", 0)]],
    );
    situation(
        "an image cannot be pulled",
        workload("StatefulSet", "pull", 1, "image-pull", ""),
        vec![
            replicas("StatefulSet", "pull", 1, 0),
            vec![phase("pull", "Pending", 1), not_ready("pull-0", "ImagePullBackOff")],
        ],
    );
    situation(
        "a secret is not there",
        workload("StatefulSet", "config", 1, "config-error", ""),
        vec![replicas("StatefulSet", "config", 1, 0), vec![not_ready("config-0", "CreateContainerConfigError")]],
    );
    situation(
        "a stateful set stops at its first pod",
        workload("StatefulSet", "ordered", 3, "crash-loop", ""),
        vec![
            replicas("StatefulSet", "ordered", 3, 0),
            vec![
                phase("ordered", "Running", 1),
                not_ready("ordered-0", "CrashLoopBackOff"),
                restarts("ordered", "ordered-0", "main", 7),
            ],
        ],
    );
    situation(
        "a stateful set is well",
        workload("StatefulSet", "set", 2, "", ""),
        vec![
            replicas("StatefulSet", "set", 2, 2),
            vec![phase("set", "Running", 2), restarts("set", "set-1", "main", 0)],
        ],
    );
    situation(
        "a daemon set is on both nodes",
        workload("DaemonSet", "agent", 0, "", ""),
        vec![replicas("DaemonSet", "agent", 2, 2), vec![phase("agent", "Running", 2)]],
    );
    situation(
        "a daemon set selects one node",
        workload("DaemonSet", "single", 0, "", ", nodeSelector: {kubernetes.io/hostname: node-1}"),
        vec![replicas("DaemonSet", "single", 1, 1)],
    );
    situation(
        "a daemon set selects no node",
        workload("DaemonSet", "nowhere", 0, "", ", nodeSelector: {no: node}"),
        vec![replicas("DaemonSet", "nowhere", 0, 0)],
    );
    situation(
        "a daemon set is not ready",
        workload("DaemonSet", "sick", 0, "unready", ""),
        vec![replicas("DaemonSet", "sick", 2, 0), vec![phase("sick", "Running", 2)]],
    );
    situation(
        "a pod fits nowhere",
        bare("large", "", ", nodeSelector: {no: node}"),
        vec![vec![phase("large", "Pending", 1), not_ready("large", "Unschedulable")]],
    );
    situation(
        "a pod is held by a gate",
        bare("gated", "", ", schedulingGates: [{name: example.com/wait}]"),
        vec![vec![phase("gated", "Pending", 1), not_ready("gated", "SchedulingGated")]],
    );
    situation(
        "a pod runs and is not ready",
        bare("unready", "situation: unready", ""),
        vec![vec![phase("unready", "Running", 1), not_ready("unready", "ContainersNotReady")]],
    );
    situation(
        "a sidecar crashes",
        bare(
            "init",
            "situation: init-crash-loop",
            ", initContainers: [{name: first, image: x, restartPolicy: Always}]",
        ),
        vec![vec![
            phase("init", "Pending", 1),
            not_ready("init", "CrashLoopBackOff"),
            restarts("init", "init", "first", 4),
        ]],
    );
    situation(
        "a pod was evicted",
        bare("evicted", "situation: evicted", ""),
        vec![vec![phase("evicted", "Failed", 1), not_ready("evicted", "Evicted")]],
    );
    let limited = |name: &str, of_main: &str, more: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: main, image: x, resources: {{limits: {{cpu: {of_main}}}}}}}{more}}}\n"
        )
    };
    situation(
        "the limits of containers are added as decimal numbers",
        limited("sums", "100m", ", {name: other, image: x, resources: {limits: {cpu: 200m}}}]"),
        vec![vec![cpu_limit("sums", "0.3")]],
    );
    situation(
        "a sidecar has a limit too",
        limited(
            "beside",
            "700m",
            "], initContainers: [{name: first, image: x, restartPolicy: Always, resources: {limits: {cpu: 400m}}}, {name: setup, image: x, resources: {limits: {cpu: 300m}}}]",
        ),
        vec![vec![cpu_limit("beside", "1.1")]],
    );
    situation(
        "the limit of a pod counts instead of those of its containers",
        limited("whole", "100m", "], resources: {limits: {cpu: 700m}}"),
        vec![vec![cpu_limit("whole", "0.7")]],
    );
    situation(
        "a run of a cron job has the name of the cron job",
        job("nightly-29000000", "complete", ""),
        vec![vec![phase("nightly", "Succeeded", 1)]],
    );
    situation("a job is complete", job("done", "complete", ""), vec![vec![phase("done", "Succeeded", 1)]]);
    situation(
        "a job has failed",
        job("broken", "failed", ""),
        vec![vec![phase("broken", "Failed", 1), job_failed("broken", "BackoffLimitExceeded")]],
    );
    situation("a job is suspended", job("later", "complete", "suspend: true, "), vec![]);
    situation(
        "a job runs twice",
        job("twice", "complete", "completions: 2, parallelism: 2, "),
        vec![vec![phase("twice", "Succeeded", 2)]],
    );
    situation(
        "a service selects nobody",
        service("nobody", "selector: {app: nobody}, ports: [{port: 80}]"),
        vec![vec![endpoints("nobody", 0)]],
    );
    situation(
        "a service has no address",
        service("headless", "clusterIP: None, selector: {app: set}"),
        vec![vec![endpoints("headless", 2)]],
    );
    situation(
        "a service shows who is not ready",
        service("early", "publishNotReadyAddresses: true, selector: {app: sick}, ports: [{port: 80}]"),
        vec![vec![endpoints("early", 2)]],
    );
    situation("a service has no selector", service("manual", "ports: [{port: 80}]"), vec![]);
    situation("a service is a name", service("elsewhere", "type: ExternalName, externalName: example.com"), vec![]);
    situation(
        "a claim has its volume",
        claim("bound", "")
            + "---\napiVersion: v1\nkind: PersistentVolume\nmetadata: {name: NS-bound}\nspec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], storageClassName: '', hostPath: {path: /nowhere}, claimRef: {namespace: NS, name: bound}}\n",
        vec![vec![bound("bound", 1)]],
    );
    situation("a claim waits for its volume", claim("waits", "no-such-class"), vec![vec![bound("waits", 0)]]);
    situation(
        "an autoscaler is at its maximum",
        workload("Deployment", "busy", 1, "", "")
            + &scaler(
                "busy",
                "busy",
                "minReplicas: 1, maxReplicas: 2, metrics: [{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 10m}}}]",
            ),
        vec![
            replicas("Deployment", "busy", 2, 2),
            vec![hpa("at_max", "busy", 1), hpa("scaling_limited", "busy", 1), hpa("able_to_scale", "busy", 1)],
        ],
    );
    situation(
        "an autoscaler has nothing to scale",
        scaler("lost", "no-such-deployment", "minReplicas: 1, maxReplicas: 2"),
        vec![vec![hpa("able_to_scale", "lost", 0)]],
    );
    situation(
        "an autoscaler is pinned",
        workload("Deployment", "pinned", 2, "", "")
            + &scaler(
                "pinned",
                "pinned",
                "minReplicas: 2, maxReplicas: 2, metrics: [{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 10}}}]",
            ),
        vec![vec![hpa("at_max", "pinned", 0), hpa("able_to_scale", "pinned", 1)]],
    );
    all
}

/// Returns the expected lines that are missing.
pub(crate) fn missing(situation: &Situation, namespace: &str, page: &BTreeSet<String>) -> Vec<String> {
    let lines = situation.lines.iter().map(|line| line.replace("NS", namespace));
    lines.filter(|line| !page.contains(line)).collect()
}
