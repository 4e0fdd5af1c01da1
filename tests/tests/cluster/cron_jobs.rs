//! Cron jobs of the real controller: one whose jobs are refused, and others that need not run.

use crate::situations::{bare, job_failed};
use crate::truth::plain;
use crate::{Exporter, check, judged, situations, sources};
use anyhow::Context;
use checklist::Verdict;
use serde_json::json;
use stack::cluster::Cluster;
use stack::life::evaluate::Firing;
use stack::sources::{KUBE_STATE_METRICS, Page};
use stack::waiting::eventually;

/// A cron job whose pods end.
fn cron_job(name: &str, spec: &str) -> String {
    cron_job_of(name, spec, "situation: complete")
}

/// Like [`cron_job`], with other labels of its pods.
fn cron_job_of(name: &str, spec: &str, labels: &str) -> String {
    format!(
        "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: {name}}}\nspec: {{schedule: '0 3 * * *', {spec}jobTemplate: {{spec: \
         {{template: {{metadata: {{labels: {{{labels}}}}}, spec: {{restartPolicy: Never, containers: [{{name: main, image: x, resources: {{limits: {{cpu: 1, memory: 64Mi}}}}}}]}}}}}}}}}}\n"
    )
}

/// Checks that the metrics of each release of kube-state-metrics in target/parts/peers alert on the same cron job. `last`
/// is one that it exposes with the others.
async fn other_exporters_report_the_same(
    cluster: &Cluster,
    namespace: &str,
    last: &str,
    failed: &str,
) -> anyhow::Result<()> {
    for (release, program) in KUBE_STATE_METRICS.releases() {
        let folder = tempfile::tempdir()?;
        let (_process, url) = sources::start(&program, &cluster.admin_kubeconfig(), namespace, folder.path()).await?;
        let last = format!("kube_cronjob_next_schedule_time{{namespace=\"{namespace}\",cronjob=\"{last}\"}}");
        eventually(&last, || async { Ok(sources::page(&url).await?.contains(&last)) }).await?;
        let page = Page::new(&sources::page(&url).await?.replace(namespace, "shop"));
        let firing = KUBE_STATE_METRICS.alerts(true, &[page]).await?;
        let is_failed = |one: &&Firing| one.labels.get("alertname").is_some_and(|name| name == "ChecklistJobFailed");
        let workloads: Vec<_> = firing.iter().filter(is_failed).filter_map(|one| one.labels.get("workload")).collect();
        assert_eq!(workloads, [failed], "{release}: {firing:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_cron_job_that_is_due_and_starts_no_run_is_reported_until_it_does() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("cron").await?;
    let refused =
        "---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: no-jobs}\nspec: {hard: {count/jobs.batch: '0'}}\n";
    cluster.apply(&namespace, refused)?;
    let quota = format!("/api/v1/namespaces/{namespace}/resourcequotas/no-jobs");
    eventually("the quota is in force", || async {
        Ok(api.get(&quota).await?["status"]["hard"]["count/jobs.batch"] == "0")
    })
    .await?;
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: rotated}\n";
    cluster.apply(
        &namespace,
        &(cron_job("nightly", "") + &cron_job("paused", "suspend: true, ") + &cron_job("fresh", "") + secret),
    )?;
    // The last runs were three days ago.
    let last =
        (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(72)).strftime("%Y-%m-%dT03:00:00Z").to_string();
    let at = |name: &str| format!("/apis/batch/v1/namespaces/{namespace}/cronjobs/{name}");
    for name in ["nightly", "paused"] {
        let ran = json!({"status": {"lastScheduleTime": last}});
        api.patch(&format!("{}/status", at(name)), &ran).await?;
    }
    let token = cluster.administrator(&namespace).await?;
    let exporter = Exporter::start(cluster, &[&namespace], &token, ", secrets: [{name: rotated}]", "").await?;
    let metrics = async || anyhow::Ok(plain(&exporter.metrics(None).await?));
    let late = job_failed("nightly", "NotStarted").replace("NS", &namespace);
    let rotated = "checklist_secret_last_rotation_timestamp_seconds{";
    eventually("the cron job is reported", || async {
        let page = metrics().await?;
        Ok(page.contains(&late) && page.iter().any(|line| line.starts_with(rotated)))
    })
    .await?;
    let page = metrics().await?;
    let others = page.iter().filter(|line| line.starts_with("checklist_job_failed")).count();
    assert_eq!(others, 1, "a suspended one and a new one are not late");
    let seen = |line: &&String| line.starts_with("checklist_check_seen{") && line.contains("object=\"cron_job\"");
    assert!(page.iter().find(seen).is_some_and(|line| line.ends_with(" 3")), "{page:?}");
    // Cron jobs between two runs are something to watch.
    assert!(!page.iter().any(|line| line.contains("object=\"namespace\",reason=")), "{page:?}");
    // A label on a secret is no rotation.
    let before = page.iter().find(|line| line.starts_with(rotated)).cloned();
    let path = format!("/api/v1/namespaces/{namespace}/secrets/rotated");
    api.patch(&path, &json!({"metadata": {"labels": {"team": "shop"}}})).await?;
    other_exporters_report_the_same(cluster, &namespace, "fresh", "nightly").await?;
    // When its jobs are accepted again, the controller starts the run that is due.
    api.delete(&quota).await?;
    let runs = situations::phase("nightly", "Succeeded", 1).replace("NS", &namespace);
    eventually("the run has started", || async {
        let page = metrics().await?;
        Ok(!page.contains(&late) && page.contains(&runs))
    })
    .await?;
    let page = metrics().await?;
    assert_eq!(page.iter().find(|line| line.starts_with(rotated)).cloned(), before, "the label changed it");
    cluster.remove(&namespace).await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_last_run_in_the_future_does_not_hide_that_later_ones_are_missing() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("ahead").await?;
    cluster.apply(&namespace, &(cron_job("nightly", "") + &bare("web", "", "")))?;
    let pods = check(cluster, &[&namespace], "", "pods")?;
    eventually("the pod is ready", || async { Ok(judged(&pods).await.0 == Verdict::Passed) }).await?;
    let ran = json!({"status": {"lastScheduleTime": "2038-01-01T03:00:00Z"}});
    api.patch(&format!("/apis/batch/v1/namespaces/{namespace}/cronjobs/nightly/status"), &ran).await?;
    let ahead = format!("cron job {namespace}/nightly: its last run is in the future");
    eventually(&ahead, || async {
        let (verdict, words) = judged(&pods).await;
        Ok(verdict == Verdict::CannotTell && words.contains(&ahead))
    })
    .await?;
    cluster.remove(&namespace).await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_run_that_hangs_and_keeps_the_next_ones_from_starting_is_reported_until_it_ends() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("held").await?;
    // Their pods never end.
    for name in ["forbids", "recent"] {
        cluster.apply(&namespace, &cron_job_of(name, "concurrencyPolicy: Forbid, ", ""))?;
    }
    let at = |name: &str| format!("/apis/batch/v1/namespaces/{namespace}/cronjobs/{name}");
    let days_ago = |days: i64| {
        (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days))
            .strftime("%Y-%m-%dT03:00:00Z")
            .to_string()
    };
    // The run of yesterday is due, and starts.
    for name in ["forbids", "recent"] {
        api.patch(&format!("{}/status", at(name)), &json!({"status": {"lastScheduleTime": days_ago(2)}})).await?;
        eventually("its run is active", || async {
            Ok(api.get(&at(name)).await?["status"]["active"].as_array().is_some_and(|active| !active.is_empty()))
        })
        .await?;
    }
    api.patch(&format!("{}/status", at("forbids")), &json!({"status": {"lastScheduleTime": days_ago(4)}})).await?;
    let token = cluster.administrator(&namespace).await?;
    let exporter = Exporter::start(cluster, &[&namespace], &token, "", "").await?;
    let metrics = async || anyhow::Ok(plain(&exporter.metrics(None).await?));
    let hangs = job_failed("forbids", "StillRunning").replace("NS", &namespace);
    eventually("the cron job is reported", || async { Ok(metrics().await?.contains(&hangs)) }).await?;
    let page = metrics().await?;
    let others = page.iter().filter(|line| line.starts_with("checklist_job_failed") && **line != hangs);
    assert_eq!(others.count(), 0, "{page:?}");
    other_exporters_report_the_same(cluster, &namespace, "recent", "forbids").await?;
    // A job is meant to use all the CPU that it may, so only its memory is judged.
    let has = |metric: &str| page.iter().any(|line| line.starts_with(metric));
    assert!(has("checklist_pod_memory_limit_bytes{") && !has("checklist_pod_cpu_limit_cores{"), "{page:?}");
    let active = api.get(&at("forbids")).await?["status"]["active"][0]["name"].clone();
    let job = active.as_str().context("it has no name")?;
    api.delete(&format!("/apis/batch/v1/namespaces/{namespace}/jobs/{job}")).await?;
    eventually("the next run has started", || async { Ok(!metrics().await?.contains(&hangs)) }).await?;
    cluster.remove(&namespace).await
}
