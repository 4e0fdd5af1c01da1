//! Secrets planted everywhere, every failure that can be had, and nothing of them in anything that the program says.

use anyhow::Context;
use http_body_util::BodyExt;
use nix::sys::signal::Signal;
use stack::http::{answer, request, serve};
use stack::process::{Process, free_port};
use stack::stack::program;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// In every secret, and nowhere else.
const CANARY: &str = "cAnArY7391";
/// Everything, and by name the modules that see secrets on their way.
const LOUD: &str = "trace,hyper::proto=trace,hyper_util=trace,kube_client::client=trace,aws_config=trace,aws_sigv4=trace,\
                    aws_smithy_runtime::client=trace,tokio_postgres=trace,rustls::client=trace,tower::buffer=trace";

/// Endpoints that fail in ways of their own: nobody, a refusal that repeats what was sent, nonsense.
async fn endpoints() -> anyhow::Result<(Vec<u16>, Vec<stack::http::Server>, tokio::task::JoinHandle<()>)> {
    let repeats = serve(None, |request| {
        let said = format!("{:?}", request.headers());
        async move { answer(401, "text/plain", said) }
    })
    .await?;
    // The same as an API server would say it, body and all.
    let reviews = serve(None, |request| async move {
        let said = format!("{:?}", request.headers());
        let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let said = format!("{said} {}", String::from_utf8_lossy(&body));
        answer(422, "application/json", serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 422, "message": said, "reason": said}).to_string())
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
    let ports = vec![free_port()?, repeats.port, forbids.port, port, reviews.port];
    Ok((ports, vec![repeats, forbids, reviews], nonsense))
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
                        "  - {{name: {name}, namespaces: [a], kubeconfig: kubeconfig-{at}, secrets: [{{name: s}}]{}}}",
                        if at == 4 { ", webAudiences: [a]" } else { "" }
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
    // Mistakes beside secrets, and secrets where none belongs: the messages show lines of the file.
    let misplaced = format!(
        "postgres:\n  - {{name: x, host: h, database: d, user: u, password: {CANARY}}}\nhealth:\n  - {{name: x, url: 'https://ann:{CANARY}@h/', bearerToken: {CANARY}}}\nalerting: {{slack: {{webhookUrl: 'https://hooks/{CANARY}'}}, pagerduty: {{routingKey: {CANARY}}}}}\n"
    );
    std::fs::write(folder.path().join("misplaced.yaml"), misplaced)?;
    std::fs::write(folder.path().join("wrong.yaml"), format!("{config}nonsense: 1\n"))?;
    let hash = bcrypt::hash(CANARY, 4)?;
    std::fs::write(folder.path().join("web.yaml"), format!("basic_auth_users: {{ann: '{hash}'}}\n"))?;
    std::fs::write(folder.path().join("wrong-web.yaml"), format!("basic_auth_users: {{ann: '{CANARY}'}}\n"))?;
    std::fs::write(folder.path().join("odd-web.yaml"), format!("basic_auth_users: ['{CANARY}']\n{CANARY}: [\n"))?;
    let command = |name: &str, arguments: &[&str]| -> anyhow::Result<Command> {
        let mut command = Command::new(program(name)?);
        command
            .args(arguments)
            .current_dir(folder.path())
            .env("CANARY", format!("{CANARY}-env"))
            .env("PROMETHEUS_URL", format!("http://ann:{CANARY}@127.0.0.1:{}", ports[1]))
            // A directive for a client's own module is the more specific one.
            .env("RUST_LOG", LOUD);
        Ok(command)
    };
    let at = |n: usize| format!("http://127.0.0.1:{}", ports[n]);
    let (repeats, nobody) = (at(1), at(0));
    let (against, against_nonsense) = (format!("prometheus={repeats}"), format!("mimir={}", at(3)));
    let ours = ["--config", "checklist.yaml"];
    let live = ["--token-file", "secret", "--prometheus"];
    let exporter = "checklist-exporter";
    let mut said = String::new();
    for (name, arguments) in [
        (exporter, vec!["--help"]),
        (exporter, vec!["run", "--help"]),
        (exporter, vec!["validate", "checklist.yaml"]),
        (exporter, vec!["validate", "wrong.yaml"]),
        (exporter, vec!["validate", "misplaced.yaml"]),
        (exporter, [&["check", "--format", "json"], &ours[..]].concat()),
        (exporter, [&["check", "--format", "junit"], &ours[..]].concat()),
        (exporter, [&["check", "--format", "markdown", "--cadence", "daily"], &ours[..]].concat()),
        (exporter, [&["--log-json", "check", "--only", "health,connections"], &ours[..]].concat()),
        (exporter, [&["check", "--explain", "--only", "connections"], &ours[..]].concat()),
        (exporter, [&["verify-backup", "n1-file"], &ours[..]].concat()),
        (exporter, [&["verify-alerts", "--within", "1"], &ours[..]].concat()),
        (exporter, [&["task", "list"], &ours[..]].concat()),
        (exporter, [&["run", "--web-config", "wrong-web.yaml"], &ours[..]].concat()),
        (exporter, [&["run", "--web-config", "odd-web.yaml"], &ours[..]].concat()),
        ("rules-gen", [&["generate", "--out", "out"], &ours[..]].concat()),
        ("rules-gen", vec!["generate", "--config", "misplaced.yaml", "--out", "out"]),
        ("rules-gen", [&["list"], &ours[..]].concat()),
        ("rules-gen", vec!["report", "--help"]),
        ("rules-gen", [&["report", "daily"], &ours[..]].concat()),
        ("rules-gen", [&["report", "daily"], &ours[..], &live, &[&repeats]].concat()),
        ("rules-gen", [&["report", "weekly"], &ours[..], &live, &[&nobody]].concat()),
        ("rules-gen", [&["backtest"], &ours[..], &live, &[&repeats]].concat()),
        ("rules-gen", [&["noise"], &live[..], &[&repeats]].concat()),
        ("rules-gen", [&["diff", "--token-file", "secret", "--against", &against], &ours[..]].concat()),
        ("rules-gen", [&["diff", "--token-file", "secret", "--against", &against_nonsense], &ours[..]].concat()),
    ] {
        let mut command = command(name, &arguments)?;
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        leaks(&text).with_context(|| format!("{name} {arguments:?}"))?;
        assert!(!text.contains(&hash), "{name} {arguments:?} shows a hash");
        said += &text;
    }
    let mut generated = Vec::new();
    files(&folder.path().join("out"), &mut generated)?;
    for file in &generated {
        leaks(&String::from_utf8_lossy(&std::fs::read(file)?)).with_context(|| file.display().to_string())?;
    }
    assert!(generated.len() > 100, "only {} files were generated", generated.len());

    let port = free_port()?;
    let listen = format!("127.0.0.1:{port}");
    let mut command =
        command(exporter, &["run", "--config", "checklist.yaml", "--listen", &listen, "--web-config", "web.yaml"])?;
    let mut process = Process::start(&mut command, "exporter", folder.path(), Signal::SIGTERM)?;
    // ann:cAnArY7391
    let ann = [("authorization", "Basic YW5uOmNBbkFyWTczOTE=")];
    let ready = format!("http://{listen}/-/ready");
    process.wait_until(|| async { matches!(request(&ready, None, &ann).await, Ok((200, _))) }).await?;
    let (_, checks) = request(&format!("http://{listen}/api/v1/checks"), None, &ann).await?;
    let checks: serde_json::Value = serde_json::from_slice(&checks)?;
    let mut pages = vec!["/".to_owned(), "/metrics".to_owned(), "/tasks".to_owned(), "/api/v1/checks".to_owned()];
    for signal in checklist::SIGNALS {
        pages.push(format!("/checks/{}", signal.id));
        pages.push(format!("/checks/{}/n1-file", signal.id));
        pages.push(format!("/checks/{}/n4-file", signal.id));
    }
    for page in pages {
        let (_, body) = request(&format!("http://{listen}{page}"), None, &ann).await?;
        leaks(&String::from_utf8_lossy(&body)).with_context(|| page)?;
    }
    // Credentials that are refused, and a token that the API server repeats in its refusal.
    for (header, code) in [
        ("Basic Y0FuQXJZNzM5MTp4".to_owned(), 401),
        (format!("Bearer {CANARY}"), 503),
        (format!("Bearer {CANARY}-{}", "x".repeat(4_000)), 503),
        (format!("{CANARY} {CANARY}"), 401),
    ] {
        let (status, body) = request(&format!("http://{listen}/metrics"), None, &[("authorization", &header)]).await?;
        assert_eq!(status, code, "{header}");
        leaks(&String::from_utf8_lossy(&body))?;
    }
    let misplaced = std::fs::read_to_string(folder.path().join("misplaced.yaml"))?;
    for wrong in [format!("{config}nonsense: 1\n"), misplaced] {
        std::fs::write(folder.path().join("checklist.yaml"), wrong)?;
        let (status, body) = request(&format!("http://{listen}/-/reload"), Some(""), &ann).await?;
        assert_eq!(status, 500);
        leaks(&String::from_utf8_lossy(&body))?;
    }
    std::fs::write(folder.path().join("web.yaml"), format!("basic_auth_users: {{ann: '{CANARY}'}}\n"))?;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    request(&format!("http://{listen}/metrics"), None, &ann).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let log = process.log();
    leaks(&log).context("the log")?;
    assert!(!log.contains(&hash), "a hash is in the log");
    nonsense.abort();
    // That nothing was found must not be because nothing was tried.
    assert!(checks.to_string().contains("401"), "the endpoints were asked: {checks}");
    assert!(log.contains("no token can be reviewed"), "the token was reviewed");
    assert!(log.contains("the web configuration stays as it was"), "the broken web configuration was seen");
    assert!(said.len() > 10_000 && log.len() > 1_000, "{} and {} bytes were said", said.len(), log.len());
    Ok(())
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

/// The canary as it is, and in base64 after none, one and two bytes more.
fn leaks(text: &str) -> anyhow::Result<()> {
    for form in [CANARY, "Y0FuQXJZNzM5M", "NBbkFyWTczOT", "jQW5Bclk3Mzkx"] {
        if let Some(at) = text.find(form) {
            let (from, to) = (text.floor_char_boundary(at.saturating_sub(200)), text.ceil_char_boundary(at + 60));
            anyhow::bail!("a secret: ...{}...", &text[from..to]);
        }
    }
    Ok(())
}
