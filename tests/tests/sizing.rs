//! The statements of docs/operations.md about large clusters: no series is dropped within the limit, and dropped series
//! are reported.
//!
//! On the fake API server, which has a hundred thousand pods at once: a real one has to create them one by one.

use checklist::{Object, Verdict};
use exporter::run::job::Job;
use exporter::run::time::unix_now;
use stack::checks;
use stack::kubernetes::{Kubelet, Kubernetes, NAMESPACE};
use stack::peers::{Authority, acceptor};
use stack::waiting::passes;
use std::sync::Arc;
use tempfile::TempDir;

/// Starts a cluster with this number of additional pods of two containers, and returns its checks.
async fn cluster(folder: &TempDir, pods: usize, checks: &str) -> anyhow::Result<(Kubernetes, Vec<Arc<Job>>)> {
    let authority = Authority::new(folder.path())?;
    let kubelet = Kubelet::start(acceptor(authority.issue("localhost", 60)?)?.0).await?;
    let kubernetes = Kubernetes::start(kubelet).await?;
    kubernetes.many_pods(pods);
    std::fs::write(folder.path().join("kubeconfig"), kubernetes.kubeconfig())?;
    Ok((kubernetes, jobs(folder, checks)?))
}

fn jobs(folder: &TempDir, checks: &str) -> anyhow::Result<Vec<Arc<Job>>> {
    let path = folder.path().join("kubeconfig");
    let yaml = format!(
        "kubernetes: [{{name: k, kubeconfig: {}, namespaces: [{NAMESPACE}], skip: [utilization, disk]}}]\n{checks}",
        path.display()
    );
    checks::jobs(&yaml)
}

/// Runs a check until its objects were listed once.
async fn listed(job: &Arc<Job>) -> anyhow::Result<()> {
    passes(|| async {
        job.run().await;
        let state = job.state();
        anyhow::ensure!(state.failure.is_none(), "{}: {}", state.check.signal.id, state.why());
        Ok(())
    })
    .await
}

fn seen(job: &Job, object: Object) -> u64 {
    job.state().evidence.seen().find(|(known, _)| *known == object).map_or(0, |(_, count)| count)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_pods_of_two_containers_lose_no_series() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let (_kubernetes, jobs) = cluster(&folder, 10_000, "").await?;
    for job in &jobs {
        listed(job).await?;
        let (state, id) = (job.state(), job.state().check.signal.id);
        assert_eq!(state.verdict(unix_now()), Verdict::Passed, "{id}: {}", state.why());
        assert_eq!(state.evidence.unseen().count(), 0, "{id}: {}", state.why());
        match id {
            "pods" => assert!(seen(job, Object::Pod) > 10_000, "{}", state.seen()),
            "restarts" => assert!(seen(job, Object::Container) > 20_000, "{}", state.seen()),
            _ => {}
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_pods_lose_no_series_with_the_documented_limit_and_are_reported_without()
-> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let documented = include_str!("../../docs/operations.md");
    let setting = "checks: {restarts: {series: 300000}}";
    assert!(documented.contains(setting), "docs/operations.md says another number");
    let (_kubernetes, all) = cluster(&folder, 100_000, setting).await?;
    for job in all.iter().filter(|job| ["pods", "restarts"].contains(&job.state().check.signal.id)) {
        listed(job).await?;
        let state = job.state();
        assert_eq!(state.verdict(unix_now()), Verdict::Passed, "{}", state.why());
        assert_eq!(state.evidence.unseen().count(), 0, "{}", state.why());
        match state.check.signal.id {
            "pods" => assert!(seen(job, Object::Pod) >= 100_000, "{}", state.seen()),
            _ => assert!(seen(job, Object::Container) >= 200_000, "{}", state.seen()),
        }
    }
    let fewer = jobs(&folder, "")?;
    let restarts = fewer.iter().find(|job| job.state().check.signal.id == "restarts");
    let restarts = restarts.ok_or_else(|| anyhow::anyhow!("no check"))?;
    listed(restarts).await?;
    let state = restarts.state();
    assert_eq!(state.verdict(unix_now()), Verdict::CannotTell, "{}", state.seen());
    assert!(state.why().contains("the check may have 50000") && state.why().contains("series: N"), "{}", state.why());
    Ok(())
}
