//! Restore tests of real `pg_dump` output in every format. Nothing is left behind, however a run ends.

mod features;
mod given;
mod hostile;
mod majors;
mod tls;

use anyhow::Context;
use checklist::Config;
use futures::StreamExt;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use stack::cluster::Cluster;
use stack::http::{response, serve};
use stack::postgres::{PASSWORD, Postgres};
use stack::process::Process;
use stack::s3::{ACCESS_KEY, S3, SECRET_KEY};
use stack::stack::program;
use stack::waiting::eventually;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;

const USERS: &str = "{name: users, query: SELECT count(*) FROM users, atLeast: 100}";
const SLOW: &str = "{name: users, query: 'SELECT count(*) FROM users, pg_sleep(120)'}";

/// A database, a bucket, and the folders of `verify-backup`.
struct World {
    postgres: Postgres,
    s3: S3,
    folder: TempDir,
    /// Further PostgreSQL programs of this machine.
    path: Option<PathBuf>,
}

impl World {
    /// Starts the servers, with versitygw as the S3 server where it is built; `e2e` uses the other S3 server.
    async fn start() -> anyhow::Result<Self> {
        Self::around(Postgres::start().await?, S3::each().await?.pop().context("no S3")?)
    }

    fn around(postgres: Postgres, s3: S3) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("proofs").tempdir()?;
        for name in ["tasks", "work"] {
            std::fs::create_dir(folder.path().join(name))?;
        }
        for (name, secret) in [("id", ACCESS_KEY), ("key", SECRET_KEY), ("password", PASSWORD)] {
            std::fs::write(folder.path().join(name), secret)?;
        }
        // The programs run as another user, who must be able to read the files.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open)?;
        Ok(Self { postgres, s3, folder, path: None })
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn configure(&self, format: &str, server: &str, checks: &str) -> anyhow::Result<()> {
        self.configure_at(&at(self.s3.port), format, server, checks)
    }

    fn configure_at(&self, place: &str, format: &str, server: &str, checks: &str) -> anyhow::Result<()> {
        let folder = self.folder.path().display();
        let yaml = format!(
            "backups:
  - {{name: daily, bucket: backups, prefix: daily/, {place}, pathStyle: true,
     accessKeyIdFile: {folder}/id, secretAccessKeyFile: {folder}/key, format: {format},
     restore: {{{server} checks: [{checks}]}}}}
postgres:
  - {{name: orchestrator, host: localhost, port: {}, database: orchestrator, user: checklist, passwordFile: {folder}/password, tls: disable}}
tasks: {{since: 2026-01-01, directory: {folder}/tasks}}
",
            self.postgres.port
        );
        Ok(std::fs::write(self.folder.path().join("checklist.yaml"), yaml)?)
    }

    fn upload(&self, bytes: &[u8]) -> anyhow::Result<()> {
        self.s3.put("backups", self.key(), bytes)
    }

    /// Returns the key of the backup, with special characters where the S3 server allows them.
    fn key(&self) -> &'static str {
        if self.s3.name() == "versitygw" { "daily/n\u{e4}chtlich a+b&c=d%41'.dump" } else { "daily/newest" }
    }

    fn command(&self, work: &Path) -> anyhow::Result<Command> {
        let mut command = Command::new(program("checklist-exporter")?);
        command.args(["verify-backup", "daily", "--config"]).arg(self.folder.path().join("checklist.yaml"));
        command.env("TMPDIR", work);
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        Ok(command)
    }

    fn verify(&self) -> anyhow::Result<(Option<i32>, String)> {
        self.verify_in(&self.work())
    }

    fn verify_in(&self, work: &Path) -> anyhow::Result<(Option<i32>, String)> {
        let output = self.command(work)?.output()?;
        let left = left(work)?;
        anyhow::ensure!(left.is_empty(), "left behind: {left:?}");
        Ok((output.status.code(), String::from_utf8([output.stdout, output.stderr].concat())?))
    }

    /// Returns the newest record.
    fn record(&self) -> anyhow::Result<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("tasks/records.jsonl")).unwrap_or_default();
        Ok(text.lines().next_back().map(serde_json::from_str).transpose()?.unwrap_or(Value::Null))
    }

    /// Starts a run, and sends a signal some time after its log reports the end of a stage, or a flag is set.
    async fn end_after(&self, printed: &str, seen: &AtomicBool, with: Signal) -> anyhow::Result<Process> {
        let mut command = self.command(&self.work())?;
        // Removes the log of the previous run.
        let _ = std::fs::remove_file(self.folder.path().join("proof.log"));
        let process = Process::start(&mut command, "proof", self.folder.path(), Signal::SIGKILL)?;
        let wanted = format!("{printed} seconds=");
        let is_over = || async { Ok(process.log().contains(&wanted) || seen.load(Ordering::Relaxed)) };
        eventually(printed, is_over).await.with_context(|| process.log())?;
        // During the next stage, at a different moment in each test.
        tokio::time::sleep(Duration::from_millis(40)).await;
        kill(Pid::from_raw(i32::try_from(process.id())?), with)?;
        Ok(process)
    }
}

/// Returns the address of an S3 server without TLS.
fn at(port: u16) -> String {
    format!("endpoint: 'http://127.0.0.1:{port}'")
}

/// Returns the files in a folder, and the processes that work in it.
fn left(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut left: Vec<String> =
        std::fs::read_dir(folder)?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        if std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder)) {
            let name = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            left.push(format!("{}: {}", entry.path().display(), name.replace('\0', " ")));
        }
    }
    Ok(left)
}

fn gzip(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn dumps_of_every_format_are_restored_and_damaged_ones_are_detected() -> anyhow::Result<()> {
    let world = World::start().await?;
    world
        .postgres
        .execute("CREATE TABLE beats (at timestamptz); INSERT INTO beats SELECT now() - interval '2 hours'")
        .await?;
    let checks = format!("{USERS}, {{name: beats, query: SELECT max(at) FROM beats;, notOlderThan: 26h}}");
    let (custom, text, tar) = (world.postgres.dump()?, world.postgres.dump_as("-Fp")?, world.postgres.dump_as("-Ft")?);
    let zstd = |bytes: &[u8]| zstd::stream::encode_all(bytes, 1);
    for (format, bytes) in [
        ("pg_dump", custom.clone()),
        ("pg_dump.gz", gzip(&custom)?),
        ("gzip", gzip(&text)?),
        ("zstd", zstd(&text)?),
        ("zstd", zstd(&custom)?),
        ("gzip", gzip(&tar)?),
    ] {
        world.configure(format, "", &checks)?;
        world.upload(&bytes)?;
        let (code, printed) = world.verify()?;
        assert!(code == Some(0) && printed.contains("users 200, beats 20"), "{format}: {printed}");
        let record = world.record()?;
        assert!(record["passed"] == true && record["answers"]["users"] == 200.0, "{record}");
        let age = jiff::Timestamp::now().as_second() as f64 - record["newest"]["beats"].as_f64().unwrap_or_default();
        assert!((7_000.0..8_000.0).contains(&age), "{record}");
        // Truncated in the middle of a compressed stream, or in the middle of the dump inside a complete stream.
        world.upload(&bytes[..bytes.len() * 2 / 3])?;
        let (code, printed) = world.verify()?;
        assert!(code == Some(1) && printed.contains("NOT good"), "{format}: {printed}");
        assert!(world.record()?["passed"] == false && world.record()?["unknown"].is_null(), "{}", world.record()?);
    }
    world.configure("gzip", "", USERS)?;
    world.upload(&gzip(&text[..text.len() * 2 / 3])?)?;
    let (code, printed) = world.verify()?;
    assert!(code == Some(1) && printed.contains("the dump is truncated"), "{printed}");
    // A failing statement in plain SQL, while missing roles are ignored.
    let broken = String::from_utf8(text.clone())?.replacen("CREATE TABLE", "CREATE TABEL", 1);
    world.upload(&gzip(broken.as_bytes())?)?;
    let (code, printed) = world.verify()?;
    assert!(code == Some(1) && printed.contains("syntax error") && printed.contains("TABEL"), "{printed}");
    // A changed byte in the data of an uncompressed archive.
    let mut flipped = custom.clone();
    let middle = flipped.len() * 2 / 3;
    flipped[middle] ^= 0xff;
    world.configure("pg_dump", "", USERS)?;
    world.upload(&flipped)?;
    let (code, printed) = world.verify()?;
    assert!(code == Some(1) && printed.contains("NOT good"), "{printed}");
    // A complete dump that is too old, or has no rows.
    for (query, part) in [
        ("SELECT max(at) FROM beats", "the newest row is 2.0 h old, more than 1.0 h"),
        ("SELECT max(at) FROM beats WHERE false", "returned no row"),
    ] {
        world.configure("pg_dump", "", &format!("{{name: beats, query: {query}, notOlderThan: 1h}}"))?;
        world.upload(&custom)?;
        let (code, printed) = world.verify()?;
        assert!(code == Some(1) && printed.contains(part), "{printed}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_test_ended_in_any_stage_leaves_nothing_and_is_recorded() -> anyhow::Result<()> {
    let world = World::start().await?;
    let never = AtomicBool::new(false);
    // A server that sends the beginning of an object and then nothing.
    let begun = Arc::new(AtomicBool::new(false));
    let sending = Arc::clone(&begun);
    let stalled = serve(None, move |request| {
        let sending = Arc::clone(&sending);
        async move {
            if request.uri().query().is_some_and(|query| query.contains("list-type")) {
                let list = "<?xml version=\"1.0\"?><ListBucketResult><Name>backups</Name><IsTruncated>false</IsTruncated><Contents><Key>daily/x</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified><Size>1000000</Size></Contents></ListBucketResult>";
                return response(200, "application/xml", list);
            }
            sending.store(true, Ordering::Relaxed);
            let first = futures::stream::iter([Ok(hyper::body::Frame::data(bytes::Bytes::from_static(&[7; 1000])))]);
            let body = http_body_util::StreamBody::new(first.chain(futures::stream::pending()));
            hyper::Response::new(http_body_util::BodyExt::boxed_unsync(body))
        }
    })
    .await?;
    let text = String::from_utf8(world.postgres.dump_as("-Fp")?)?;
    let sleepy = text.replacen("CREATE TABLE", "SELECT pg_sleep(120);\nCREATE TABLE", 1);
    // A stream that begins like a dump and never ends.
    let begin = std::io::Read::chain(&b"--\n-- PostgreSQL database dump\n--\n"[..], std::io::repeat(0));
    let zeros = zstd::stream::encode_all(std::io::Read::take(begin, 2 << 30), 1)?;
    let text = text.into_bytes();
    for (stage, after, format, bytes, checks) in [
        ("download", "", "gzip", Vec::new(), USERS),
        ("decompress", "download", "zstd", zeros, USERS),
        ("start", "contents", "gzip", gzip(&text)?, USERS),
        ("restore", "start", "gzip", gzip(sleepy.as_bytes())?, USERS),
        ("checks", "restore", "gzip", gzip(&text)?, SLOW),
    ] {
        let s3 = if stage == "download" { stalled.port } else { world.s3.port };
        world.configure_at(&at(s3), format, "", checks)?;
        world.upload(&bytes)?;
        let seen = if stage == "download" { &*begun } else { &never };
        let mut process =
            world.end_after(if after.is_empty() { "nothing" } else { after }, seen, Signal::SIGTERM).await?;
        let code = process.wait()?;
        assert_eq!(code, Some(2), "{stage}: {}", process.log());
        assert!(process.log().contains("ended by SIGTERM"), "{stage}: {}", process.log());
        assert!(!process.log().contains(&format!("{stage} seconds=")), "{stage} was over: {}", process.log());
        assert_eq!(left(&world.work())?, Vec::<String>::new(), "{stage}");
        let record = world.record()?;
        assert!(record["unknown"] == true && record["passed"] == false, "{stage}: {record}");
    }
    // The terminal is closed (SIGHUP).
    world.configure("gzip", "", SLOW)?;
    world.upload(&gzip(&text)?)?;
    let mut process = world.end_after("restore", &never, Signal::SIGHUP).await?;
    assert_eq!(process.wait()?, Some(2), "{}", process.log());
    assert!(process.log().contains("ended by SIGHUP"), "{}", process.log());
    assert_eq!(left(&world.work())?, Vec::<String>::new());
    // The run is killed. The next run removes what it left.
    world.configure("gzip", "", USERS)?;
    world.upload(&gzip(sleepy.as_bytes())?)?;
    let mut process = world.end_after("start", &never, Signal::SIGKILL).await?;
    process.wait()?;
    assert!(left(&world.work())?.len() > 1, "nothing to remove");
    world.upload(&gzip(&text)?)?;
    let (code, printed) = world.verify()?;
    assert!(code == Some(0) && printed.contains("which a killed run has left"), "{printed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_restore_test_needs_no_right_to_create_its_lease_and_leaves_nothing_when_it_is_lost() -> anyhow::Result<()> {
    let world = World::start().await?;
    let cluster = Cluster::shared().await?;
    let (api, namespace) = (cluster.admin().await?, cluster.namespace("restore").await?);
    world.configure("gzip", "", SLOW)?;
    let config = world.folder.path().join("checklist.yaml");
    let text = std::fs::read_to_string(&config)?;
    let section =
        format!("kubernetes: [{{name: k, namespaces: [{namespace}]}}]\nhighAvailability: {{kubernetes: k}}\n");
    // Exactly the rights of the job's service account, and the empty leases.
    let inside = Config::parse("checklist.yaml", &(text.clone() + &section))?;
    let mut rights = rules_gen::outputs::access::kubernetes(&inside, "k");
    let items = rights["items"].as_array_mut().context("a list")?;
    items.retain(|item| item["metadata"]["name"] == "checklist-exporter-jobs" || item["kind"] == "Lease");
    assert!(items.iter().any(|item| item["kind"] == "Role") && !rights.to_string().contains("create"), "{rights}");
    cluster.apply(&namespace, &rights.to_string())?;
    let kubeconfig = world.folder.path().join("kubeconfig");
    let token = cluster.token(&namespace, "checklist-exporter-jobs").await?;
    std::fs::write(&kubeconfig, cluster.kubeconfig(&token))?;
    let outside = section.replace("{name: k", &format!("{{name: k, kubeconfig: {}", kubeconfig.display()));
    std::fs::write(&config, text + &outside)?;
    let lease =
        format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/checklist-exporter-verify-backup-daily");
    let holder = async || anyhow::Ok(api.get(&lease).await?["spec"]["holderIdentity"].clone());
    assert_eq!(holder().await?, Value::Null);
    world.upload(&gzip(&world.postgres.dump_as("-Fp")?)?)?;
    let mut process =
        Process::start(&mut world.command(&world.work())?, "proof", world.folder.path(), Signal::SIGKILL)?;
    eventually("it has restored", || async { Ok(process.log().contains("restore seconds=")) }).await?;
    assert!(holder().await?.is_string(), "it works without its lease");
    api.patch(&lease, &json!({"spec": {"holderIdentity": "another", "leaseDurationSeconds": 15}})).await?;
    assert_eq!(process.wait()?, Some(2), "{}", process.log());
    assert!(process.log().contains("ended by the loss of its lease"), "{}", process.log());
    assert_eq!(left(&world.work())?, Vec::<String>::new());
    let record = world.record()?;
    assert!(record["unknown"] == true && record["why"].as_str().is_some_and(|why| why.contains("lease")), "{record}");
    assert_eq!(holder().await?, "another", "it gave away what was not its own");
    cluster.remove(&namespace).await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(is_root), ignore = "not root: a small file system needs a mount")]
async fn a_full_disk_is_not_a_bad_backup_and_leaves_no_files() -> anyhow::Result<()> {
    let world = World::start().await?;
    world
        .postgres
        .execute("CREATE TABLE large AS SELECT n, repeat(md5(n::text), 30) AS filler FROM generate_series(1, 60000) n")
        .await?;
    world.configure("pg_dump", "", USERS)?;
    world.upload(&world.postgres.dump()?)?;
    for (size, stage) in [("1m", "download"), ("30m", "start"), ("110m", "restore")] {
        let small = Mount::of(world.folder.path().join("small"), size)?;
        let (code, printed) = world.verify_in(&small.0)?;
        assert!(code == Some(2) && printed.contains("the backup could not be verified"), "{size}: {printed}");
        assert!(printed.contains("No space left"), "{size}: {printed}");
        assert!(!printed.contains(&format!("{stage} seconds=")), "{size}: {printed}");
        assert_eq!(world.record()?["unknown"], true);
    }
    // If the record cannot be written either, both problems are reported.
    world.configure("pg_dump", "", "{name: users, query: SELECT count(*) FROM users, atLeast: 900}")?;
    let tasks = Mount::of(world.folder.path().join("tasks"), "4k")?;
    std::fs::write(tasks.0.join("filler"), [0; 4096])?;
    let (code, printed) = world.verify()?;
    assert!(
        code == Some(2) && printed.contains("cannot record the result") && printed.contains("expected at least 900"),
        "{printed}"
    );
    Ok(())
}

/// A mounted file system, which is removed when the value is dropped.
struct Mount(PathBuf);

impl Mount {
    fn of(path: PathBuf, size: &str) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&path)?;
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=755"), "none"])
            .arg(&path)
            .status()?;
        anyhow::ensure!(status.success(), "mount: {status}");
        Ok(Self(path))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
