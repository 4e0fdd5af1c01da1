//! Bad input for every kind of check: each run ends with the right reason, and no check blocks another one.

mod buckets;
mod clusters;
mod databases;

use checklist::Reason;
use exporter::run::job::Job;
use exporter::run::status::ProcessStatus;
use exporter::run::time::unix_now;
use exporter::server::exposition::collector::States;
use exporter::server::exposition::format::{Encoding, Format};
use exporter::server::exposition::snapshot::Snapshot;
use stack::checks;
use stack::http::{response, serve};
use stack::peers::{Authority, Health, HealthBody, self_signed, silent};
use stack::postgres::PASSWORD;
use stack::s3::{ACCESS_KEY, S3, SECRET_KEY};
use std::sync::Arc;
use tempfile::TempDir;

fn job(yaml: &str, check: &str) -> Arc<Job> {
    checks::job(yaml, check).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs the check. Returns the reason of a failed run, and the exposition after it.
async fn outcome(job: &Job) -> (Option<Reason>, String) {
    job.run().await;
    let state = job.state();
    let failure = state.failure.as_ref();
    if let Some(failure) = failure {
        println!("{failure}");
        assert!(!failure.message.contains(PASSWORD) && !failure.message.contains(SECRET_KEY), "{failure}");
    }
    let states = States { states: vec![Arc::clone(&state)], now: unix_now(), process: ProcessStatus::default() };
    let body =
        Snapshot::of(states).body(Format::Text, Encoding::Identity).unwrap_or_else(|failure| panic!("{failure}"));
    (failure.map(|failure| failure.reason), String::from_utf8_lossy(&body).into_owned())
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
async fn certificates_are_reported_even_if_clients_must_reject_them() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let authority = Authority::new(folder.path())?;
    let health = Health::start(authority.issue("localhost", 60)?).await?;
    let yaml = |port: u16| {
        let ca = authority.ca_file.display();
        format!("certificates:\n  - {{name: app, address: 'localhost:{port}', caFile: {ca}}}\n")
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
    let soon = format!("{}checks: {{certificates: {{interval: 3s, timeout: 2s}}}}\n", yaml(port));
    assert_eq!(reason(&soon, "certificates").await, Some(Reason::Timeout));
    peer.abort();
    let plain = serve(None, |_| async { response(200, "text/plain", "no TLS here") }).await?;
    assert_eq!(reason(&yaml(plain.port), "certificates").await, Some(Reason::Tls));
    assert_eq!(reason(&yaml(stack::process::free_port()?), "certificates").await, Some(Reason::Connect));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn health_pages_that_are_endless_slow_or_not_json_fail() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let authority = Authority::new(folder.path())?;
    let health = Health::start(authority.issue("localhost", 60)?).await?;
    let yaml = format!(
        "health:\n  - name: app\n    url: https://localhost:{}/health\n    expect: {{status: healthy}}\n    versionField: version\n    caFile: {}\n",
        health.server.port,
        authority.ca_file.display()
    );
    let passed = outcome(&job(&yaml, "health")).await;
    assert!(
        passed.1.contains("checklist_http_field_ok{check=\"health\",target=\"app\",field=\"body.status\"} 1"),
        "{}",
        passed.1
    );
    health.respond_with(HealthBody::NotJson);
    let (failed, text) = outcome(&job(&yaml, "health")).await;
    assert_eq!(failed, None, "a wrong answer is an answer");
    assert!(
        text.contains("field=\"body\"} 0")
            && text.contains("checklist_check_passed{check=\"health\",target=\"app\"} 0"),
        "{text}"
    );
    health.respond_with(HealthBody::Large);
    assert_eq!(reason(&yaml, "health").await, Some(Reason::Limit));
    health.respond_with(HealthBody::ByteByByte);
    let soon = format!("{yaml}checks: {{health: {{interval: 3s, timeout: 2s}}}}\n");
    assert_eq!(reason(&soon, "health").await, Some(Reason::Timeout));
    let version = "v".repeat(10_000);
    health.respond_with(HealthBody::Json(serde_json::json!({"status": "healthy", "version": version})));
    let (failed, text) = outcome(&job(&yaml, "health")).await;
    assert_eq!(failed, None);
    assert!(text.lines().all(|line| line.len() < 1000), "a label of ten kilobytes is cut");
    let untrusted = yaml.replace(&format!("    caFile: {}\n", authority.ca_file.display()), "");
    assert_eq!(reason(&untrusted, "health").await, Some(Reason::Tls));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_truncated_missing_and_huge_reports_fail() -> anyhow::Result<()> {
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
    // Reports over HTTP and from a bucket.
    let server = serve(None, |request| async move {
        match request.uri().path() {
            "/audit" => response(200, "application/json", r#"{"vulnerabilities": {"list": []}}"#),
            _ => response(404, "text/plain", "no"),
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
    let report = r#"{"matches": [{"vulnerability": {"severity": "Critical", "fix": {"state": "fixed", "versions": ["2"]}}}], "source": {"target": {"userInput": "img"}}}"#;
    s3.put("scans", "grype/1.json", report.as_bytes())?;
    s3.put("scans", "grype/2.json", report.as_bytes())?;
    s3.modified("scans", "grype/2.json", std::time::SystemTime::now() + std::time::Duration::from_hours(40 * 24))?;
    let (failure, page) = outcome(&job(&bucket, "images")).await;
    assert_eq!(failure, None);
    assert!(
        page.contains(
            "checklist_image_vulnerabilities{check=\"images\",target=\"r\",image=\"img\",level=\"critical\"} 1\n"
        ) && page
            .contains("checklist_check_unseen{check=\"images\",target=\"r\",object=\"report\",reason=\"decode\"} 1\n"),
        "{page}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_foreign_and_hostile_monitoring_apis_fail() -> anyhow::Result<()> {
    let closed = stack::process::free_port()?;
    let server = serve(None, |request| async move {
        match request.uri().path() {
            path if path.starts_with("/html") => response(200, "text/html", "<html>"),
            path if path.starts_with("/denied") => response(401, "text/plain", "no"),
            path if path.starts_with("/wrong") => response(200, "application/json", "{\"data\": 7}"),
            path if path.starts_with("/huge") => response(200, "application/json", vec![b' '; 70 * 1024 * 1024]),
            _ => response(503, "text/plain", "busy"),
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
