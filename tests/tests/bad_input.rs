//! What the world can do to a check: each ends in the right reason, none hangs, none blocks another.

use checklist::{Config, Reason};
use exporter::schedule::{Job, unix_now};
use exporter::snapshot::{Format, Loaded, render};
use stack::http::{answer, serve};
use stack::kubernetes::{Kubelet, Kubernetes, NAMESPACE};
use stack::peers::{Authority, Health, Says, acceptor, self_signed, silent};
use stack::postgres::{PASSWORD, Postgres};
use stack::s3::{ACCESS_KEY, S3, SECRET_KEY};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

fn jobs(yaml: &str) -> Vec<Arc<Job>> {
    let config = Config::parse("checklist.yaml", yaml).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    exporter::checks::Checks::default().jobs(&config, &[])
}

fn job(yaml: &str, check: &str) -> Arc<Job> {
    let mut jobs = jobs(yaml);
    jobs.retain(|job| job.state().check.signal.id == check);
    jobs.pop().unwrap_or_else(|| panic!("no check {check}"))
}

/// The reason of the failure, if the run failed, and the exposition after it.
async fn outcome(job: &Job) -> (Option<Reason>, String) {
    job.run().await;
    let state = job.state();
    let failure = state.failure.as_ref();
    if let Some(failure) = failure {
        println!("{failure}");
        assert!(!failure.message.contains(PASSWORD) && !failure.message.contains(SECRET_KEY), "{failure}");
    }
    (failure.map(|failure| failure.reason), render(&[&*state], unix_now(), &Loaded::default(), Format::Classic))
}

async fn reason(yaml: &str, check: &str) -> Option<Reason> {
    outcome(&job(yaml, check)).await.0
}

fn postgres_yaml(port: u16, password: &str, folder: &TempDir) -> anyhow::Result<String> {
    let file = folder.path().join(format!("password-{}", password.len()));
    std::fs::write(&file, password)?;
    Ok(format!(
        "postgres:\n  - {{name: db, host: 127.0.0.1, port: {port}, database: orchestrator, user: checklist, tls: disable, passwordFile: {}}}\n",
        file.display()
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_refuses_locks_and_lacks() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let good = postgres_yaml(postgres.port, PASSWORD, &folder)?;
    let closed = postgres_yaml(stack::process::free_port()?, PASSWORD, &folder)?;
    assert_eq!(reason(&closed, "connections").await, Some(Reason::Connect));
    assert_eq!(reason(&postgres_yaml(postgres.port, "wrong", &folder)?, "connections").await, Some(Reason::Auth));
    let no_file = good.replace("password-", "nowhere-");
    assert_eq!(reason(&no_file, "connections").await, Some(Reason::Config));
    assert_eq!(reason(&good.replace("tls: disable", "tls: require"), "connections").await, None);
    let verified = format!("tls: verify-full, caFile: {}", postgres.ca_file.display());
    assert_eq!(reason(&good.replace("tls: disable", &verified), "connections").await, None);
    assert_eq!(reason(&good.replace("tls: disable", "tls: verify-full"), "connections").await, Some(Reason::Tls));
    let certificate = format!(
        "certificates:\n  - {{name: db, address: '127.0.0.1:{}', startTls: postgres, caFile: {}}}\n",
        postgres.port,
        postgres.ca_file.display()
    );
    let (failed, text) = outcome(&job(&certificate, "certificates")).await;
    assert_eq!(failed, None);
    assert!(text.contains("checklist_certificate_verified{check=\"certificates\",target=\"db\"} 1"), "{text}");

    let all = jobs(&good);
    let run = |check: &'static str| {
        let job = all.iter().find(|job| job.state().check.signal.id == check);
        async move { outcome(job.unwrap_or_else(|| panic!("no {check}"))).await }
    };
    let lock = postgres.client().await?;
    lock.batch_execute("BEGIN; LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE").await?;
    for _ in 0..3 {
        assert_eq!(run("auth_failures").await.0, Some(Reason::Lock));
        assert_eq!(run("connections").await.0, None);
        assert_eq!(run("seq_scans").await.0, None);
    }
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'checklist-exporter'";
    let open: i64 = lock.query_one(count, &[]).await?.get(0);
    assert_eq!(open, 1, "one connection for all checks of a database");
    lock.batch_execute("ROLLBACK").await?;
    assert_eq!(run("auth_failures").await.0, None);
    postgres.execute("REVOKE SELECT (event_type, timestamp) ON audit_events FROM checklist").await?;
    assert_eq!(run("auth_failures").await.0, Some(Reason::Permission));
    postgres.execute("DROP TABLE audit_events").await?;
    let (failed, text) = run("auth_failures").await;
    assert_eq!(failed, Some(Reason::NotFound));
    assert!(text.contains("checklist_probe_success{check=\"auth_failures\",target=\"db\"} 0"), "{text}");
    // A broken connection is opened anew.
    postgres
        .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'checklist-exporter'")
        .await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(run("connections").await.0, None);
    Ok(())
}

fn s3_yaml(port: u16, bucket: &str, key: &str, folder: &TempDir) -> anyhow::Result<String> {
    std::fs::write(folder.path().join("id"), ACCESS_KEY)?;
    let secret = folder.path().join(format!("key-{}", key.len()));
    std::fs::write(&secret, key)?;
    Ok(format!(
        "backups:\n  - name: daily\n    bucket: {bucket}\n    prefix: daily/\n    endpoint: http://127.0.0.1:{port}\n    pathStyle: true\n    format: pg_dump\n    accessKeyIdFile: {}/id\n    secretAccessKeyFile: {}\n",
        folder.path().display(),
        secret.display()
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_are_empty_missing_forbidden_or_huge() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let s3 = S3::start().await?;
    s3.put("full", "other/x", b"PGDMP")?;
    let empty = outcome(&job(&s3_yaml(s3.port, "full", SECRET_KEY, &folder)?, "backup")).await;
    assert_eq!(empty.0, None, "an empty prefix is an answer");
    assert!(
        empty.1.contains("checklist_backup_present{check=\"backup\",target=\"daily\",backup=\"daily\"} 0"),
        "{}",
        empty.1
    );
    assert!(empty.1.contains("checklist_check_passed{check=\"backup\",target=\"daily\"} 0"));
    assert!(!empty.1.contains("checklist_backup_last_timestamp_seconds{"), "no invented time");
    s3.put("full", "daily/a.dump", b"pg_dump: error: connection refused")?;
    let text = outcome(&job(&s3_yaml(s3.port, "full", SECRET_KEY, &folder)?, "backup")).await.1;
    assert!(
        text.contains("checklist_backup_header_valid{check=\"backup\",target=\"daily\",backup=\"daily\"} 0"),
        "{text}"
    );
    s3.put("full", "daily/b.dump", b"")?;
    assert_eq!(
        reason(&s3_yaml(s3.port, "full", SECRET_KEY, &folder)?, "backup").await,
        None,
        "an empty object is an answer"
    );
    assert_eq!(reason(&s3_yaml(s3.port, "missing", SECRET_KEY, &folder)?, "backup").await, Some(Reason::NotFound));
    assert_eq!(reason(&s3_yaml(s3.port, "full", "wrong", &folder)?, "backup").await, Some(Reason::Auth));
    assert_eq!(
        reason(&s3_yaml(stack::process::free_port()?, "full", SECRET_KEY, &folder)?, "backup").await,
        Some(Reason::Connect)
    );
    let denied = serve(None, |_| async {
        answer(403, "application/xml", "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
    })
    .await?;
    assert_eq!(reason(&s3_yaml(denied.port, "full", SECRET_KEY, &folder)?, "backup").await, Some(Reason::Permission));
    let many =
        serve(None, |request| async move { hundred_thousand(request.uri().query().unwrap_or_default()) }).await?;
    let yaml = s3_yaml(many.port, "full", SECRET_KEY, &folder)?.replace("format: pg_dump", "format: any");
    let (failed, text) = outcome(&job(&yaml, "backup")).await;
    assert_eq!(failed, None);
    assert!(
        text.contains("checklist_backup_objects{check=\"backup\",target=\"daily\",backup=\"daily\"} 100000"),
        "{text}"
    );
    Ok(())
}

/// One page of a listing of 100,000 keys; the token is the number of the next key.
fn hundred_thousand(query: &str) -> hyper::Response<stack::http::Body> {
    let token = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "continuation-token");
    let from: u32 = token.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let keys: Vec<String> = (from..from + 1000)
        .map(|n| format!("<Contents><Key>daily/{n:06}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>{n}</Size></Contents>"))
        .collect();
    let more = from + 1000 < 100_000;
    let next =
        if more { format!("<NextContinuationToken>{}</NextContinuationToken>", from + 1000) } else { String::new() };
    let body = format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>{next}{}</ListBucketResult>", keys.concat());
    answer(200, "application/xml", body)
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_reported_also_when_nobody_should_accept_them() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let authority = Authority::new(folder.path())?;
    let health = Health::start(authority.issue("localhost", 60)?).await?;
    let yaml = |port: u16| {
        let ca = authority.ca_file.display();
        format!(
            "certificates:\n  - {{name: app, address: 'localhost:{port}', caFile: {ca}}}\nchecks:\n  certificates: {{interval: 3s, timeout: 2s}}\n"
        )
    };
    let port = health.server.port;
    let text = outcome(&job(&yaml(port), "certificates")).await.1;
    assert!(text.contains("checklist_certificate_verified{check=\"certificates\",target=\"app\"} 1"), "{text}");
    assert!(text.contains("checklist_check_passed{check=\"certificates\",target=\"app\"} 1"), "{text}");
    for (certificate, why) in [
        (authority.issue("localhost", -1)?, "expired"),
        (self_signed("localhost")?, "unknown_issuer"),
        (authority.issue("elsewhere.example.com", 60)?, "name_mismatch"),
    ] {
        health.certificate.set(certificate);
        let (failed, text) = outcome(&job(&yaml(port), "certificates")).await;
        assert_eq!(failed, None, "{why} is an answer");
        assert!(text.contains("checklist_certificate_verified{check=\"certificates\",target=\"app\"} 0"), "{text}");
        assert!(text.contains(&format!("checklist_certificate_verification_failures{{check=\"certificates\",target=\"app\",reason=\"{why}\"}} 1")), "{text}");
        assert!(text.contains("checklist_certificate_not_after_timestamp_seconds{"), "{text}");
    }
    let (port, peer) = silent().await?;
    assert_eq!(reason(&yaml(port), "certificates").await, Some(Reason::Timeout));
    peer.abort();
    let plain = serve(None, |_| async { answer(200, "text/plain", "no TLS here") }).await?;
    assert_eq!(reason(&yaml(plain.port), "certificates").await, Some(Reason::Tls));
    assert_eq!(reason(&yaml(stack::process::free_port()?), "certificates").await, Some(Reason::Connect));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn health_pages_are_no_json_endless_or_slow() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let authority = Authority::new(folder.path())?;
    let health = Health::start(authority.issue("localhost", 60)?).await?;
    let yaml = format!(
        "health:\n  - name: app\n    url: https://localhost:{}/health\n    expect: {{status: healthy}}\n    versionField: version\n    caFile: {}\nchecks:\n  health: {{interval: 3s, timeout: 2s}}\n",
        health.server.port,
        authority.ca_file.display()
    );
    let passed = outcome(&job(&yaml, "health")).await;
    assert!(
        passed.1.contains("checklist_http_field_ok{check=\"health\",target=\"app\",field=\"body.status\"} 1"),
        "{}",
        passed.1
    );
    health.say(Says::NotJson);
    let (failed, text) = outcome(&job(&yaml, "health")).await;
    assert_eq!(failed, None, "a wrong answer is an answer");
    assert!(
        text.contains("field=\"body\"} 0")
            && text.contains("checklist_check_passed{check=\"health\",target=\"app\"} 0"),
        "{text}"
    );
    health.say(Says::Large);
    assert_eq!(reason(&yaml, "health").await, Some(Reason::Limit));
    health.say(Says::ByteByByte);
    assert_eq!(reason(&yaml, "health").await, Some(Reason::Timeout));
    let version = "v".repeat(10_000);
    health.say(Says::Json(serde_json::json!({"status": "healthy", "version": version})));
    let (failed, text) = outcome(&job(&yaml, "health")).await;
    assert_eq!(failed, None);
    assert!(text.lines().all(|line| line.len() < 1000), "a label of ten kilobytes is cut");
    let untrusted = yaml.replace(&format!("    caFile: {}\n", authority.ca_file.display()), "");
    assert_eq!(reason(&untrusted, "health").await, Some(Reason::Tls));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kubernetes_api_refuses_forgets_and_hangs_up() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let authority = Authority::new(folder.path())?;
    let kubelet = Kubelet::start(acceptor(authority.issue("localhost", 60)?)?.0).await?;
    let kubernetes = Kubernetes::start(kubelet).await?;
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, kubernetes.kubeconfig())?;
    let yaml = format!(
        "kubernetes:\n  - {{name: k, kubeconfig: {}, namespaces: [{NAMESPACE}], kubelet: {{caFile: {}}}}}\n",
        kubeconfig.display(),
        authority.ca_file.display()
    );
    for (code, expected) in
        [(401, Reason::Auth), (403, Reason::Permission), (429, Reason::Protocol), (500, Reason::Protocol)]
    {
        kubernetes.refuse(Some(code));
        let pods = job(&yaml, "pods");
        let mut told = None;
        // The client itself tries again after 429 and 5xx before it gives up.
        for _ in 0..150 {
            told = outcome(&pods).await.0;
            if told != Some(Reason::Timeout) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(told, Some(expected), "{code}");
        if code < 429 {
            assert_eq!(reason(&yaml, "disk").await, Some(expected), "{code}");
        }
    }
    kubernetes.refuse(None);
    kubernetes.many_pods(250);
    let pods = job(&yaml, "pods");
    pods.run().await;
    let (failed, text) = outcome(&pods).await;
    assert_eq!(failed, None);
    let loaded = "checklist_pods{check=\"pods\",target=\"k\",namespace=\"llm-orchestrator\",workload=\"load\",phase=\"Running\"} 250";
    assert!(text.contains(loaded), "pages of a list make one whole: {text}");
    for disturb in [Kubernetes::drop_watches, Kubernetes::expire] {
        let lists = kubernetes.lists();
        disturb(&kubernetes);
        let ready = if kubernetes.lists() == lists { 1 } else { 2 };
        kubernetes.ready_replicas(ready);
        let wanted = format!("workload=\"orchestrator\"}} {ready}");
        let mut seen = false;
        for _ in 0..100 {
            let (failed, text) = outcome(&pods).await;
            assert_eq!(failed, None, "a dropped or expired watch is no failure");
            seen = text
                .lines()
                .any(|line| line.starts_with("checklist_workload_replicas_ready") && line.ends_with(&wanted));
            if seen {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(seen, "what changed meanwhile is seen");
        kubernetes.ready_replicas(3);
    }
    assert_eq!(reason(&yaml, "disk").await, None);
    Ok(())
}
