//! Logs of pods with several containers.

use crate::{check, judged};
use checklist::signals::pod_logs::{LINES, SEEN};
use checklist::{Metric, Reason, Verdict};
use exporter::run::time::unix_now;
use stack::cluster::Cluster;
use stack::waiting::eventually;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn all_containers_of_a_pod_are_read_unless_one_is_named() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("logs").await?;
    cluster.apply(
        &namespace,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: two, labels: {app: two, also: two}}\n\
         spec: {containers: [{name: web, image: x}, {name: proxy, image: x}]}\n",
    )?;
    let pod = format!("/api/v1/namespaces/{namespace}/pods/two");
    eventually("the pod runs", || async { Ok(api.get(&pod).await?["status"]["phase"] == "Running") }).await?;
    // The response of the API server without a container name. It does not mean that there is no log.
    let (status, output) = api.request("GET", &format!("{pod}/log"), "application/json", Vec::new()).await?;
    assert!(status == 400 && output.contains("a container name must be specified"), "{status} {output}");
    let now = jiff::Timestamp::now();
    cluster.kubelet.wrote(
        &namespace,
        "two/web",
        vec![(now, "AUDIT: user 7 logged in".to_owned()), (now, "x".to_owned())],
    );
    cluster.kubelet.wrote(&namespace, "two/proxy", vec![(now, "GET /".to_owned())]);
    let read = async |container: &str| -> anyhow::Result<(Verdict, String)> {
        let more = format!(", auditLogs: [{{selector: app=two, marker: 'AUDIT:'{container}}}]");
        Ok(judged(&*check(cluster, &[&namespace], &more, "pod_logs")?).await)
    };
    let (verdict, words) = read("").await?;
    assert!(verdict == Verdict::Passed && words.contains("2 logs"), "{words}");
    let (verdict, words) = read(", container: web").await?;
    assert!(verdict == Verdict::Passed && words.contains("1 log"), "{words}");
    let (verdict, words) = read(", container: proxy").await?;
    assert!(!matches!(verdict, Verdict::Passed | Verdict::CannotTell), "a log without a line: {words}");
    let (verdict, words) = read(", container: nobody").await?;
    assert!(verdict == Verdict::CannotTell && words.contains("two/nobody"), "{words}");
    // Logs of other pods that could be read do not hide this one.
    let (verdict, words) = read(", container: web}, {selector: also=two, marker: 'AUDIT:', container: nobody").await?;
    assert!(verdict == Verdict::CannotTell && words.contains("two/nobody"), "{words}");
    cluster.remove(&namespace).await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_line_longer_than_a_run_reads_hides_what_follows_and_no_line_is_counted_twice() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("lines").await?;
    cluster.apply(
        &namespace,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: web}}\nspec: {containers: [{name: main, image: x}]}\n",
    )?;
    let pod = format!("/api/v1/namespaces/{namespace}/pods/web");
    eventually("the pod runs", || async { Ok(api.get(&pod).await?["status"]["phase"] == "Running") }).await?;
    let logs = check(cluster, &[&namespace], ", auditLogs: [{selector: app=web}]", "pod_logs")?;
    let value = |metric: &Metric| {
        let state = logs.state();
        state.exposed(unix_now()).find(|series| series.metric.name == metric.name).map(|series| series.value)
    };
    let now = jiff::Timestamp::now();
    let endless = (now, "x".repeat(20 * 1024 * 1024));
    cluster.kubelet.wrote(&namespace, "web", vec![endless, (now, "AUDIT: late".to_owned())]);
    logs.run().await;
    let state = logs.state();
    assert!(state.failure.is_none(), "{}", state.why());
    let unseen: Vec<_> = state.evidence.unseen().map(|gap| gap.reason).collect();
    assert_eq!((value(&LINES), value(&SEEN), unseen), (Some(0.0), None, vec![Reason::Limit]), "{}", state.why());
    let later = jiff::Timestamp::now();
    let lines = ["AUDIT: one", "no audit", "\u{0}", ""].map(|line| (later, line.to_owned()));
    cluster.kubelet.wrote(&namespace, "web", lines.to_vec());
    for _ in 0..2 {
        logs.run().await;
        assert_eq!((value(&LINES), value(&SEEN)), (Some(1.0), Some(1.0)), "{}", logs.state().why());
    }
    cluster.remove(&namespace).await
}
