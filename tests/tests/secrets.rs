//! Secrets planted everywhere, every failure that can be had, and nothing of them in anything that the program says.

use anyhow::Context;
use nix::sys::signal::Signal;
use stack::http::{answer, request, serve};
use stack::process::{Process, free_port};
use stack::stack::program;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// In every secret, and nowhere else.
const CANARY: &str = "cAnArY7391";

/// Endpoints that fail in ways of their own: nobody, a refusal that repeats what was sent, nonsense.
async fn endpoints() -> anyhow::Result<(Vec<u16>, Vec<stack::http::Server>, tokio::task::JoinHandle<()>)> {
    let repeats = serve(None, |request| {
        let said = format!("{:?}", request.headers());
        async move { answer(401, "text/plain", said) }
    })
    .await?;
    let forbids = serve(None, |_| async { answer(403, "application/json", "{\"error\": {}}") }).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let nonsense = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut some = [0; 512];
            let read = stream.read(&mut some).await.unwrap_or_default();
            // What it was told, back as if it were an answer.
            let _ = stream.write_all(&some[..read]).await;
        }
    });
    Ok((vec![free_port()?, repeats.port, forbids.port, port], vec![repeats, forbids], nonsense))
}

fn plant(folder: &Path, ports: &[u16]) -> anyhow::Result<String> {
    std::fs::write(folder.join("secret"), format!("{CANARY}-file\n"))?;
    std::fs::write(folder.join("bad-secret"), format!("{CANARY}\u{1}\nsecond line\n"))?;
    let kubeconfig = |port: u16| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\nclusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]\nusers: [{{name: u, user: {{token: {CANARY}-token}}}}]\n"
        )
    };
    let mut lists = [
        ("kubernetes", String::new()),
        ("health", String::new()),
        ("backups", String::new()),
        ("postgres", String::new()),
        ("alertmanagers", String::new()),
        ("prometheus", String::new()),
        ("reports", String::new()),
    ];
    for (at, port) in ports.iter().enumerate() {
        std::fs::write(folder.join(format!("kubeconfig-{at}")), kubeconfig(*port))?;
        for (how, secret) in
            [("file", "File: secret"), ("env", "Env: CANARY"), ("bad", "File: bad-secret"), ("none", "File: nosuch")]
        {
            let name = format!("n{at}-{how}");
            let url = format!("http://127.0.0.1:{port}/x");
            for (kind, text) in &mut lists {
                let _ = match *kind {
                    "kubernetes" if how == "file" => writeln!(
                        text,
                        "  - {{name: {name}, namespaces: [a], kubeconfig: kubeconfig-{at}, secrets: [{{name: s}}]}}"
                    ),
                    "kubernetes" => Ok(()),
                    "backups" => writeln!(
                        text,
                        "  - {{name: {name}, bucket: b, prefix: p, format: pg_dump, endpoint: 'http://127.0.0.1:{port}', accessKeyId{secret}, secretAccessKey{secret}, restore: {{checks: [{{name: c, query: SELECT 1}}]}}}}"
                    ),
                    "postgres" => writeln!(
                        text,
                        "  - {{name: {name}, host: 127.0.0.1, port: {port}, database: d, user: u, password{secret}}}"
                    ),
                    "reports" => {
                        writeln!(text, "  - {{name: {name}, format: trivy, url: '{url}', bearerToken{secret}}}")
                    }
                    _ => writeln!(text, "  - {{name: {name}, url: '{url}', bearerToken{secret}}}"),
                };
            }
        }
    }
    let lists: String = lists.iter().map(|(kind, text)| format!("{kind}:\n{text}")).collect();
    let checks = "tasks: {timeZone: UTC, since: 2026-01-01, directory: tasks}\nalerting: {pagerduty: {routingKeyFile: secret}, slack: {webhookUrlFile: secret}}\n";
    std::fs::create_dir_all(folder.join("tasks"))?;
    Ok(lists + checks)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_ever_said() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let (ports, _servers, nonsense) = endpoints().await?;
    let config = plant(folder.path(), &ports)?;
    std::fs::write(folder.path().join("checklist.yaml"), &config)?;
    // Mistakes beside secrets: the messages show lines of the file.
    std::fs::write(folder.path().join("wrong.yaml"), format!("{config}nonsense: 1\n"))?;
    let web = format!("basic_auth_users: {{ann: '{}'}}\n", bcrypt::hash(CANARY, 4)?);
    std::fs::write(folder.path().join("web.yaml"), &web)?;
    let exporter = program("checklist-exporter")?;
    let command = |arguments: &[&str]| {
        let mut command = Command::new(&exporter);
        command
            .args(arguments)
            .current_dir(folder.path())
            .env("CANARY", format!("{CANARY}-env"))
            .env("RUST_LOG", "trace");
        command
    };
    let mut said = String::new();
    for arguments in [
        &["--help"][..],
        &["validate", "checklist.yaml"],
        &["validate", "wrong.yaml"],
        &["check", "--config", "checklist.yaml", "--format", "json"],
        &["check", "--config", "checklist.yaml", "--format", "markdown", "--cadence", "daily"],
        &["check", "--config", "checklist.yaml", "--explain", "--only", "connections"],
        &["verify-backup", "n1-file", "--config", "checklist.yaml"],
        &["verify-alerts", "--config", "checklist.yaml", "--within", "1s"],
        &["task", "list", "--config", "checklist.yaml"],
    ] {
        let mut command = command(arguments);
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        leaks(&text).with_context(|| format!("{arguments:?}"))?;
        said += &text;
    }
    let port = free_port()?;
    let listen = format!("127.0.0.1:{port}");
    let mut command = command(&["run", "--config", "checklist.yaml", "--listen", &listen]);
    let mut process = Process::start(&mut command, "exporter", folder.path(), Signal::SIGTERM)?;
    let ready = format!("http://{listen}/-/ready");
    process.wait_until(|| stack::http::is_up(&ready)).await?;
    let (_, checks) = request(&format!("http://{listen}/api/v1/checks"), None, &[]).await?;
    let checks: serde_json::Value = serde_json::from_slice(&checks)?;
    let mut pages = vec!["/".to_owned(), "/metrics".to_owned(), "/tasks".to_owned(), "/api/v1/checks".to_owned()];
    for signal in checklist::SIGNALS {
        pages.push(format!("/checks/{}", signal.id));
        pages.push(format!("/checks/{}/n1-file", signal.id));
    }
    for page in pages {
        let (_, body) = request(&format!("http://{listen}{page}"), None, &[]).await?;
        leaks(&String::from_utf8_lossy(&body)).with_context(|| page)?;
    }
    std::fs::write(folder.path().join("checklist.yaml"), format!("{config}nonsense: 1\n"))?;
    let (_, body) = request(&format!("http://{listen}/-/reload"), Some(""), &[]).await?;
    leaks(&String::from_utf8_lossy(&body))?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let log = process.log();
    leaks(&log).context("the log")?;
    nonsense.abort();
    // That nothing was found must not be because nothing was tried.
    assert!(checks.to_string().contains("401"), "the endpoints were asked: {checks}");
    assert!(said.len() > 10_000 && log.len() > 1_000, "{} and {} bytes were said", said.len(), log.len());
    Ok(())
}

fn leaks(text: &str) -> anyhow::Result<()> {
    let base64 = "Y0FuQXJZNzM5M";
    if let Some(at) = text.find(CANARY).or_else(|| text.find(&base64[..12])) {
        let (from, to) = (text.floor_char_boundary(at.saturating_sub(200)), text.ceil_char_boundary(at + 60));
        anyhow::bail!("a secret: ...{}...", &text[from..to]);
    }
    Ok(())
}
