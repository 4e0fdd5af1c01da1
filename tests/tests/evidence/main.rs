//! No check passes without evidence: on empty targets, on targets that show only a part of their objects, and on `null`
//! lists as Go servers write them.
//!
//! Clusters are made-up lists, or on the fake API server: a real one sets the time of creation itself, so that no object
//! of the future or without a time exists there, writes no `null` for a list, and the real control plane of the tests has
//! nodes. What a real one can show is tested in `cluster/`.

mod kubelet_statistics;
mod monitoring;

use checklist::Verdict;
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
    // It is new, so its controller need not have described it.
    let now = jiff::Timestamp::now().to_string();
    let scaler = json!({"metadata": {"name": "s", "resourceVersion": "1", "creationTimestamp": now}, "spec": {"maxReplicas": 3},
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
async fn a_secret_with_an_implausible_time_of_creation_does_not_hide_the_others() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let tls = acceptor(Authority::new(folder.path())?.issue("localhost", 60)?)?.0;
    let server = Kubernetes::start(Kubelet::start(tls).await?).await?;
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, server.kubeconfig())?;
    let made = jiff::Timestamp::now().to_string();
    for (name, made) in [("good", made.as_str()), ("born", "2038-01-01T00:00:00Z"), ("never", "")] {
        let made = Some(made).filter(|made| !made.is_empty());
        let metadata = json!({"name": name, "creationTimestamp": made});
        server.apply(&format!("/api/v1/namespaces/{NAMESPACE}/secrets"), json!({"metadata": metadata}));
    }
    let yaml = format!(
        "kubernetes: [{{name: c, kubeconfig: {}, namespaces: [{NAMESPACE}], secrets: [{{name: born}}, {{name: never}}, {{name: good}}]}}]\n",
        path.display()
    );
    let jobs = jobs(&yaml)?;
    let secrets = jobs.iter().find(|job| job.state().check.signal.id == "secrets");
    let secrets = secrets.ok_or_else(|| anyhow::anyhow!("no check"))?;
    secrets.run().await;
    let state = secrets.state();
    assert_eq!(state.verdict(unix_now()), Verdict::CannotTell, "{}", state.seen());
    for part in ["born: its time of creation is a time in the future", "never: it has no time of creation"] {
        assert!(state.why().contains(part), "{}", state.why());
    }
    let rotated = |series: &&checklist::Series| series.metric.name.contains("last_rotation");
    assert_eq!(state.exposed(unix_now()).filter(rotated).count(), 1, "the good one is exposed");
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
async fn a_job_of_the_future_does_not_hide_that_a_later_one_failed() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let job = json!({"metadata": {"name": "nightly-1", "resourceVersion": "1", "creationTimestamp": "2038-01-01T00:00:00Z"},
        "status": {"conditions": [{"type": "Complete", "status": "True"}]}});
    let lists = vec![
        ("/api/v1/namespaces/shop/pods", json!([ready_pod("p")])),
        ("/apis/batch/v1/namespaces/shop/jobs", json!([job])),
    ];
    let server = api(lists, &[]).await?;
    let (verdict, words) = &verdicts(&jobs(&kubernetes(folder.path(), &server, "shop")?)?).await["pods"];
    let what = "job shop/nightly-1: it was created in the future";
    assert!(*verdict == Verdict::CannotTell && words.contains(what), "{words}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_whose_controllers_say_nothing_about_them_have_not_passed() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let verdict_of = async |check: &str, lists: Vec<(&'static str, Value)>| {
        let server = api(lists, &[]).await?;
        let all = verdicts(&jobs(&kubernetes(folder.path(), &server, "shop")?)?).await;
        Ok::<_, anyhow::Error>(all[check].clone())
    };
    let metadata = |minutes: i64| {
        let at = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes);
        json!({"name": "x", "resourceVersion": "1", "creationTimestamp": at.to_string()})
    };
    let (day, minute) = (1440, 1);
    let pods = |pod: Value| ("/api/v1/namespaces/shop/pods", json!([pod]));
    let scaler = |age: i64, conditions: Value| {
        let scaler =
            json!({"metadata": metadata(age), "spec": {"maxReplicas": 3}, "status": {"conditions": conditions}});
        ("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers", json!([scaler]))
    };
    let job = |age: i64, spec: Value| {
        let job = json!({"metadata": metadata(age), "spec": spec, "status": {}});
        ("/apis/batch/v1/namespaces/shop/jobs", json!([job]))
    };
    let service = |age: i64, more: Value| {
        let service = json!({"metadata": metadata(age), "spec": more});
        ("/api/v1/namespaces/shop/services", json!([service]))
    };
    let of_x = json!({"name": "x-1", "resourceVersion": "1", "labels": {"kubernetes.io/service-name": "x"}});
    let slices = json!([{"metadata": of_x, "addressType": "IPv4", "endpoints": null}]);
    let slice = ("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices", slices);
    let selector = || json!({"selector": {"app": "webb"}});
    let name = json!({"selector": {"app": "webb"}, "type": "ExternalName", "externalName": "example.com"});
    let no_slice = "service shop/x: its controller has made no endpoint slice";
    let mut silent = ready_pod("p");
    silent["spec"]["containers"] = json!([{"name": "main"}]);
    silent["status"]["containerStatuses"] = Value::Null;
    let good = || pods(ready_pod("p"));
    let unknown = json!([{"type": "AbleToScale", "status": "True"}, {"type": "ScalingActive", "status": "Unknown"}]);
    let refused = json!([{"type": "AbleToScale", "status": "True"},
        {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric"}]);
    let says_nothing = "autoscaler shop/x: its controller does not say whether it can";
    for (check, lists, verdict, words) in [
        ("hpa", vec![good(), scaler(day, Value::Null)], Verdict::CannotTell, says_nothing),
        ("hpa", vec![good(), scaler(day, unknown.clone())], Verdict::CannotTell, says_nothing),
        ("hpa", vec![good(), scaler(minute, unknown)], Verdict::Passed, "1 autoscaler"),
        ("hpa", vec![good(), scaler(minute, Value::Null)], Verdict::Passed, "1 autoscaler"),
        ("hpa", vec![good(), scaler(minute, refused)], Verdict::Warning, "x"),
        ("pods", vec![good(), job(day, json!({"completions": 1}))], Verdict::Warning, "NoPods"),
        ("pods", vec![good(), job(minute, json!({"completions": 1}))], Verdict::Passed, "1 job"),
        ("pods", vec![good(), job(day, json!({"suspend": true}))], Verdict::Passed, "1 job"),
        ("pods", vec![good(), service(day, selector())], Verdict::CannotTell, no_slice),
        ("pods", vec![good(), service(minute, selector())], Verdict::Passed, "1 service"),
        ("pods", vec![good(), service(day, selector()), slice], Verdict::Passed, "no pods behind 1 service in shop: x"),
        ("pods", vec![good(), service(day, name)], Verdict::Passed, "1 service"),
        ("pods", vec![good(), service(day, json!({"ports": [{"port": 80}]}))], Verdict::Passed, "1 service"),
        (
            "restarts",
            vec![pods(silent)],
            Verdict::CannotTell,
            "pod shop/p: its status says nothing about the container main",
        ),
    ] {
        let (found, said) = verdict_of(check, lists).await?;
        assert!(found == verdict && said.contains(words), "{check} {found}: {said}");
    }
    Ok(())
}
