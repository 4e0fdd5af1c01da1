//! Thirty situations that real controllers created, and what the exporter must expose of each. The values have the
//! meaning that they have in kube-state-metrics.

use crate::Exporter;
use serde_json::json;
use stack::cluster::Cluster;
use stack::waiting::eventually;
use std::collections::BTreeSet;

/// A situation: its objects, and the expected lines of the exposition. `NS` stands for the namespace; the labels
/// `check` and `target` are left out.
pub(crate) struct Situation {
    name: &'static str,
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

fn replicas(kind: &str, name: &str, desired: u32, ready: u32) -> Vec<String> {
    [("desired", desired), ("ready", ready)]
        .map(|(what, count)| {
            format!(
                "checklist_workload_replicas_{what}{{namespace=\"NS\",kind=\"{kind}\",workload=\"{name}\"}} {count}"
            )
        })
        .to_vec()
}

fn phase(workload: &str, phase: &str, count: u32) -> String {
    format!("checklist_pods{{namespace=\"NS\",workload=\"{workload}\",phase=\"{phase}\"}} {count}")
}

fn not_ready(pod: &str, reason: &str) -> String {
    format!("checklist_pod_not_ready{{namespace=\"NS\",pod=\"{pod}\",reason=\"{reason}\"}} 1")
}

fn restarts(workload: &str, pod: &str, container: &str, count: u32) -> String {
    format!(
        "checklist_container_restarts_total{{namespace=\"NS\",workload=\"{workload}\",pod=\"{pod}\",container=\"{container}\"}} {count}"
    )
}

fn endpoints(name: &str, count: u32) -> String {
    format!("checklist_service_ready_endpoints{{namespace=\"NS\",service=\"{name}\"}} {count}")
}

fn bound(name: &str, is_bound: u32) -> String {
    format!("checklist_volume_claim_bound{{namespace=\"NS\",persistentvolumeclaim=\"{name}\"}} {is_bound}")
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
        vec![vec![phase("evicted", "Failed", 1)]],
    );
    situation("a job is complete", job("done", "complete", ""), vec![vec![phase("done", "Succeeded", 1)]]);
    situation("a job has failed", job("broken", "failed", ""), vec![vec![phase("broken", "Failed", 1)]]);
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

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn thirty_situations_made_by_real_controllers_are_reported_correctly() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let namespace = cluster.namespace("truth").await?;
    let situations = situations();
    assert!(situations.len() >= 30, "{}", situations.len());
    let yaml: String = situations.iter().map(|situation| situation.yaml.as_str()).collect();
    cluster.apply(&namespace, &yaml.replace("NS", &namespace))?;
    let token = cluster.administrator(&namespace).await?;
    let exporter = Exporter::start(cluster, &[&namespace], &token, "", "").await?;
    let mut wrong: Vec<String> = Vec::new();
    let seen = eventually("every situation is told", || async {
        let page = plain(&exporter.metrics(None).await?);
        Ok(situations.iter().all(|situation| missing(situation, &namespace, &page).is_empty()))
    })
    .await;
    let page = plain(&exporter.metrics(None).await?);
    for situation in &situations {
        let missing = missing(situation, &namespace, &page);
        wrong.extend((!missing.is_empty()).then(|| format!("{}: {missing:#?}", situation.name)));
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), page.iter().cloned().collect::<Vec<_>>().join("\n"));
    seen?;
    // Lines that must be missing: services without a selector, finished pods as not ready, and deleted objects.
    for absent in ["service=\"manual\"", "service=\"elsewhere\"", "workload=\"later\""] {
        assert!(!page.iter().any(|line| line.contains(absent)), "{absent}");
    }
    // An evicted pod stays until it is deleted; its replacement is judged.
    for ended in ["pod=\"done-", "pod=\"evicted\""] {
        let messages = |line: &String| line.starts_with("checklist_pod_not_ready") && line.contains(ended);
        assert!(!page.iter().any(messages), "a pod that has ended is not ready: {ended}");
    }
    cluster.remove(&namespace).await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn objects_that_recover_or_disappear_are_no_longer_reported() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("heals").await?;
    cluster.apply(
        &namespace,
        &(workload("Deployment", "heals", 2, "crash-loop", "") + &workload("Deployment", "goes", 1, "", "")),
    )?;
    let token = cluster.administrator(&namespace).await?;
    let exporter = Exporter::start(cluster, &[&namespace], &token, "", "").await?;
    let tells = async |line: &str| -> anyhow::Result<bool> {
        let line = line.replace("NS", &namespace);
        Ok(plain(&exporter.metrics(None).await?).iter().any(|one| one.starts_with(&line)))
    };
    let ready = |name: &str| {
        format!("checklist_workload_replicas_ready{{namespace=\"NS\",kind=\"Deployment\",workload=\"{name}\"}}")
    };
    eventually("the crash is told", || async {
        Ok(tells("checklist_pod_not_ready{namespace=\"NS\",pod=\"heals-").await?
            && tells(&format!("{} 1", ready("goes"))).await?)
    })
    .await?;
    // The workload is rolled out without the fault, and the other deployment is deleted.
    cluster.apply(&namespace, &workload("Deployment", "heals", 2, "", ""))?;
    let healed = json!([{"op": "remove", "path": "/spec/template/metadata/labels/situation"}]);
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    // Server-side apply has already removed the label if it was the only owner.
    let _ = api
        .ask("PATCH", &format!("{path}/heals"), "application/json-patch+json", healed.to_string().into_bytes())
        .await?;
    api.delete(&format!("{path}/goes")).await?;
    eventually("the deployment is well and the other is gone", || async {
        Ok(tells(&format!("{} 2", ready("heals"))).await?
            && !tells("checklist_pod_not_ready{").await?
            && !tells(&ready("goes")).await?
            && !tells("checklist_pods{namespace=\"NS\",workload=\"goes\"").await?)
    })
    .await?;
    cluster.remove(&namespace).await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn objects_excluded_by_name_label_or_annotation_are_not_reported_while_they_match() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("left-out").await?;
    let marked =
        claim("marked", "no-such-class").replace("{name: marked}", "{name: marked, annotations: {own: 'yes'}}");
    let preview = bare("loose", "env: preview, situation: crash-loop", "");
    cluster.apply(
        &namespace,
        &(workload("Deployment", "web", 1, "", "")
            + &workload("Deployment", "preview-7", 1, "crash-loop", "")
            + &service("idle-ro", "selector: {app: nobody}, ports: [{port: 80}]")
            + &service("idle", "selector: {app: nobody}, ports: [{port: 80}]")
            + &scaler("preview-7", "preview-7", "minReplicas: 1, maxReplicas: 2")
            + &marked
            + &preview),
    )?;
    let token = cluster.administrator(&namespace).await?;
    let exclude = ", exclude: [{kind: Service, name: '*-ro'}, {kind: Deployment, name: 'preview-*'}, {kind: HorizontalPodAutoscaler, name: 'preview-*'}, {label: env=preview}, {annotation: own}]";
    let exporter = Exporter::start(cluster, &[&namespace], &token, exclude, "").await?;
    let web: Vec<String> =
        replicas("Deployment", "web", 1, 1).iter().map(|line| line.replace("NS", &namespace)).collect();
    let metrics = async || anyhow::Ok(plain(&exporter.metrics(None).await?));
    eventually("what is not left out is told", || async {
        let page = metrics().await?;
        Ok(web.iter().all(|line| page.contains(line)) && page.contains(&endpoints("idle", 0).replace("NS", &namespace)))
    })
    .await?;
    let page = metrics().await?;
    for name in ["preview-7", "idle-ro", "marked", "loose"] {
        let of = |line: &&String| line.contains(&format!("=\"{name}"));
        assert_eq!(page.iter().filter(of).collect::<Vec<_>>(), Vec::<&String>::new(), "{name} is left out");
    }
    // Without its annotation, the object is reported like any other.
    let unmarked = json!([{"op": "remove", "path": "/metadata/annotations/own"}]);
    let path = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/marked");
    api.ask("PATCH", &path, "application/json-patch+json", unmarked.to_string().into_bytes()).await?;
    let line = bound("marked", 0).replace("NS", &namespace);
    eventually(&line, || async { Ok(metrics().await?.contains(&line)) }).await?;
    cluster.remove(&namespace).await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn the_endpoints_of_a_service_with_two_kinds_of_addresses_are_counted_once() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("dual").await?;
    cluster.apply(
        &namespace,
        &(workload("Deployment", "dual", 2, "", "") + &service("dual", "selector: {app: dual}, ports: [{port: 80}]")),
    )?;
    // The controller of a dual-stack cluster creates one slice for each address family.
    let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv6",
        "metadata": {"name": "dual-v6", "labels": {"kubernetes.io/service-name": "dual"}},
        "endpoints": [{"addresses": ["2001:db8::1"], "conditions": {"ready": true}}, {"addresses": ["2001:db8::2"], "conditions": {"ready": true}}]});
    api.create(&format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"), &slice).await?;
    let token = cluster.administrator(&namespace).await?;
    let exporter = Exporter::start(cluster, &[&namespace], &token, "", "").await?;
    let line = endpoints("dual", 2).replace("NS", &namespace);
    eventually(&line, || async { Ok(plain(&exporter.metrics(None).await?).contains(&line)) }).await?;
    cluster.remove(&namespace).await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_service_that_names_a_port_of_no_container_has_no_endpoint_that_answers() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let namespace = cluster.namespace("astray").await?;
    let astray = service("astray", "selector: {app: web}, ports: [{port: 80, targetPort: no-such-name}]")
        + &service("headless", "clusterIP: None, selector: {app: web}");
    cluster.apply(&namespace, &(workload("Deployment", "web", 2, "", "") + &astray))?;
    let token = cluster.administrator(&namespace).await?;
    let exporter = Exporter::start(cluster, &[&namespace], &token, "", "").await?;
    let of = |service: &str, count: u32, all: u32| {
        let all = format!("checklist_service_endpoints{{namespace=\"NS\",service=\"{service}\"}} {all}");
        [endpoints(service, count), all].map(|line| line.replace("NS", &namespace))
    };
    let lines = [of("astray", 0, 2), of("headless", 2, 2)].concat();
    eventually("both are told", || async {
        let page = plain(&exporter.metrics(None).await?);
        Ok(lines.iter().all(|line| page.contains(line)))
    })
    .await?;
    cluster.remove(&namespace).await
}

/// Returns the expected lines that are missing.
pub(crate) fn missing(situation: &Situation, namespace: &str, page: &BTreeSet<String>) -> Vec<String> {
    let lines = situation.lines.iter().map(|line| line.replace("NS", namespace));
    lines.filter(|line| !page.contains(line)).collect()
}

/// Returns the lines of an exposition without the labels of the check.
pub(crate) fn plain(page: &str) -> BTreeSet<String> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let Some((name, labels)) = line.split_once("{check=\"") else { return line.to_owned() };
            match labels.split_once(",target=\"stack\"") {
                Some((_, rest)) => format!("{name}{{{}", rest.trim_start_matches(',')),
                None => line.to_owned(),
            }
        })
        .collect()
}
