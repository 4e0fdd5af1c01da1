//! Thirty situations that real controllers created, and what the exporter must expose of each. The values have the
//! meaning that they have in kube-state-metrics.

use crate::situations::{
    bare, bound, claim, endpoints, job, job_failed, missing, not_ready, replicas, scaler, service, situations, workload,
};
use crate::{Exporter, check, judged};
use checklist::Verdict;
use serde_json::json;
use stack::cluster::Cluster;
use stack::waiting::eventually;
use std::collections::BTreeSet;

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
    let seen = eventually("every situation is reported", || async {
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
    // The job is judged, and not its pods one by one.
    for ended in ["pod=\"done-", "pod=\"broken-"] {
        let messages = |line: &String| line.starts_with("checklist_pod_not_ready") && line.contains(ended);
        assert!(!page.iter().any(messages), "a pod that has ended is not ready: {ended}");
    }
    cluster.remove(&namespace).await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_failed_job_without_pods_a_lost_pod_of_an_operator_and_refused_pods_are_reported() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("lost").await?;
    // The owner of an operator's pods is an object of its own.
    cluster.apply(
        &namespace,
        &("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: db}\n".to_owned()
            + &workload("Deployment", "web", 2, "", "")
            + &job("gone", "failed", "")
            + &bare("once", "situation: evicted", ", restartPolicy: Never")),
    )?;
    let owner = api.get(&format!("/api/v1/namespaces/{namespace}/configmaps/db")).await?;
    let uid = owner["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let owned = |name: &str, labels: &str| {
        let owners =
            format!("ownerReferences: [{{apiVersion: v1, kind: ConfigMap, name: db, uid: {uid}, controller: true}}], ");
        bare(name, labels, "").replacen("metadata: {", &format!("metadata: {{{owners}"), 1)
    };
    cluster.apply(&namespace, &(owned("db-1", "") + &owned("db-2", "situation: evicted")))?;
    let token = cluster.administrator(&namespace).await?;
    let exporter = Exporter::start(cluster, &[&namespace], &token, "", "").await?;
    let failed = job_failed("gone", "BackoffLimitExceeded").replace("NS", &namespace);
    let lost = not_ready("db-2", "Evicted").replace("NS", &namespace);
    let metrics = async || anyhow::Ok(plain(&exporter.metrics(None).await?));
    eventually("both are reported", || async {
        let page = metrics().await?;
        Ok(page.contains(&failed) && page.contains(&lost))
    })
    .await?;
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    for name in api.names(&format!("{pods}?labelSelector=job-name%3Dgone")).await? {
        api.delete(&format!("{pods}/{name}")).await?;
    }
    let of_gone = format!("checklist_pods{{namespace=\"{namespace}\",workload=\"gone\"");
    eventually("its pods are gone", || async {
        let page = metrics().await?;
        Ok(!page.iter().any(|line| line.starts_with(&of_gone)) && page.contains(&failed))
    })
    .await?;
    let page = metrics().await?;
    assert!(!page.iter().any(|line| line.starts_with("checklist_pod_not_ready") && line.contains("pod=\"once\"")));
    // A rollout whose pods the server refuses: their service account is not there. The old ones go on.
    let refused = format!(
        "checklist_workload_pods_refused{{namespace=\"{namespace}\",kind=\"Deployment\",workload=\"web\",reason=\"FailedCreate\"}} 1"
    );
    cluster.apply(&namespace, &workload("Deployment", "web", 2, "", ", serviceAccountName: nobody"))?;
    eventually(&refused, || async { Ok(metrics().await?.contains(&refused)) }).await?;
    // The operator makes another pod, and the job is run again by hand.
    cluster.apply(&namespace, &owned("db-3", ""))?;
    api.delete(&format!("/apis/batch/v1/namespaces/{namespace}/jobs/gone")).await?;
    eventually("both are over", || async {
        let page = metrics().await?;
        Ok(!page.contains(&failed) && !page.contains(&lost))
    })
    .await?;
    cluster.remove(&namespace).await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_newer_pod_of_a_deployment_does_not_hide_the_failed_one_of_a_job_of_its_name() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("names").await?;
    let is_failed = job("sync", "failed", "").replace("backoffLimit: 0", "backoffLimit: 6");
    cluster.apply(&namespace, &is_failed)?;
    let at = format!("/apis/batch/v1/namespaces/{namespace}/jobs/sync");
    eventually("an attempt has failed", || async { Ok(api.get(&at).await?["status"]["failed"] == 1) }).await?;
    // A suspended job makes no other attempt.
    api.patch(&at, &json!({"spec": {"suspend": true}})).await?;
    // Times of creation have whole seconds.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    cluster.apply(&namespace, &workload("Deployment", "sync", 1, "", ""))?;
    let pods = check(cluster, &[&namespace], "", "pods")?;
    let ready = format!("/apis/apps/v1/namespaces/{namespace}/deployments/sync");
    eventually("the deployment is ready", || async { Ok(api.get(&ready).await?["status"]["readyReplicas"] == 1) })
        .await?;
    let (verdict, words) = judged(&pods).await;
    assert!(verdict == Verdict::Warning && words.contains("sync-"), "{words}");
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
    let exposes = async |line: &str| -> anyhow::Result<bool> {
        let line = line.replace("NS", &namespace);
        Ok(plain(&exporter.metrics(None).await?).iter().any(|one| one.starts_with(&line)))
    };
    let ready = |name: &str| {
        format!("checklist_workload_replicas_ready{{namespace=\"NS\",kind=\"Deployment\",workload=\"{name}\"}}")
    };
    eventually("the crash is reported", || async {
        Ok(exposes("checklist_pod_not_ready{namespace=\"NS\",pod=\"heals-").await?
            && exposes(&format!("{} 1", ready("goes"))).await?)
    })
    .await?;
    // The workload is rolled out without the fault, and the other deployment is deleted.
    cluster.apply(&namespace, &workload("Deployment", "heals", 2, "", ""))?;
    let healed = json!([{"op": "remove", "path": "/spec/template/metadata/labels/situation"}]);
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    // Server-side apply has already removed the label if it was the only owner.
    let _ = api
        .request("PATCH", &format!("{path}/heals"), "application/json-patch+json", healed.to_string().into_bytes())
        .await?;
    api.delete(&format!("{path}/goes")).await?;
    eventually("the deployment is well and the other is gone", || async {
        Ok(exposes(&format!("{} 2", ready("heals"))).await?
            && !exposes("checklist_pod_not_ready{").await?
            && !exposes(&ready("goes")).await?
            && !exposes("checklist_pods{namespace=\"NS\",workload=\"goes\"").await?)
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
            + &job("skipped", "failed", "")
            + &preview),
    )?;
    let token = cluster.administrator(&namespace).await?;
    let exclude = ", exclude: [{kind: Service, name: '*-ro'}, {kind: Deployment, name: 'preview-*'}, {kind: Job, name: skipped}, {kind: HorizontalPodAutoscaler, name: 'preview-*'}, {label: env=preview}, {annotation: own}]";
    let exporter = Exporter::start(cluster, &[&namespace], &token, exclude, "").await?;
    let web: Vec<String> =
        replicas("Deployment", "web", 1, 1).iter().map(|line| line.replace("NS", &namespace)).collect();
    let metrics = async || anyhow::Ok(plain(&exporter.metrics(None).await?));
    eventually("what is not left out is reported", || async {
        let page = metrics().await?;
        Ok(web.iter().all(|line| page.contains(line)) && page.contains(&endpoints("idle", 0).replace("NS", &namespace)))
    })
    .await?;
    let page = metrics().await?;
    for name in ["preview-7", "idle-ro", "marked", "skipped", "loose"] {
        let of = |line: &&String| line.contains(&format!("=\"{name}"));
        assert_eq!(page.iter().filter(of).collect::<Vec<_>>(), Vec::<&String>::new(), "{name} is left out");
    }
    // Without its annotation, the object is reported like any other.
    let unmarked = json!([{"op": "remove", "path": "/metadata/annotations/own"}]);
    let path = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/marked");
    api.request("PATCH", &path, "application/json-patch+json", unmarked.to_string().into_bytes()).await?;
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
    eventually("both are reported", || async {
        let page = plain(&exporter.metrics(None).await?);
        Ok(lines.iter().all(|line| page.contains(line)))
    })
    .await?;
    cluster.remove(&namespace).await
}

/// The lines of an exposition without the labels of the check.
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
