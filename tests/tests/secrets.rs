//! Secrets are planted in every place that takes one, with every kind of failure. No output of the programs contains
//! them.

use anyhow::Context;
use http_body_util::{BodyExt, Collected};
use nix::sys::signal::Signal;
use stack::http::{request, response, serve};
use stack::process::{Process, free_port};
use stack::stack::program;
use stack::waiting::{eventually, found};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A text that is part of every secret and of nothing else.
const CANARY: &str = "cAnArY7391";
/// The finest log level, also for the modules of libraries that handle secrets.
const LOUD: &str = "trace,hyper::proto=trace,hyper_util=trace,kube_client::client=trace,aws_config=trace,aws_sigv4=trace,\
                    aws_smithy_runtime::client=trace,tokio_postgres=trace,rustls::client=trace,tower::buffer=trace";

/// Returns endpoints that fail in different ways: no response, a refusal that repeats the request, and invalid data.
async fn endpoints() -> anyhow::Result<(Vec<u16>, Vec<stack::http::Server>)> {
    let repeats = serve(None, |request| {
        let printed = format!("{:?}", request.headers());
        async move { response(401, "text/plain", printed) }
    })
    .await?;
    // Like the one before, in the form of an API server's response with a body.
    let reviews = serve(None, |request| async move {
        let printed = format!("{:?}", request.headers());
        let body = request.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
        let printed = format!("{printed} {}", String::from_utf8_lossy(&body));
        let status = serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 422, "message": printed, "reason": printed});
        response(422, "application/json", status.to_string())
    })
    .await?;
    let forbids = serve(None, |_| async { response(403, "application/json", "{\"error\": {}}") }).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    // These tasks end with the test.
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut some = [0; 512];
            let read = stream.read(&mut some).await.unwrap_or_default();
            // Sends back what was received, as if it were a response.
            let _ = stream.write_all(&some[..read]).await;
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let database = listener.local_addr()?.port();
    tokio::spawn(repeat_passwords(listener));
    let ports = vec![free_port()?, repeats.port, forbids.port, port, reviews.port, database];
    Ok((ports, vec![repeats, forbids, reviews]))
}

/// A database that asks for the password in clear text and repeats it in its refusal.
async fn repeat_passwords(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut some = [0; 1024];
        let _ = stream.read(&mut some).await;
        // AuthenticationCleartextPassword.
        let _ = stream.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]).await;
        let read = stream.read(&mut some).await.unwrap_or_default();
        let password = some.get(5..read.saturating_sub(1)).unwrap_or_default();
        let mut fields = b"SFATAL\0VFATAL\0C28P01\0Mnobody has the password ".to_vec();
        fields.extend_from_slice(password);
        fields.extend_from_slice(b"\0\0");
        let length = u32::try_from(fields.len() + 4).unwrap_or_default().to_be_bytes();
        let _ = stream.write_all(&[b"E", &length[..], &fields].concat()).await;
    }
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
                        "  - {{name: {name}, bucket: bkt, prefix: p, format: pg_dump, endpoint: 'http://127.0.0.1:{port}', accessKeyId{secret}, secretAccessKey{secret}, restore: {{checks: [{{name: c, query: SELECT 1}}]}}}}"
                    ),
                    "postgres" => writeln!(
                        text,
                        "  - {{name: {name}, host: 127.0.0.1, port: {port}, database: d, user: u, tls: {}, password{secret}}}",
                        if at == 5 { "disable" } else { "verify-full" }
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

/// Files with secrets in every place that takes one, and the endpoints that they are for.
struct Planted {
    folder: TempDir,
    ports: Vec<u16>,
    config: String,
    /// A bcrypt hash of the canary. It is a secret too, because it allows guessing.
    hash: String,
    _servers: Vec<stack::http::Server>,
}

impl Planted {
    async fn new() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let (ports, servers) = endpoints().await?;
        let config = plant(folder.path(), &ports)?;
        // Mistakes beside secrets, and secrets in wrong places: the messages show lines of the file.
        let misplaced = format!(
            "postgres:\n  - {{name: x, host: h, database: d, user: u, password: {CANARY}}}\nhealth:\n  - {{name: x, url: 'https://ann:{CANARY}@h/', bearerToken: {CANARY}}}\nalerting: {{slack: {{webhookUrl: 'https://hooks/{CANARY}'}}, pagerduty: {{routingKey: {CANARY}}}}}\n"
        );
        let hash = bcrypt::hash(CANARY, 4)?;
        for (name, text) in [
            ("checklist.yaml", config.clone()),
            ("misplaced.yaml", misplaced),
            ("wrong.yaml", format!("{config}nonsense: 1\n")),
            ("web.yaml", format!("basic_auth_users: {{ann: '{hash}'}}\n")),
            ("wrong-web.yaml", format!("basic_auth_users: {{ann: '{CANARY}'}}\n")),
            ("odd-web.yaml", format!("basic_auth_users: ['{CANARY}']\n{CANARY}: [\n")),
            ("webhook", format!("http://127.0.0.1:{}/services/{CANARY}\n", ports[1])),
        ] {
            std::fs::write(folder.path().join(name), text)?;
        }
        Ok(Self { folder, ports, config, hash, _servers: servers })
    }

    /// Returns a command that runs in the folder with the finest log level.
    fn command(&self, name: &str, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(program(name)?);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("CANARY", format!("{CANARY}-env"))
            .env("PROMETHEUS_URL", format!("http://ann:{CANARY}@127.0.0.1:{}", self.ports[1]))
            .env("RUST_LOG", LOUD);
        Ok(command)
    }

    /// Runs a command and checks its output for secrets.
    async fn printed_by(&self, name: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = self.command(name, arguments)?;
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        self.leaks(&text).with_context(|| format!("{name} {arguments:?}"))?;
        Ok(text)
    }

    /// Fails if a text contains the canary: as it is, in base64 at any offset, or as the hash.
    fn leaks(&self, text: &str) -> anyhow::Result<()> {
        for form in [CANARY, "Y0FuQXJZNzM5M", "NBbkFyWTczOT", "jQW5Bclk3Mzkx", &self.hash] {
            if let Some(at) = text.find(form) {
                let (from, to) = (text.floor_char_boundary(at.saturating_sub(200)), text.ceil_char_boundary(at + 60));
                anyhow::bail!("a secret: ...{}...", &text[from..to]);
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_of_the_exporter_prints_a_secret() -> anyhow::Result<()> {
    let planted = Planted::new().await?;
    let ours = ["--config", "checklist.yaml"];
    let mut printed = String::new();
    for arguments in [
        vec!["--help"],
        vec!["run", "--help"],
        vec!["validate", "checklist.yaml"],
        vec!["validate", "wrong.yaml"],
        vec!["validate", "misplaced.yaml"],
        [&["check", "--format", "json"], &ours[..]].concat(),
        [&["check", "--format", "junit"], &ours[..]].concat(),
        [&["check", "--format", "markdown", "--cadence", "daily"], &ours[..]].concat(),
        [&["--log-json", "check", "--only", "health,connections"], &ours[..]].concat(),
        [&["check", "--explain", "--only", "connections"], &ours[..]].concat(),
        [&["verify-backup", "n1-file"], &ours[..]].concat(),
        [&["verify-alerts", "--within", "1"], &ours[..]].concat(),
        [&["task", "list"], &ours[..]].concat(),
        [&["run", "--web-config", "wrong-web.yaml"], &ours[..]].concat(),
        [&["run", "--web-config", "odd-web.yaml"], &ours[..]].concat(),
    ] {
        printed += &planted.printed_by("checklist-exporter", &arguments).await?;
    }
    // The output contains the failures, so the secrets were used.
    for part in ["401", "nobody has the password ***", "Bearer ***", "is not a bcrypt hash", "unknown field password"] {
        assert!(printed.contains(part), "{part} is not in {printed}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_of_rules_gen_prints_or_writes_a_secret() -> anyhow::Result<()> {
    let planted = Planted::new().await?;
    let at = |n: usize| format!("http://127.0.0.1:{}", planted.ports[n]);
    let (repeats, nobody) = (at(1), at(0));
    let (against, against_nonsense) = (format!("prometheus={repeats}"), format!("mimir={}", at(3)));
    // A Prometheus without data, so that the report is written and posted to a secret address.
    let nothing = r#"{"status": "success", "data": {"resultType": "vector", "result": []}}"#;
    let empty = serve(None, move |_| async move { response(200, "application/json", nothing) }).await?;
    let address = format!("http://127.0.0.1:{}", empty.port);
    let posts = ["--webhook-file", "webhook", "--prometheus", &address];
    let ours = ["--config", "checklist.yaml"];
    let live = ["--token-file", "secret", "--prometheus"];
    let mut printed = String::new();
    // Pods need absolute paths.
    let pods =
        [("File: ", "File: /s/s/"), ("kubeconfig: ", "kubeconfig: /s/s/"), ("directory: ", "directory: /var/lib/s/")];
    let pods = pods.iter().fold(planted.config.clone(), |text, (here, there)| text.replace(here, there));
    std::fs::write(planted.folder.path().join("pods.yaml"), pods)?;
    for arguments in [
        [&["generate", "--out", "out"], &ours[..]].concat(),
        vec!["generate", "--config", "pods.yaml", "--out", "out"],
        vec!["generate", "--config", "misplaced.yaml", "--out", "out"],
        [&["list"], &ours[..]].concat(),
        vec!["report", "--help"],
        // The address in the environment contains a login.
        [&["report", "daily"], &ours[..]].concat(),
        [&["report", "daily"], &ours[..], &live, &[&repeats]].concat(),
        [&["report", "weekly"], &ours[..], &live, &[&nobody]].concat(),
        [&["report", "daily"], &ours[..], &posts].concat(),
        [&["backtest"], &ours[..], &live, &[&repeats]].concat(),
        [&["noise"], &live[..], &[&repeats]].concat(),
        [&["diff", "--token-file", "secret", "--against", &against], &ours[..]].concat(),
        [&["diff", "--token-file", "secret", "--against", &against_nonsense], &ours[..]].concat(),
    ] {
        printed += &planted.printed_by("rules-gen", &arguments).await?;
    }
    for part in ["the webhook of webhook did not accept the report", "must not contain a user or password"] {
        assert!(printed.contains(part), "{part} is not in {printed}");
    }
    let mut generated = Vec::new();
    files(&planted.folder.path().join("out"), &mut generated)?;
    for file in &generated {
        planted.leaks(&String::from_utf8_lossy(&std::fs::read(file)?)).with_context(|| file.display().to_string())?;
    }
    assert!(generated.iter().any(|file| file.ends_with("kubernetes/cronjobs.yaml")), "{generated:?}");
    assert!(generated.len() > 100, "only {} files were generated", generated.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_response_or_log_line_contains_a_secret() -> anyhow::Result<()> {
    let planted = Planted::new().await?;
    let folder = planted.folder.path();
    let listen = format!("127.0.0.1:{}", free_port()?);
    let arguments = [
        "run",
        "--config",
        "checklist.yaml",
        "--listen",
        &listen,
        "--web-config",
        "web.yaml",
        "--web.enable-lifecycle",
    ];
    let mut command = planted.command("checklist-exporter", &arguments)?;
    let mut process = Process::start(&mut command, "exporter", folder, Signal::SIGTERM)?;
    // ann:cAnArY7391
    let ann = [("authorization", "Basic YW5uOmNBbkFyWTczOTE=")];
    let ready = format!("http://{listen}/-/ready");
    process.wait_until(|| async { matches!(request(&ready, None, &ann).await, Ok((200, _))) }).await?;
    let mut pages = vec!["/".to_owned(), "/metrics".to_owned(), "/tasks".to_owned(), "/api/v1/checks".to_owned()];
    for signal in checklist::SIGNALS {
        pages.push(format!("/checks/{}", signal.id));
        pages.extend([1, 4, 5].map(|n| format!("/checks/{}/n{n}-file", signal.id)));
    }
    let mut shown = String::new();
    for page in pages {
        let (_, body) = request(&format!("http://{listen}{page}"), None, &ann).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        planted.leaks(&text).with_context(|| page)?;
        shown += &text;
    }
    // Refused credentials, and a token that the API server repeats in its refusal.
    for (header, code) in [
        ("Basic Y0FuQXJZNzM5MTp4".to_owned(), 401),
        (format!("Bearer {CANARY}"), 503),
        (format!("Bearer {CANARY}-{}", "x".repeat(4_000)), 503),
        (format!("{CANARY} {CANARY}"), 401),
    ] {
        let (status, body) = request(&format!("http://{listen}/metrics"), None, &[("authorization", &header)]).await?;
        assert_eq!(status, code, "{header}");
        planted.leaks(&String::from_utf8_lossy(&body))?;
    }
    for wrong in [format!("{}nonsense: 1\n", planted.config), std::fs::read_to_string(folder.join("misplaced.yaml"))?] {
        std::fs::write(folder.join("checklist.yaml"), wrong)?;
        // At most one reload a second is allowed.
        let (status, body) = found("a reload", || async {
            let (status, body) = request(&format!("http://{listen}/-/reload"), Some(""), &ann).await?;
            Ok((status != 429).then_some((status, body)))
        })
        .await?;
        assert_eq!(status, 500);
        planted.leaks(&String::from_utf8_lossy(&body))?;
    }
    std::fs::copy(folder.join("wrong-web.yaml"), folder.join("web.yaml"))?;
    eventually("the log reports the web configuration", || async {
        Ok(process.log().contains("cannot load the web configuration"))
    })
    .await?;
    let log = process.log();
    planted.leaks(&log).context("the log")?;
    for part in ["401", "nobody has the password ***", "Bearer ***"] {
        assert!(shown.contains(part), "{part} is on no page");
    }
    for part in ["token reviews fail", "cannot load the web configuration", "unknown field nonsense"] {
        assert!(log.contains(part), "{part} is not in the log");
    }
    Ok(())
}

/// Collects the files below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files(&path, found)? } else { found.push(path) }
    }
    Ok(())
}
