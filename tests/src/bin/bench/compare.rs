//! Benchmarks: one exporter process with many targets, and comparisons with other exporters that do the same work.

use crate::measurements::version;
use crate::peers::{find, median};
use crate::usage::{cpu, latency, resident};
use nix::sys::signal::Signal;
use stack::http::request;
use stack::peers::{Authority, Health};
use stack::postgres::{PASSWORD, Postgres};
use stack::process::{Process, free_port};
use stack::s3::{ACCESS_KEY, S3, SECRET_KEY};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Time over which CPU and transactions are measured.
const WINDOW: Duration = Duration::from_secs(10);
/// Scrape interval of the comparison.
const SCRAPE: Duration = Duration::from_secs(1);
/// Number of times that both exporters are measured, in turn. The median of the rounds counts.
const ROUNDS: usize = 3;

pub(crate) async fn run() -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new()?;
    let postgres = Postgres::with_connections(120).await?;
    let queries = || async {
        let client = postgres.client().await?;
        let row =
            client.query_one("SELECT sum(xact_commit + xact_rollback)::float8 FROM pg_stat_database", &[]).await?;
        anyhow::Ok(row.get::<_, f64>(0))
    };
    many(folder.path(), &postgres).await?;
    crate::report!(
        "The same work every {} s: one database (connections, table statistics, sizes), or one TLS endpoint.",
        SCRAPE.as_secs()
    );
    let authority = Authority::new(folder.path())?;
    let health = Health::start(authority.issue("localhost", 60)?).await?;
    std::fs::write(folder.path().join("pg-password"), PASSWORD)?;
    let database = format!(
        "postgres:\n  - {{name: db, host: 127.0.0.1, port: {}, database: orchestrator, user: checklist, passwordFile: {}, tls: disable, application: false, skip: [slow_queries, maintenance, indexes, bloat]}}\n\
         checks: {{connections: {{interval: 1s}}, seq_scans: {{interval: 1s}}, database_size: {{interval: 1s}}}}\n",
        postgres.port,
        folder.path().join("pg-password").display(),
    );
    let certificate = format!(
        "certificates:\n  - {{name: web, address: 'localhost:{}', caFile: {}}}\nchecks: {{certificates: {{interval: 1s}}}}\n",
        health.server.port,
        authority.ca_file.display(),
    );
    for (name, packaged, start) in [
        (
            "postgres_exporter",
            "prometheus-postgres-exporter",
            postgres_exporter as fn(&Path, &Path, u16, u16) -> Command,
        ),
        ("sql_exporter", "prometheus-sql-exporter", sql_exporter),
        ("blackbox_exporter", "prometheus-blackbox-exporter", blackbox_exporter),
    ] {
        let Some(program) = find(name, packaged) else { continue };
        crate::report!("{}", version(&program));
        // Our exporter does the same work as the other one, and nothing else.
        let of_database = name != "blackbox_exporter";
        let text = if of_database { &database } else { &certificate };
        let (_exporter, url, id) = crate::exporter(folder.path(), text).await?;
        let port = free_port()?;
        let mut command = start(&program, folder.path(), port, postgres.port);
        let mut process = Process::start(&mut command, name, folder.path(), Signal::SIGTERM)?;
        process
            .wait_until(|| async move { stack::http::is_up(&format!("http://127.0.0.1:{port}/metrics")).await })
            .await?;
        let their_url = if name.contains("blackbox") {
            format!("http://127.0.0.1:{port}/probe?module=tls&target=localhost:{}", health.server.port)
        } else {
            format!("http://127.0.0.1:{port}/metrics")
        };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(measure("checklist-exporter", id, &url, &queries).await?);
            theirs.push(measure(name, process.id(), &their_url, &queries).await?);
        }
        let of = |all: &[Measurement], pick: fn(&Measurement) -> f64| median(&all.iter().map(pick).collect::<Vec<_>>());
        let ratio = |pick: fn(&Measurement) -> f64| of(&theirs, pick) / of(&ours, pick).max(1e-9);
        let transactions =
            if of_database { format!(", transactions {:.1}", ratio(|one| one.transactions)) } else { String::new() };
        crate::report!(
            "  theirs / ours: scrape {:.1}, CPU {:.1}, memory {:.1}{transactions}",
            ratio(|one| one.scrape),
            ratio(|one| one.cpu),
            ratio(|one| one.memory),
        );
    }
    Ok(())
}

/// Results of one measurement: scrape latency in milliseconds, CPU seconds per hour, resident memory in MiB,
/// transactions per hour.
struct Measurement {
    scrape: f64,
    cpu: f64,
    memory: f64,
    transactions: f64,
}

/// Scrapes at the interval for [`WINDOW`], then measures the latency of scrapes.
async fn measure<F: Future<Output = anyhow::Result<f64>>>(
    name: &str,
    id: u32,
    url: &str,
    queries: &impl Fn() -> F,
) -> anyhow::Result<Measurement> {
    request(url, None, &[]).await?;
    let (cpu_before, queries_before, begun) = (cpu(id)?, queries().await?, Instant::now());
    while begun.elapsed() < WINDOW {
        request(url, None, &[]).await?;
        tokio::time::sleep(SCRAPE).await;
    }
    let hours = begun.elapsed().as_secs_f64() / 3600.0;
    let cpu = (cpu(id)? - cpu_before) / hours;
    // `queries` itself makes one transaction between the two readings.
    let transactions = (queries().await? - queries_before - 1.0) / hours;
    let memory = resident(id)?;
    crate::report!(
        "  {name}: {cpu:.1} CPU s per hour, {memory:.1} MiB resident, {transactions:.0} transactions per hour"
    );
    let scrape = latency(name, url, &[]).await?;
    Ok(Measurement { scrape, cpu, memory, transactions })
}

/// Measures one process with 50 databases, 200 TLS endpoints and 100 backups.
async fn many(folder: &Path, postgres: &Postgres) -> anyhow::Result<()> {
    let authority = Authority::new(folder)?;
    let health = Health::start(authority.issue("localhost", 60)?).await?;
    let s3 = S3::start().await?;
    for (name, secret) in [("pg-password", "x"), ("s3-id", ACCESS_KEY), ("s3-key", SECRET_KEY)] {
        std::fs::write(folder.join(name), secret)?;
    }
    let (root, ca) = (folder.display(), authority.ca_file.display());
    let mut text = String::from("postgres:\n");
    // All fifty targets connect to one server. The exporter's role may open only five connections, so they use the
    // superuser.
    for n in 0..50 {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  - {{name: db{n}, host: 127.0.0.1, port: {}, database: orchestrator, user: postgres, tls: disable}}",
            postgres.port
        );
    }
    text += "certificates:\n";
    for n in 0..200 {
        let _ = writeln!(text, "  - {{name: web{n}, address: 'localhost:{}', caFile: {ca}}}", health.server.port);
    }
    text += "backups:\n";
    for n in 0..100 {
        s3.put("backups", &format!("{n}/dump"), b"PGDMP")?;
        let _ = writeln!(
            text,
            "  - {{name: b{n}, bucket: backups, prefix: {n}/, endpoint: 'http://127.0.0.1:{}', pathStyle: true, accessKeyIdFile: {root}/s3-id, secretAccessKeyFile: {root}/s3-key, format: pg_dump}}",
            s3.port
        );
    }
    let (_exporter, url, id) = crate::exporter(folder, &text).await?;
    let before = (cpu(id)?, Instant::now());
    tokio::time::sleep(WINDOW).await;
    let hours = before.1.elapsed().as_secs_f64() / 3600.0;
    let (_, body) = request(&url, None, &[]).await?;
    let page = String::from_utf8_lossy(&body);
    let of = |name: &str| {
        page.lines()
            .filter(|line| line.starts_with(name))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .collect::<Vec<_>>()
    };
    let checks = of("checklist_probe_success{");
    let good = checks.iter().filter(|value| **value > 0.0).count();
    let now = jiff::Timestamp::now().as_duration().as_secs_f64();
    let late = of("checklist_probe_last_run_timestamp_seconds{")
        .iter()
        .zip(of("checklist_probe_interval_seconds{"))
        .filter(|(last, interval)| now - **last > interval * 1.1)
        .count();
    crate::report!(
        "50 databases, 200 TLS endpoints, 100 backups: {} checks, {good} could look, {late} late; {:.1} MiB resident, {:.0} CPU s per hour, {} bytes",
        checks.len(),
        resident(id)?,
        (cpu(id)? - before.0) / hours,
        body.len()
    );
    latency("many targets", &url, &[]).await?;
    Ok(())
}

fn postgres_exporter(program: &Path, _: &Path, port: u16, postgres: u16) -> Command {
    let mut command = Command::new(program);
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    command.env("DATA_SOURCE_NAME", format!("postgresql://postgres@127.0.0.1:{postgres}/orchestrator?sslmode=disable"));
    command
}

fn sql_exporter(program: &Path, folder: &Path, port: u16, postgres: u16) -> Command {
    let config = folder.join("sql_exporter.yml");
    let text = format!(
        "jobs:\n- name: ours\n  interval: '1s'\n  connections: ['postgres://postgres@127.0.0.1:{postgres}/orchestrator?sslmode=disable']\n  queries:\n  \
         - {{name: connections, help: c, labels: [state], values: [count], query: \"SELECT coalesce(state, '') AS state, count(*)::float AS count FROM pg_stat_activity GROUP BY 1\"}}\n  \
         - {{name: scans, help: s, labels: [relname], values: [seq], query: \"SELECT relname::text, seq_scan::float AS seq FROM pg_stat_user_tables\"}}\n  \
         - {{name: size, help: d, labels: [datname], values: [bytes], query: \"SELECT datname::text, pg_database_size(oid)::float AS bytes FROM pg_database\"}}\n"
    );
    // If the file cannot be written, the exporter does not start and the benchmark fails there.
    let _ = std::fs::write(&config, text);
    let mut command = Command::new(program);
    command.arg(format!("-config.file={}", config.display())).arg(format!("-web.listen-address=127.0.0.1:{port}"));
    command
}

fn blackbox_exporter(program: &Path, folder: &Path, port: u16, _: u16) -> Command {
    let config = folder.join("blackbox.yml");
    let text = "modules:\n  tls:\n    prober: tcp\n    timeout: 5s\n    tcp: {tls: true, preferred_ip_protocol: ip4, tls_config: {insecure_skip_verify: true}}\n";
    let _ = std::fs::write(&config, text);
    let mut command = Command::new(program);
    command.arg(format!("--config.file={}", config.display())).arg(format!("--web.listen-address=127.0.0.1:{port}"));
    command
}
