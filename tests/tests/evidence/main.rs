//! No check passes without evidence: on empty targets, on targets that show only a part of their objects, and on `null`
//! lists as Go servers write them.
//!
//! Clusters are made-up lists, or on the fake API server: a real one sets the time of creation itself, so that no object
//! of the future or without a time exists there, fills in `null`, and its controllers correct a status.

mod kubelet_statistics;
mod monitoring;

use checklist::{Object, Reason, Verdict};
use exporter::run::job::Job;
use exporter::run::time::unix_now;
use futures::future::join_all;
use hyper::Request;
use serde_json::{Value, json};
use stack::checks::jobs;
use stack::http::{response, serve};
use stack::kubernetes::lists::{api, kubernetes, ready_pod};
use stack::kubernetes::{Kubelet, Kubernetes, NAMESPACE};
use stack::peers::{Authority, acceptor};
use stack::postgres::{PASSWORD, Postgres};
use stack::s3::{ACCESS_KEY, S3, SECRET_KEY};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use tempfile::TempDir;

/// Runs every check once. Returns verdict and messages by the id of the check.
async fn verdicts(jobs: &[Arc<Job>]) -> BTreeMap<&'static str, (Verdict, String)> {
    join_all(jobs.iter().map(|job| job.run())).await;
    let messages = jobs.iter().map(|job| {
        let state = job.state();
        let words = format!("{} | {}", state.why(), state.seen());
        println!("{} {}: {words}", state.check.signal.id, state.verdict(unix_now()));
        (state.check.signal.id, (state.verdict(unix_now()), words))
    });
    messages.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_check_passes_on_empty_targets() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let at = |name: &str| folder.path().join(name).display().to_string();
    let cluster = api(Vec::new(), &[]).await?;
    let empty = serve(None, |request: Request<_>| {
        let silences = request.uri().path().starts_with("/api/v2/");
        let body = if silences { "[]" } else { r#"{"status": "success", "data": {"groups": []}}"# };
        async move { response(200, "application/json", body) }
    })
    .await?;
    let labels =
        serve(None, |_| async { response(200, "application/json", r#"{"status": "success", "data": []}"#) }).await?;
    let page = serve(None, |_| async { response(200, "application/json", "{}") }).await?;
    let (postgres, s3) = (Postgres::start().await?, S3::start().await?);
    for (name, content) in [("password", PASSWORD), ("id", ACCESS_KEY), ("key", SECRET_KEY)] {
        std::fs::write(at(name), content)?;
    }
    std::fs::create_dir(at("reports"))?;
    std::fs::create_dir(at("tasks"))?;
    s3.put("backups", "elsewhere/other.dump", b"PGDMP")?;
    let mut yaml = kubernetes(folder.path(), &cluster, "shop")?;
    writeln!(
        yaml,
        "health:\n  - {{name: app, url: 'http://127.0.0.1:{}/health', expect: {{status: healthy}}}}",
        page.port
    )?;
    writeln!(yaml, "alertmanagers:\n  - {{name: am, url: 'http://127.0.0.1:{}'}}", empty.port)?;
    writeln!(yaml, "prometheus:\n  - {{name: rules, url: 'http://127.0.0.1:{}', skip: [dashboards]}}", empty.port)?;
    writeln!(yaml, "  - {{name: labels, url: 'http://127.0.0.1:{}', skip: [rules]}}", labels.port)?;
    writeln!(yaml, "certificates:\n  - {{name: plain, address: '127.0.0.1:{}'}}", page.port)?;
    writeln!(yaml, "reports:\n  - {{name: audit, format: cargo-audit, directory: {}}}", at("reports"))?;
    writeln!(yaml, "tasks:\n  since: 2020-01-01\n  directory: {}", at("tasks"))?;
    writeln!(
        yaml,
        "backups:\n  - {{name: daily, bucket: backups, prefix: daily/, endpoint: 'http://127.0.0.1:{}', \
         pathStyle: true, accessKeyIdFile: {}, secretAccessKeyFile: {}}}",
        s3.port,
        at("id"),
        at("key")
    )?;
    writeln!(
        yaml,
        "postgres:\n  - {{name: db, host: 127.0.0.1, port: {}, database: postgres, user: checklist, tls: disable, passwordFile: {}}}",
        postgres.port,
        at("password")
    )?;
    let all = verdicts(&jobs(&yaml)?).await;
    for (check, (verdict, words)) in &all {
        // For these checks an empty target is fine: no alert, no override. A server always has sessions, sizes and
        // statistics.
        let holds = [
            "alerts",
            "override",
            "connections",
            "database_size",
            "maintenance",
            "indexes",
            "bloat",
            "seq_scans",
            "slow_queries",
        ];
        assert!(*verdict != Verdict::Passed || holds.contains(check), "{check} passed on nothing: {words}");
        assert!(words.len() > " | ".len(), "{check} has a verdict without a word");
    }
    for check in ["pods", "restarts", "hpa", "pvc", "disk"] {
        assert_eq!(all[check].0, Verdict::CannotTell, "{check}: {}", all[check].1);
        assert!(all[check].1.contains("namespace shop"), "{check} does not name it: {}", all[check].1);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forbidden_namespace_is_reported_and_does_not_hide_the_others() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let waiting = json!({"metadata": {"name": "stuck", "resourceVersion": "1"}, "spec": {"containers": [{"name": "c"}]},
        "status": {"phase": "Pending", "containerStatuses": [
            {"name": "c", "restartCount": 9, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}});
    let lists = vec![
        ("/api/v1/namespaces/good/pods", json!([ready_pod("fine"), waiting])),
        ("/api/v1/namespaces/good/persistentvolumeclaims", json!([])),
    ];
    let server = api(lists, &["/api/v1/namespaces/secret/", "/apis/apps/v1/namespaces/secret/"]).await?;
    let yaml = kubernetes(folder.path(), &server, "good, secret")?;
    let jobs = jobs(&yaml)?;
    verdicts(&jobs).await;
    let pods = jobs.iter().find(|job| job.state().check.signal.id == "pods").map(Arc::clone);
    let pods = pods.ok_or_else(|| anyhow::anyhow!("no check pods"))?;
    let state = pods.state();
    assert!(state.failure.is_none(), "the other namespace was judged");
    let unseen: Vec<_> = state.evidence.unseen().map(|gap| (gap.object, gap.reason)).collect();
    assert_eq!(unseen, [(Object::Namespace, Reason::Permission)]);
    assert!(state.why().contains("namespace secret"), "{}", state.why());
    let not_ready = |series: &&checklist::Series| series.metric.name == "checklist_pod_not_ready";
    assert_eq!(state.exposed(unix_now()).filter(not_ready).count(), 1, "what was seen is exposed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn null_lists_are_read_as_empty_lists() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let mut pod = ready_pod("p");
    pod["spec"]["volumes"] = Value::Null;
    pod["spec"]["initContainers"] = Value::Null;
    pod["metadata"]["ownerReferences"] = Value::Null;
    pod["status"]["initContainerStatuses"] = Value::Null;
    let scaler = json!({"metadata": {"name": "s", "resourceVersion": "1"}, "spec": {"maxReplicas": 3},
        "status": {"currentReplicas": 1, "desiredReplicas": 1, "conditions": null}});
    let lists = vec![
        ("/api/v1/namespaces/shop/pods", json!([pod])),
        ("/api/v1/namespaces/shop/services", Value::Null),
        ("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers", json!([scaler])),
    ];
    let server = api(lists, &[]).await?;
    let all = verdicts(&jobs(&kubernetes(folder.path(), &server, "shop")?)?).await;
    for check in ["pods", "restarts", "hpa", "pvc"] {
        assert_eq!(all[check].0, Verdict::Passed, "{check}: {}", all[check].1);
    }
    assert!(all["pods"].1.contains("1 pod"), "{}", all["pods"].1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_implausible_secret_does_not_hide_the_others() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let tls = acceptor(Authority::new(folder.path())?.issue("localhost", 60)?)?.0;
    let server = Kubernetes::start(Kubelet::start(tls).await?).await?;
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, server.kubeconfig())?;
    let made = jiff::Timestamp::now().to_string();
    for (name, made, annotations) in [
        ("good", made.as_str(), Value::Null),
        ("ahead", &made, json!({"rotated": "2038-01-01T00:00:00Z"})),
        ("odd", &made, json!({"rotated": "last week"})),
        ("born", "2038-01-01T00:00:00Z", Value::Null),
        ("never", "", Value::Null),
    ] {
        let made = Some(made).filter(|made| !made.is_empty());
        let metadata = json!({"name": name, "creationTimestamp": made, "annotations": annotations});
        server.apply(&format!("/api/v1/namespaces/{NAMESPACE}/secrets"), json!({"metadata": metadata}));
    }
    let each = |name: &str| format!("{{name: {name}, annotation: rotated}}");
    let yaml = format!(
        "kubernetes: [{{name: c, kubeconfig: {}, namespaces: [{NAMESPACE}], secrets: [{}]}}]\n",
        path.display(),
        ["ahead", "odd", "born", "never", "good"].map(each).join(", ")
    );
    let jobs = jobs(&yaml)?;
    let secrets = jobs.iter().find(|job| job.state().check.signal.id == "secrets");
    let secrets = secrets.ok_or_else(|| anyhow::anyhow!("no check"))?;
    secrets.run().await;
    let state = secrets.state();
    assert_eq!(state.verdict(unix_now()), Verdict::CannotTell, "{}", state.seen());
    for part in [
        "ahead: annotation rotated is a time in the future",
        "odd: annotation rotated is not an RFC 3339 time",
        "born: its time of creation is a time in the future",
        "never: it has no time of creation",
    ] {
        assert!(state.why().contains(part), "{}", state.why());
    }
    let rotated = |series: &&checklist::Series| series.metric.name.contains("last_rotation");
    assert_eq!(state.exposed(unix_now()).filter(rotated).count(), 1, "the good one is exposed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_of_a_sidecar_count_as_those_of_a_container() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let mut pod = ready_pod("p");
    pod["spec"]["initContainers"] = json!([{"name": "proxy", "restartPolicy": "Always"}, {"name": "setup"}]);
    pod["status"]["initContainerStatuses"] = json!([
        {"name": "proxy", "restartCount": 40, "lastState": {"terminated": {"reason": "OOMKilled",
            "finishedAt": jiff::Timestamp::now().to_string()}}},
        {"name": "setup", "restartCount": 7}]);
    let server = api(vec![("/api/v1/namespaces/shop/pods", json!([pod]))], &[]).await?;
    let jobs = jobs(&kubernetes(folder.path(), &server, "shop")?)?;
    let all = verdicts(&jobs).await;
    assert!(matches!(all["restarts"].0, Verdict::Warning | Verdict::Critical), "{}", all["restarts"].1);
    assert!(all["restarts"].1.contains("2 containers"), "not the one that ended: {}", all["restarts"].1);
    // A kubelet that has lost the old container reports neither when nor why it ended.
    for last in [json!({}), json!({"terminated": {"reason": "ContainerStatusUnknown", "finishedAt": null}})] {
        let mut pod = ready_pod("p");
        pod["status"]["containerStatuses"] = json!([{"name": "c", "restartCount": 3, "lastState": last,
            "state": {"running": {"startedAt": jiff::Timestamp::now().to_string()}}}]);
        let server = api(vec![("/api/v1/namespaces/shop/pods", json!([pod]))], &[]).await?;
        let all = verdicts(&stack::checks::jobs(&kubernetes(folder.path(), &server, "shop")?)?).await;
        assert_eq!(all["restarts"].0, Verdict::Warning, "{last}: {}", all["restarts"].1);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_controller_has_not_looked_at_and_a_job_of_a_deployments_name_are_not_taken_for_good()
-> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let set = json!({"metadata": {"name": "agent", "resourceVersion": "1", "generation": 2},
        "status": {"observedGeneration": 1, "desiredNumberScheduled": 0, "numberReady": 0}});
    let of = |kind: &str, name: &str, at: &str, phase: &str| {
        let mut pod = ready_pod(name);
        pod["metadata"]["ownerReferences"] = json!([{"kind": kind, "name": "sync", "controller": true}]);
        pod["metadata"]["creationTimestamp"] = json!(at);
        pod["status"]["phase"] = json!(phase);
        if phase == "Failed" {
            pod["status"]["conditions"] = Value::Null;
        }
        pod
    };
    let pods = json!([
        of("Job", "sync-x", "2026-01-01T00:00:00Z", "Failed"),
        of("ReplicaSet", "sync-1-y", "2026-01-02T00:00:00Z", "Running"),
    ]);
    let lists =
        vec![("/api/v1/namespaces/shop/pods", pods), ("/apis/apps/v1/namespaces/shop/daemonsets", json!([set]))];
    let server = api(lists, &[]).await?;
    let (verdict, words) = &verdicts(&jobs(&kubernetes(folder.path(), &server, "shop")?)?).await["pods"];
    assert_eq!(*verdict, Verdict::Warning, "the failed job: {words}");
    assert!(words.contains("DaemonSet shop/agent: its controller has not seen its present spec"), "{words}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_whose_newest_record_may_be_a_torn_one_has_not_passed() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let now = jiff::Timestamp::now();
    let routed = |level: &str| json!({"at": now, "by": "job", "act": "routed", "alertmanager": "am", "level": level, "passed": true, "seconds": 1.0});
    let restored =
        json!({"at": now, "by": "job", "act": "restored", "backup": "b", "passed": true, "seconds": {}, "answers": {}});
    let yaml = format!(
        "alertmanagers: [{{name: am, url: 'http://127.0.0.1:9'}}]\n\
         backups: [{{name: b, bucket: backups, format: pg_dump, restore: {{checks: [{{name: one, query: SELECT 1}}]}}}}]\n\
         tasks: {{since: 2020-01-01, directory: {}}}\n",
        folder.path().display()
    );
    let mut jobs = jobs(&yaml)?;
    let of_records = ["alert_path", "restore"];
    jobs.retain(|job| of_records.contains(&job.state().check.signal.id));
    let whole: String =
        [routed("critical"), routed("warning"), restored].iter().map(|one| format!("{one}\n")).collect();
    let early = whole.replace(&now.to_string(), &(now - jiff::SignedDuration::from_hours(2)).to_string());
    let torn =
        format!("{{\"at\": \"{now}\", \"by\": \"job\", \"act\": \"restored\", \"backup\": \"b\", \"passed\": fal\n");
    for (text, verdict) in [
        (whole.clone(), Verdict::Passed),
        (format!("{whole}{torn}"), Verdict::CannotTell),
        // A later complete record makes up for the torn one.
        (format!("{early}{torn}{whole}"), Verdict::Passed),
    ] {
        std::fs::write(folder.path().join("records.jsonl"), text)?;
        let all = verdicts(&jobs).await;
        for check in of_records {
            assert_eq!(all[check].0, verdict, "{check}: {}", all[check].1);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_the_future_do_not_hide_that_later_ones_are_missing_or_failed() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    for (last, created, what) in [
        ("2038-01-01T03:00:00Z", "2026-01-01T00:00:00Z", "cron job shop/nightly: its last run is in the future"),
        ("2026-01-01T03:00:00Z", "2038-01-01T00:00:00Z", "job shop/nightly-1: it was created in the future"),
    ] {
        let cron_job = json!({"metadata": {"name": "nightly", "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"schedule": "0 3 * * *", "suspend": last.starts_with("2026")}, "status": {"lastScheduleTime": last}});
        let job = json!({"metadata": {"name": "nightly-1", "resourceVersion": "1", "creationTimestamp": created},
            "status": {"conditions": [{"type": "Complete", "status": "True"}]}});
        let lists = vec![
            ("/api/v1/namespaces/shop/pods", json!([ready_pod("p")])),
            ("/apis/batch/v1/namespaces/shop/cronjobs", json!([cron_job])),
            ("/apis/batch/v1/namespaces/shop/jobs", json!([job])),
        ];
        let server = api(lists, &[]).await?;
        let (verdict, words) = &verdicts(&jobs(&kubernetes(folder.path(), &server, "shop")?)?).await["pods"];
        assert!(*verdict == Verdict::CannotTell && words.contains(what), "{words}");
    }
    Ok(())
}
