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
async fn what_lies_in_public_never_stands_in_for_the_systems_own() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let count = "CREATE AGGREGATE public.count(*) (sfunc = pg_catalog.int8inc, stype = bigint, initcond = '1000000')";
    postgres.execute(count).await?;
    let _client = postgres.client().await?;
    let (failed, text) = outcome(&job(&postgres_yaml(postgres.port, PASSWORD, &folder)?, "connections")).await;
    assert_eq!(failed, None);
    let connections = text.lines().filter(|line| line.starts_with("checklist_postgres_connections{"));
    let counts: Vec<f64> = connections.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
    assert!(!counts.is_empty() && counts.iter().all(|count| *count < 100.0), "{text}");
    // A table with the name of an extension's view is not the view.
    postgres.execute("DROP EXTENSION IF EXISTS pg_stat_statements").await?;
    let table = "CREATE TABLE public.pg_stat_statements AS SELECT oid AS dbid, 1::bigint AS queryid, 1e9::bigint AS calls, 1e9 AS total_exec_time FROM pg_database";
    postgres.execute(table).await?;
    postgres.execute("GRANT SELECT ON public.pg_stat_statements TO checklist").await?;
    let (failed, text) = outcome(&job(&postgres_yaml(postgres.port, PASSWORD, &folder)?, "slow_queries")).await;
    assert_eq!(failed, None);
    assert!(!text.contains("checklist_postgres_statement_calls_total{"), "{text}");
    Ok(())
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

#[tokio::test(flavor = "multi_thread")]
async fn application_tables_are_empty_renamed_null_or_forbidden() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let good = postgres_yaml(postgres.port, PASSWORD, &folder)?;
    // Empty tables: a definitive negative where there should be something, nothing invented elsewhere.
    postgres.execute("TRUNCATE audit_events, workflows, users, api_keys, roles, user_roles CASCADE").await?;
    let (failure, page) = outcome(&job(&good, "audit_log")).await;
    assert_eq!(failure, None);
    assert!(page.contains("checklist_audit_event_present{check=\"audit_log\",target=\"db\"} 0\n"), "{page}");
    assert!(!page.contains("checklist_audit_last_event_timestamp_seconds{"), "{page}");
    for check in ["workflows", "users", "api_keys", "roles", "permission_denied", "retention", "auth_failures"] {
        let (failure, page) = outcome(&job(&good, check)).await;
        assert_eq!(failure, None, "{check}");
        assert!(page.contains(&format!("checklist_check_passed{{check=\"{check}\",target=\"db\"}} 1\n")), "{page}");
    }
    // A clock in the future, NULLs, and a status of 10 kB with quotes and newlines.
    postgres
        .execute("INSERT INTO audit_events (timestamp, event_type) VALUES (now() + interval '10 years', 'permission_denied'); INSERT INTO workflows (status, created_at, updated_at) VALUES (E'a\"b\\\\c\\nd' || repeat('ü', 5000), now(), now())")
        .await?;
    for check in ["audit_log", "permission_denied", "workflows", "retention"] {
        let (failure, page) = outcome(&job(&good, check)).await;
        assert_eq!(failure, None, "{check}");
        assert!(page.lines().all(|line| line.len() < 1000), "{check}");
    }
    let (_, page) = outcome(&job(&good, "workflows")).await;
    assert!(page.contains("status=\"a\\\"b\\\\c\\nd"), "{page}");
    // Other names, with characters that would break out of a quote.
    postgres.execute("CREATE SCHEMA \"se cu\"; ALTER TABLE users SET SCHEMA \"se cu\"; ALTER TABLE \"se cu\".users RENAME TO \"us\"\"ers\"; ALTER TABLE \"se cu\".\"us\"\"ers\" RENAME disabled_at TO \"off'); --\"; GRANT USAGE ON SCHEMA \"se cu\" TO checklist").await?;
    assert_eq!(reason(&good, "users").await, Some(Reason::NotFound));
    let names = "tls: disable, tables: {users: {table: 'se cu.us\"ers', columns: {disabled_at: \"off'); --\"}}}";
    assert_eq!(reason(&good.replace("tls: disable", names), "users").await, None);
    postgres.execute("REVOKE SELECT (revoked_at) ON api_keys FROM checklist").await?;
    assert_eq!(reason(&good, "api_keys").await, Some(Reason::Permission));
    postgres.execute("ALTER TABLE roles ALTER name TYPE bytea USING name::bytea").await?;
    assert_eq!(reason(&good, "roles").await, None, "PostgreSQL writes bytes as text");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn own_queries_are_bounded_and_can_only_read() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let base = postgres_yaml(postgres.port, PASSWORD, &folder)?;
    let query = |sql: &str| {
        format!(
            "{base}queries:\n  - {{name: own, help: An own query, labels: [name], above: {{warning: 1}}, query: {sql:?}}}\n"
        )
    };
    for (sql, expected) in [
        ("SELECT 'a' AS name, 3 AS value;", None),
        ("SELECT 'a' AS name, 3.5::numeric AS value -- the best", None),
        ("SELECT NULL::text AS name, NULL::int AS value", None),
        ("SELECT 'a' AS name, 'three' AS value", Some(Reason::Protocol)),
        ("SELECT 1 AS value", Some(Reason::NotFound)),
        ("SELECT 'a' AS name, n AS value FROM generate_series(1, 100000) n", Some(Reason::Limit)),
        ("SELECT 'a' AS name, 1 AS value; DROP TABLE users", Some(Reason::Protocol)),
        ("DELETE FROM users RETURNING 'a' AS name, 1 AS value", Some(Reason::Protocol)),
        ("SELECT 'a' AS name, setval('users_id_seq', 1) AS value", Some(Reason::Protocol)),
        ("SELECT 'a' AS name, 1 AS value FROM pg_sleep(60)", Some(Reason::Timeout)),
    ] {
        let (failure, _) = outcome(&job(&query(sql), "own")).await;
        let permitted =
            failure == expected || expected == Some(Reason::Protocol) && failure == Some(Reason::Permission);
        assert!(permitted, "{sql}: {failure:?}");
    }
    // A hundred series, no more; the rest is counted.
    let many = "SELECT n::text || repeat('x', 10000) AS name, n AS value FROM generate_series(1, 500) n";
    let (failure, page) = outcome(&job(&query(many), "own")).await;
    assert_eq!(failure, None);
    assert_eq!(page.lines().filter(|line| line.starts_with("checklist_query_own{")).count(), 100);
    assert!(page.contains("checklist_probe_series_dropped_total{check=\"own\",target=\"db\"} 400\n"), "{page}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_foreign_cut_off_missing_or_huge() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let path = folder.path().join("report.json");
    let yaml = |format: &str| format!("reports:\n  - {{name: r, format: {format}, file: {}}}\n", path.display());
    assert_eq!(reason(&yaml("cargo-audit"), "advisories").await, Some(Reason::NotFound));
    for content in
        [&b""[..], b"{\"vulnerabilities\": {\"list\": [{\"advi", b"<html>", b"\xff\xfe", b"{\"SchemaVersion\": 2}"]
    {
        std::fs::write(&path, content)?;
        assert_eq!(reason(&yaml("cargo-audit"), "advisories").await, Some(Reason::Decode));
        assert_eq!(reason(&yaml("cargo-outdated"), "dependencies").await, Some(Reason::Decode));
        assert_eq!(reason(&yaml("trivy"), "images").await, Some(Reason::Decode));
        assert_eq!(reason(&yaml("grype"), "images").await, Some(Reason::Decode));
    }
    let deep = "[".repeat(1_000_000);
    std::fs::write(&path, format!("{{\"ArtifactName\": \"x\", \"Other\": {deep}"))?;
    assert_eq!(reason(&yaml("trivy"), "images").await, Some(Reason::Decode));
    std::fs::File::create(&path)?.set_len(65 * 1024 * 1024)?;
    assert_eq!(reason(&yaml("trivy"), "images").await, Some(Reason::Limit));
    let directory = format!("reports:\n  - {{name: r, format: trivy, directory: {}}}\n", folder.path().display());
    assert_eq!(reason(&directory, "images").await, Some(Reason::Limit));
    std::fs::remove_file(&path)?;
    assert_eq!(reason(&directory, "images").await, Some(Reason::NotFound));
    // By HTTP and from a bucket.
    let server = serve(None, |request| async move {
        match request.uri().path() {
            "/audit" => answer(200, "application/json", r#"{"vulnerabilities": {"list": []}}"#),
            _ => answer(404, "text/plain", "no"),
        }
    })
    .await?;
    let http = |path: &str| {
        format!("reports:\n  - {{name: r, format: cargo-audit, url: 'http://127.0.0.1:{}{path}'}}\n", server.port)
    };
    assert_eq!(reason(&http("/audit"), "advisories").await, None);
    assert_eq!(reason(&http("/nothing"), "advisories").await, Some(Reason::NotFound));
    let s3 = S3::start().await?;
    for (name, secret) in [("id", ACCESS_KEY), ("key", SECRET_KEY)] {
        std::fs::write(folder.path().join(name), secret)?;
    }
    let bucket = format!(
        "reports:\n  - {{name: r, format: grype, s3: {{bucket: scans, prefix: grype/, endpoint: 'http://127.0.0.1:{}', pathStyle: true, accessKeyIdFile: {}, secretAccessKeyFile: {}}}}}\n",
        s3.port,
        folder.path().join("id").display(),
        folder.path().join("key").display()
    );
    s3.put("scans", "other/x.json", b"{}")?;
    assert_eq!(reason(&bucket, "images").await, Some(Reason::NotFound), "an empty prefix");
    let report =
        r#"{"matches": [{"vulnerability": {"severity": "Critical"}}], "source": {"target": {"userInput": "img"}}}"#;
    s3.put("scans", "grype/1.json", report.as_bytes())?;
    let (failure, page) = outcome(&job(&bucket, "images")).await;
    assert_eq!(failure, None);
    assert!(
        page.contains(
            "checklist_image_vulnerabilities{check=\"images\",target=\"r\",image=\"img\",level=\"critical\"} 1\n"
        ),
        "{page}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn monitoring_apis_are_down_foreign_or_hostile() -> anyhow::Result<()> {
    let closed = stack::process::free_port()?;
    let server = serve(None, |request| async move {
        match request.uri().path() {
            path if path.starts_with("/html") => answer(200, "text/html", "<html>"),
            path if path.starts_with("/denied") => answer(401, "text/plain", "no"),
            path if path.starts_with("/wrong") => answer(200, "application/json", "{\"data\": 7}"),
            path if path.starts_with("/huge") => answer(200, "application/json", vec![b' '; 70 * 1024 * 1024]),
            _ => answer(503, "text/plain", "busy"),
        }
    })
    .await?;
    let yaml =
        |kind: &str, port: u16, path: &str| format!("{kind}:\n  - {{name: m, url: 'http://127.0.0.1:{port}{path}'}}\n");
    for (kind, checks) in [("alertmanagers", &["alerts"][..]), ("prometheus", &["rules", "dashboards"])] {
        for check in checks {
            assert_eq!(reason(&yaml(kind, closed, ""), check).await, Some(Reason::Connect));
            for (path, expected) in [
                ("/html", Reason::Decode),
                ("/denied", Reason::Auth),
                ("/wrong", Reason::Decode),
                ("/huge", Reason::Limit),
                ("/busy", Reason::Protocol),
            ] {
                assert_eq!(reason(&yaml(kind, server.port, path), check).await, Some(expected), "{check} {path}");
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_endless_secrets_are_metadata_and_objects_are_odd() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let authority = Authority::new(folder.path())?;
    let kubelet = Kubelet::start(acceptor(authority.issue("localhost", 60)?)?.0).await?;
    let kubernetes = Kubernetes::start(kubelet).await?;
    std::fs::write(folder.path().join("kubeconfig"), kubernetes.kubeconfig())?;
    let yaml = format!(
        "kubernetes:\n  - {{name: k, kubeconfig: {}, namespaces: [{NAMESPACE}], auditLogs: [{{selector: app=orchestrator}}], secrets: [{{name: jwt-secret}}, {{name: gone}}]}}\n",
        folder.path().join("kubeconfig").display()
    );
    // A line of 50 MB, and audit lines behind it that a later run finds.
    let now = jiff::Timestamp::now();
    let mut log = format!("{now} ").into_bytes();
    log.resize(50 * 1024 * 1024, b'x');
    log.extend_from_slice(format!("\n{now} AUDIT: late\n").as_bytes());
    kubernetes.log(Some(log));
    let logs = job(&yaml, "pod_logs");
    let (failure, page) = outcome(&logs).await;
    assert_eq!(failure, None);
    assert!(page.contains("selector=\"app=orchestrator\"} 0\n"), "{page}");
    kubernetes.log(Some(format!("{} AUDIT: one\nno time\n\u{0}\n", jiff::Timestamp::now()).into_bytes()));
    let (_, page) = outcome(&logs).await;
    assert!(page.contains("checklist_audit_log_lines_total{check=\"pod_logs\",target=\"k\",namespace=\"llm-orchestrator\",selector=\"app=orchestrator\"} 3\n"), "{page}");
    let (_, page) = outcome(&logs).await;
    assert!(page.contains("selector=\"app=orchestrator\"} 3\n"), "what was read is not counted again: {page}");
    // A secret that is not there is a definitive negative; its data is never asked for (the API would refuse).
    let (failure, page) = outcome(&job(&yaml, "secrets")).await;
    assert_eq!(failure, None);
    assert!(page.contains("secret=\"gone\"} 0\n") && !page.contains("bmV2ZXI"), "{page}");
    // Objects with nothing in them.
    let claims = format!("/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims");
    kubernetes.apply(
        &claims,
        serde_json::json!({"metadata": {"name": "odd"}, "spec": {"resources": {"requests": {"storage": "much"}}}}),
    );
    let (failure, page) = outcome(&job(&yaml, "pvc")).await;
    assert_eq!(failure, None);
    assert!(page.contains("persistentvolumeclaim=\"odd\"} 0\n"), "{page}");
    kubernetes.refuse(Some(403));
    for check in ["hpa", "pvc", "utilization", "pod_logs", "secrets"] {
        assert_eq!(reason(&yaml, check).await, Some(Reason::Permission), "{check}");
    }
    Ok(())
}
