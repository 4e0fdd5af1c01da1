//! Every probe on a server of another kind: no check passes on such a response.

use checklist::{Reason, SIGNALS, Verdict};
use exporter::run::time::unix_now;
use futures::future::join_all;
use stack::checks::jobs;
use stack::http::{response, serve};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use tempfile::TempDir;

/// Returns a checklist.yaml with one target of every kind, all at one address.
fn everything(folder: &TempDir, port: u16) -> anyhow::Result<String> {
    let at = |name: &str| folder.path().join(name).display().to_string();
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         clusters: [{{name: c, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}]\n\
         users: [{{name: c, user: {{token: t}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: c}}}}]\n"
    );
    std::fs::write(at("kubeconfig"), kubeconfig)?;
    std::fs::write(at("secret"), "secret")?;
    let (url, secret) = (format!("http://127.0.0.1:{port}"), at("secret"));
    let keys = format!("endpoint: '{url}', pathStyle: true, accessKeyIdFile: {secret}, secretAccessKeyFile: {secret}");
    let mut yaml = format!(
        "kubernetes: [{{name: k, kubeconfig: {}, namespaces: [shop], secrets: [{{name: s}}], auditLogs: [{{selector: app=web}}]}}]\n",
        at("kubeconfig")
    );
    writeln!(yaml, "health: [{{name: h, url: '{url}/health', expect: {{status: healthy}}}}]")?;
    writeln!(yaml, "alertmanagers: [{{name: a, url: '{url}'}}]")?;
    writeln!(yaml, "prometheus: [{{name: p, url: '{url}'}}]")?;
    writeln!(yaml, "certificates: [{{name: c, address: '127.0.0.1:{port}'}}]")?;
    writeln!(
        yaml,
        "backups: [{{name: b, bucket: backups, {keys}, format: pg_dump, restore: {{checks: [{{name: one, query: SELECT 1}}]}}}}]"
    )?;
    writeln!(yaml, "tasks: {{since: 2020-01-01, s3: {{bucket: records, {keys}}}}}")?;
    writeln!(yaml, "reports:")?;
    for format in ["cargo-audit", "cargo-outdated", "trivy"] {
        writeln!(yaml, "  - {{name: {format}, format: {format}, url: '{url}/report'}}")?;
    }
    writeln!(
        yaml,
        "postgres: [{{name: d, host: 127.0.0.1, port: {port}, database: d, user: u, passwordFile: {secret}, tls: disable}}]"
    )?;
    yaml += "queries: [{name: own, help: Own, query: SELECT 1 AS value, above: {warning: 1}}]\n";
    Ok(yaml)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_check_passes_on_a_server_of_another_kind() -> anyhow::Result<()> {
    for (status, kind, body) in [
        (200, "application/json", ""),
        (200, "application/json", "{}"),
        (200, "application/json", "\"ok\""),
        (200, "application/json", r#"{"kind": "Status", "status": "Success", "data": {}, "items": {}}"#),
        (200, "text/html", "<html><body>Please log in</body></html>"),
        (204, "text/plain", ""),
        (302, "text/html", "elsewhere"),
        (403, "application/json", r#"{"message": "no"}"#),
        (500, "text/plain", "panic"),
    ] {
        let folder = TempDir::new()?;
        let server = serve(None, move |_| async move { response(status, kind, body) }).await?;
        let jobs = jobs(&everything(&folder, server.port)?)?;
        // A new signal must be part of this test.
        let made: BTreeSet<&str> = jobs.iter().map(|job| job.state().check.signal.id).collect();
        let probed = SIGNALS.iter().filter(|signal| signal.kind.is_probed()).map(|signal| signal.id);
        let missing: Vec<&str> = probed.filter(|id| !made.contains(id)).collect();
        assert!(missing.is_empty(), "no target of this test has the checks {missing:?}");
        join_all(jobs.iter().map(|job| job.run())).await;
        for job in &jobs {
            let state = job.state();
            let (id, verdict) = (state.check.signal.id, state.verdict(unix_now()));
            let words = format!("{} | {}", state.why(), state.seen());
            assert_ne!(verdict, Verdict::Passed, "{status} {body:?}: {id} passed: {words}");
            assert!(words.len() > " | ".len(), "{status} {body:?}: {id} has no words");
            let broke = state.failure.as_ref().is_some_and(|failure| failure.reason == Reason::Panic);
            assert!(!broke, "{status} {body:?}: {id} panicked");
            for debug in ["Error(", "kind: ", "source: ", "Some("] {
                assert!(!words.contains(debug), "{status} {body:?}: {id} shows internals of a program: {words}");
            }
        }
    }
    Ok(())
}
