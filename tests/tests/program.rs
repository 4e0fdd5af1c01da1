//! The exporter's commands and pages: `check` and its formats, the status page, reload, `explain`, and tasks.

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use stack::http::{json, request};
use stack::peers::{Authority, Health, HealthBody, healthy};
use stack::process::{Process, free_port};
use stack::stack::{Stack, program};
use stack::waiting::eventually;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// An exporter with two health endpoints.
struct World {
    process: Process,
    port: u16,
    config: PathBuf,
    one: Health,
    _two: Health,
    _folder: TempDir,
}

impl World {
    async fn start() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let authority = Authority::new(folder.path())?;
        let one = Health::start(authority.issue("localhost", 60)?).await?;
        let two = Health::start(authority.issue("localhost", 60)?).await?;
        let config = folder.path().join("checklist.yaml");
        let target = |name: &str, health: &Health| {
            format!(
                "  - {{name: {name}, url: 'https://localhost:{}/health', expect: {{status: healthy}}, caFile: {}}}\n",
                health.server.port,
                authority.ca_file.display()
            )
        };
        let checks = "checks:\n  health: {interval: 1s}\nalerting:\n  runbookBaseUrl: https://runbooks.example.com\n";
        std::fs::write(&config, format!("health:\n{}{}{checks}", target("one", &one), target("two", &two)))?;
        let port = free_port()?;
        let mut command = Command::new(program("checklist-exporter")?);
        command.arg("run").arg("--config").arg(&config).args(["--listen", &format!("127.0.0.1:{port}")]);
        command.arg("--web.enable-lifecycle");
        let mut process = Process::start(&mut command, "exporter", folder.path(), Signal::SIGTERM)?;
        process
            .wait_until(|| async move { stack::http::is_up(&format!("http://127.0.0.1:{port}/-/ready")).await })
            .await?;
        Ok(Self { process, port, config, one, _two: two, _folder: folder })
    }

    async fn get(&self, path: &str) -> anyhow::Result<String> {
        let (_, body) = request(&format!("http://127.0.0.1:{}{path}", self.port), None, &[]).await?;
        Ok(String::from_utf8(body.to_vec())?)
    }

    /// Returns the value of a series in the exposition.
    async fn value(&self, series: &str) -> anyhow::Result<Option<f64>> {
        let page = self.get("/metrics").await?;
        Ok(page.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok()))
    }

    async fn wait(&self, series: &str, ok: impl Fn(Option<f64>) -> bool) -> anyhow::Result<()> {
        eventually(series, || async { Ok(ok(self.value(series).await?)) }).await
    }

    fn check(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        Ok(Command::new(program("checklist-exporter")?)
            .arg("check")
            .arg("--config")
            .arg(&self.config)
            .args(arguments)
            .output()?)
    }
}

const RUNS_ONE: &str = "checklist_probe_runs_total{check=\"health\",target=\"one\"}";
const RUNS_TWO: &str = "checklist_probe_runs_total{check=\"health\",target=\"two\"}";
const LOADED: &str = "checklist_config_last_reload_successful";

#[tokio::test(flavor = "multi_thread")]
async fn check_reports_its_result_by_exit_code_and_in_every_format() -> anyhow::Result<()> {
    let world = World::start().await?;
    let table = world.check(&[])?;
    let text = String::from_utf8(table.stdout)?;
    assert_eq!((table.status.code(), text.matches("passed").count()), (Some(0), 2), "{text}");
    assert_eq!(text.matches(" (limit 2 s)").count(), 2, "{text}");
    world.one.respond_with(HealthBody::Json(serde_json::json!({"status": "<degraded> & \"sad\""})));
    let parsed: Value = serde_json::from_slice(&world.check(&["--format", "json"])?.stdout)?;
    assert_eq!(parsed["checks"][0]["verdict"], "critical");
    assert_eq!(parsed["checks"][1]["verdict"], "passed");
    let output = world.check(&["--format", "junit", "--cadence", "daily"])?;
    let junit = String::from_utf8(output.stdout)?;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        junit.contains("tests=\"2\" failures=\"1\" errors=\"0\"") && junit.contains("<failure message="),
        "{junit}"
    );
    let markdown = String::from_utf8(world.check(&["--format", "markdown", "--only", "health"])?.stdout)?;
    assert!(markdown.contains("| health | one | **critical** |"), "{markdown}");
    assert_eq!(world.check(&["--cadence", "annual"])?.status.code(), Some(2), "nothing is selected");
    assert_eq!(world.check(&["--only", "nonsense"])?.status.code(), Some(2));
    let Ok(broken) = std::fs::read_to_string(&world.config).map(|text| text.replace("caFile", "caFiel")) else {
        anyhow::bail!("no configuration")
    };
    std::fs::write(&world.config, broken)?;
    let output = world.check(&[])?;
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean caFile?"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_keeps_unchanged_checks_and_refuses_an_invalid_file() -> anyhow::Result<()> {
    let world = World::start().await?;
    let reload = format!("http://127.0.0.1:{}/-/reload", world.port);
    let text = std::fs::read_to_string(&world.config)?;
    world.wait(RUNS_ONE, |runs| runs > Some(2.0)).await?;
    // An invalid file is refused and reported, and nothing changes.
    std::fs::write(&world.config, text.replace("expect", "expcet"))?;
    let (status, body) = request(&reload, Some(""), &[]).await?;
    assert_eq!(status, 500);
    assert_eq!(
        String::from_utf8_lossy(&body),
        "checklist.yaml cannot be loaded; see the log of the exporter\n",
        "anyone may ask, so nothing is reported"
    );
    assert!(world.process.log().contains("did you mean expect?"));
    world.wait(LOADED, |value| value == Some(0.0)).await?;
    let before = world.value(RUNS_ONE).await?;
    world.wait(RUNS_ONE, |runs| runs > before).await?;
    // Without the second target, the counters of the first one continue.
    let without: String =
        text.lines().filter(|line| !line.contains("name: two")).map(|line| format!("{line}\n")).collect();
    std::fs::write(&world.config, &without)?;
    let pid = Pid::from_raw(i32::try_from(world.process.id())?);
    kill(pid, Signal::SIGHUP)?;
    world.wait(LOADED, |value| value == Some(1.0)).await?;
    world.wait(RUNS_TWO, |runs| runs.is_none()).await?;
    assert!(world.value(RUNS_ONE).await? >= before);
    // A replaced symbolic link, as Kubernetes updates ConfigMaps, is noticed without a signal.
    let new = world.config.with_file_name("new.yaml");
    std::fs::write(&new, text.replace("name: one", "name: first"))?;
    std::fs::remove_file(&world.config)?;
    std::os::unix::fs::symlink(&new, &world.config)?;
    world.wait("checklist_probe_runs_total{check=\"health\",target=\"first\"}", |runs| runs >= Some(1.0)).await?;
    assert_eq!(world.value(RUNS_ONE).await?, None);
    assert_eq!(request(&reload.replace("reload", "nonsense"), None, &[]).await?.0, 404);
    assert_eq!(request(&reload, None, &[]).await?.0, 405, "only POST reloads");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_page_shows_each_check_and_its_runs_without_script() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.one.respond_with(HealthBody::Json(serde_json::json!({"status": "<script>alert(1)</script>"})));
    world.wait("checklist_check_passed{check=\"health\",target=\"one\"}", |value| value == Some(0.0)).await?;
    let page = world.get("/").await?;
    for part in
        ["critical", "runbooks.example.com/health.md", "prefers-color-scheme", "http-equiv=\"refresh\"", "daily"]
    {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(!page.contains("<script"));
    world.one.respond_with(HealthBody::Json(healthy()));
    eventually("the page has several runs", || async {
        Ok(world.get("/checks/health").await?.matches("<tr>").count() > 3)
    })
    .await?;
    assert_eq!(request(&format!("http://127.0.0.1:{}/checks/nonsense", world.port), None, &[]).await?.0, 404);
    let checks = json(&format!("http://127.0.0.1:{}/api/v1/checks", world.port)).await?;
    assert_eq!(checks["checks"].as_array().map(Vec::len), Some(2));
    let (status, headers) = stack::http::headers(&format!("http://127.0.0.1:{}/", world.port)).await?;
    assert_eq!(status, 200);
    assert!(headers.contains("default-src 'none'"), "{headers}");
    Ok(())
}

/// The status page of the whole stack in a real browser, on a phone and a desktop screen, in both colour schemes.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_the_status_page_on_phone_and_desktop_screens() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let url = format!("http://127.0.0.1:{}/", stack.exporter_port);
    for (name, size, dark) in [("desk", "1280,2400", false), ("phone", "390,3600", true)] {
        let picture = stack.folder().join(format!("{name}.png"));
        let dom = browse(&url, size, dark, stack.folder(), &picture)?;
        assert!(dom.contains("User accounts") && dom.contains("passed"), "{dom}");
        let png = std::fs::read(&picture).context("no screenshot")?;
        assert!(png.starts_with(b"\x89PNG") && png.len() > 20_000, "{} bytes", png.len());
        if let Some(folder) = std::env::var_os("SCREENSHOTS") {
            std::fs::copy(&picture, Path::new(&folder).join(format!("{name}.png")))?;
        }
    }
    Ok(())
}

/// Takes a screenshot, and returns the page as the browser has parsed it.
fn browse(url: &str, size: &str, dark: bool, folder: &Path, picture: &Path) -> anyhow::Result<String> {
    let run = |what: &[&str]| -> anyhow::Result<Output> {
        let mut command = Command::new("chromium");
        command.args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-background-networking",
        ]);
        command
            .arg(format!("--user-data-dir={}", folder.join("browser").display()))
            .arg(format!("--window-size={size}"));
        if dark {
            command.arg("--blink-settings=preferredColorScheme=0");
        }
        command.args(what).arg(url).output().context("chromium is needed; make test installs it")
    };
    let shot = run(&[&format!("--screenshot={}", picture.display())])?;
    anyhow::ensure!(shot.status.success(), "{}", String::from_utf8_lossy(&shot.stderr));
    Ok(String::from_utf8_lossy(&run(&["--dump-dom"])?.stdout).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_prints_plans_and_warns_of_sequential_scans_of_large_tables() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let config = stack.folder().join("checklist.yaml");
    let explain = |only: &str| -> anyhow::Result<Output> {
        let mut command = Command::new(program("checklist-exporter")?);
        Ok(command.args(["check", "--explain", "--only", only, "--config"]).arg(&config).output()?)
    };
    let output = explain("auth_failures,retention,users,maintenance")?;
    let text = String::from_utf8(output.stdout)?;
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("needs an index on audit_events (event_type, timestamp)") && text.contains("Index"),
        "{text}"
    );
    stack
        .postgres
        .execute("INSERT INTO users (email, created_at) SELECT n::text, now() FROM generate_series(1, 150000) n; ANALYZE users")
        .await?;
    let output = explain("users")?;
    let text = String::from_utf8(output.stdout)?;
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("WARNING: sequential scan of users"), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_listed_done_once_and_skipped_with_a_reason() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    for (name, secret) in [("id", stack::s3::ACCESS_KEY), ("key", stack::s3::SECRET_KEY)] {
        std::fs::write(folder.path().join(name), secret)?;
    }
    let root = folder.path().display();
    let mut places = vec![format!("directory: {root}/tasks")];
    let servers = stack::s3::S3::each().await?;
    for s3 in &servers {
        s3.put("records", "other/keep", b"")?;
        places.push(format!(
            "s3: {{bucket: records, prefix: tasks/, endpoint: 'http://127.0.0.1:{}', pathStyle: true, accessKeyIdFile: {root}/id, secretAccessKeyFile: {root}/key}}",
            s3.port
        ));
    }
    let config = folder.path().join("checklist.yaml");
    let task = |arguments: &[&str]| -> anyhow::Result<(bool, String)> {
        let output = Command::new(program("checklist-exporter")?)
            .arg("task")
            .arg("--config")
            .arg(&config)
            .args(arguments)
            .output()?;
        Ok((output.status.success(), String::from_utf8([output.stdout, output.stderr].concat())?))
    };
    std::fs::create_dir(folder.path().join("tasks"))?;
    for place in places {
        std::fs::write(
            &config,
            format!("tasks:\n  since: 2026-01-01\n  {place}\n  change: {{compliance_renewal: {{enabled: false}}}}\n"),
        )?;
        let (_, text) = task(&["list"])?;
        assert!(text.contains("dr_drill") && !text.contains("compliance_renewal"), "{text}");
        let (_, text) = task(&["show", "dr_drill"])?;
        assert!(
            text.contains("second Monday of January, April, July, October") && text.contains("1. Schedule the drill"),
            "{text}"
        );
        let (good, text) = task(&[
            "done",
            "dr_drill",
            "--by",
            "ann",
            "--note",
            "restored in 40 minutes",
            "--evidence",
            "https://wiki/1",
        ])?;
        assert!(good && text.contains("; dr_drill is next on"), "{text}");
        let (good, text) = task(&["done", "dr_drill", "--by", "bob"])?;
        assert!(!good && text.contains("is already recorded by ann"), "{text}");
        assert!(task(&["done", "dr_drill", "--by", "bob", "--again"])?.0);
        for (arguments, part) in [
            (&["done", "dr_dril", "--by", "bob"][..], "unknown task dr_dril (did you mean dr_drill?); known tasks: "),
            (&["done", "audit_review", "--by", "bob", "--at", "2099-01-01T00:00:00Z"], "is in the future"),
            (&["done", "audit_review", "--by", "bob", "--evidence", "drawer"], "--evidence must be a URL"),
            (&["skip", "audit_review", "--by", "bob", "--reason", " "], "skipping a task requires a reason"),
        ] {
            let (good, text) = task(arguments)?;
            assert!(!good && text.contains(part), "{text}");
        }
        assert!(task(&["skip", "audit_review", "--by", "bob", "--reason", "no changes"])?.0);
        let (_, text) = task(&["show", "audit_review"])?;
        assert!(text.contains("skipped by bob: no changes"), "{text}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn records_written_by_several_processes_are_all_kept() -> anyhow::Result<()> {
    for s3 in stack::s3::S3::each().await? {
        records_of_several_programs(&s3).await.with_context(|| s3.name())?;
    }
    Ok(())
}

async fn records_of_several_programs(s3: &stack::s3::S3) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    s3.put("records", "other/keep", b"")?;
    for (name, secret) in [("id", stack::s3::ACCESS_KEY), ("key", stack::s3::SECRET_KEY)] {
        std::fs::write(folder.path().join(name), secret)?;
    }
    let tasks = folder.path().join("tasks");
    std::fs::create_dir(&tasks)?;
    let root = folder.path().display();
    let config = folder.path().join("checklist.yaml");
    let bucket = format!(
        "s3: {{bucket: records, prefix: tasks/, endpoint: 'http://127.0.0.1:{}', pathStyle: true, accessKeyIdFile: {root}/id, secretAccessKeyFile: {root}/key}}",
        s3.port
    );
    let path = program("checklist-exporter")?;
    let task = |arguments: &[&str]| {
        let mut command = Command::new(&path);
        command.arg("task").arg("--config").arg(&config).args(arguments);
        command
    };
    for (place, foreign) in [(format!("directory: {root}/tasks"), 1), (bucket, 2)] {
        std::fs::write(&config, format!("tasks:\n  since: 2026-01-01\n  {place}\n"))?;
        if foreign == 1 {
            // A line that was truncated on a full disk, and a file of another program.
            std::fs::write(tasks.join("records.jsonl"), "{\"at\": \"2026-01-02T00:00:00Z\", \"by\"")?;
            std::fs::write(tasks.join("notes.txt"), "hello")?;
        } else {
            s3.put("records", "tasks/notes.txt", b"hello")?;
            s3.put("records", "tasks/dump", &vec![b'x'; 100_000])?;
        }
        let writers: Vec<_> = (0..6)
            .map(|n| {
                let by = format!("ann{n}");
                let mut command = task(&["done", "audit_review", "--again", "--by", &by]);
                command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn()
            })
            .collect::<Result<_, _>>()?;
        for mut writer in writers {
            assert!(writer.wait()?.success());
        }
        let output = task(&["list"]).output()?;
        let (printed, log) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        assert!(printed.contains("2 task records cannot be read; the log lists them"), "{printed}");
        assert!(log.matches("ignoring ").count() == 2 && log.contains("notes.txt"), "{log}");
        let shown = String::from_utf8(task(&["show", "audit_review"]).output()?.stdout)?;
        assert_eq!((0..6).filter(|n| shown.contains(&format!("done by ann{n}"))).count(), 6, "{shown}");
    }
    // If two programs create the same record at the same time, one record is stored and the second request is refused.
    let checklist::config::RecordPlace::S3(prefix) =
        checklist::Config::parse("c", &std::fs::read_to_string(&config)?)?.watched.tasks.context("no tasks")?.place
    else {
        anyhow::bail!("not in a bucket")
    };
    // The programs install it once at their start.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let place = checklist::config::RecordPlace::S3(prefix);
    let act = clients::records::Act::Skipped { task: "audit_review".to_owned(), reason: "twice".to_owned() };
    let record = clients::records::Record { at: jiff::Timestamp::now(), by: "bob".to_owned(), act };
    clients::records::append(&place, &record).await?;
    let again = clients::records::append(&place, &record).await.map_err(|error| format!("{error:#}"));
    // The stored record is the same. The response could have been lost, so this is not a failure.
    assert_eq!(again, Ok(()));
    let records = clients::records::Records::read(&place, jiff::Timestamp::now())
        .await
        .map_err(|f| anyhow::anyhow!(f.message))?;
    assert_eq!(records.list.iter().filter(|known| **known == record).count(), 1);
    Ok(())
}
