//! Many targets in one process, beside Debian's exporters on the same work.

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

/// Time over which use is measured.
const WINDOW: Duration = Duration::from_mins(1);
/// The interval of the comparison.
const SCRAPE: Duration = Duration::from_secs(30);

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
    println!(
        "The same work every {} s: one database (connections, table statistics, sizes), one TLS endpoint.",
        SCRAPE.as_secs()
    );
    let authority = Authority::new(folder.path())?;
    let health = Health::start(authority.issue("localhost", 60)?).await?;
    std::fs::write(folder.path().join("pg-password"), PASSWORD)?;
    let text = format!(
        "postgres:\n  - {{name: db, host: 127.0.0.1, port: {}, database: orchestrator, user: checklist, passwordFile: {}, tls: disable, application: false, skip: [slow_queries, maintenance, indexes, bloat]}}\n\
         certificates:\n  - {{name: web, address: 'localhost:{}', caFile: {}}}\n\
         checks: {{connections: {{interval: 30s}}, seq_scans: {{interval: 30s}}, database_size: {{interval: 30s}}, certificates: {{interval: 30s}}}}\n",
        postgres.port,
        folder.path().join("pg-password").display(),
        health.server.port,
        authority.ca_file.display(),
    );
    let (_exporter, url, id) = crate::exporter(folder.path(), &text).await?;
    let ours = measure("checklist-exporter", id, &url, &queries).await?;
    for (name, start) in [
        ("prometheus-postgres-exporter", postgres_exporter as fn(&Path, u16, u16) -> Command),
        ("prometheus-sql-exporter", sql_exporter),
        ("prometheus-blackbox-exporter", blackbox_exporter),
    ] {
        if Command::new(name).arg("--version").output().is_err() {
            println!("  {name} is not installed (apt-get install {name})");
            continue;
        }
        let port = free_port()?;
        let mut command = start(folder.path(), port, postgres.port);
        let mut process = Process::start(&mut command, name, folder.path(), Signal::SIGTERM)?;
        process
            .wait_until(|| async move { stack::http::is_up(&format!("http://127.0.0.1:{port}/metrics")).await })
            .await?;
        let url = if name.contains("blackbox") {
            format!("http://127.0.0.1:{port}/probe?module=tls&target=localhost:{}", health.server.port)
        } else {
            format!("http://127.0.0.1:{port}/metrics")
        };
        let theirs = measure(name, process.id(), &url, &queries).await?;
        println!(
            "  theirs / ours: scrape {:.1}, CPU {:.1}, memory {:.1}, transactions {:.1}",
            theirs.scrape / ours.scrape,
            theirs.cpu / ours.cpu.max(1e-9),
            theirs.memory / ours.memory,
            theirs.transactions / ours.transactions.max(1e-9)
        );
    }
    Ok(())
}

struct Figures {
    scrape: f64,
    cpu: f64,
    memory: f64,
    transactions: f64,
}

/// Scrapes at the interval for a window, then measures latency.
async fn measure<F: Future<Output = anyhow::Result<f64>>>(
    name: &str,
    id: u32,
    url: &str,
    queries: &impl Fn() -> F,
) -> anyhow::Result<Figures> {
    request(url, None, &[]).await?;
    let (cpu_before, queries_before, begun) = (cpu(id)?, queries().await?, Instant::now());
    while begun.elapsed() < WINDOW {
        request(url, None, &[]).await?;
        tokio::time::sleep(SCRAPE).await;
    }
    let hours = begun.elapsed().as_secs_f64() / 3600.0;
    let cpu = (cpu(id)? - cpu_before) / hours;
    // One transaction of the two questions is ours.
    let transactions = (queries().await? - queries_before - 1.0) / hours;
    let memory = resident(id)?;
    println!("  {name}: {cpu:.1} CPU s per hour, {memory:.1} MiB resident, {transactions:.0} transactions per hour");
    let scrape = latency(name, url, &[]).await?;
    Ok(Figures { scrape, cpu, memory, transactions })
}

/// Fifty databases, two hundred TLS endpoints and a hundred backups in one process.
async fn many(folder: &Path, postgres: &Postgres) -> anyhow::Result<()> {
    let authority = Authority::new(folder)?;
    let health = Health::start(authority.issue("localhost", 60)?).await?;
    let s3 = S3::start().await?;
    for (name, secret) in [("pg-password", "x"), ("s3-id", ACCESS_KEY), ("s3-key", SECRET_KEY)] {
        std::fs::write(folder.join(name), secret)?;
    }
    let (root, ca) = (folder.display(), authority.ca_file.display());
    let mut text = String::from("postgres:\n");
    // The role of the exporter may open five connections, so the superuser stands in for fifty servers.
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
    println!(
        "50 databases, 200 TLS endpoints, 100 backups: {} checks, {good} could look, {late} late; {:.1} MiB resident, {:.0} CPU s per hour, {} bytes",
        checks.len(),
        resident(id)?,
        (cpu(id)? - before.0) / hours,
        body.len()
    );
    latency("many targets", &url, &[]).await?;
    Ok(())
}

fn postgres_exporter(_: &Path, port: u16, postgres: u16) -> Command {
    let mut command = Command::new("prometheus-postgres-exporter");
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    command.env("DATA_SOURCE_NAME", format!("postgresql://postgres@127.0.0.1:{postgres}/orchestrator?sslmode=disable"));
    command
}

fn sql_exporter(folder: &Path, port: u16, postgres: u16) -> Command {
    let config = folder.join("sql_exporter.yml");
    let text = format!(
        "jobs:\n- name: ours\n  interval: '30s'\n  connections: ['postgres://postgres@127.0.0.1:{postgres}/orchestrator?sslmode=disable']\n  queries:\n  \
         - {{name: connections, help: c, labels: [state], values: [count], query: \"SELECT coalesce(state, '') AS state, count(*)::float AS count FROM pg_stat_activity GROUP BY 1\"}}\n  \
         - {{name: scans, help: s, labels: [relname], values: [seq], query: \"SELECT relname::text, seq_scan::float AS seq FROM pg_stat_user_tables\"}}\n  \
         - {{name: size, help: d, labels: [datname], values: [bytes], query: \"SELECT datname::text, pg_database_size(oid)::float AS bytes FROM pg_database\"}}\n"
    );
    // A missing file shows itself when the exporter does not start.
    let _ = std::fs::write(&config, text);
    let mut command = Command::new("prometheus-sql-exporter");
    command.arg(format!("-config.file={}", config.display())).arg(format!("-web.listen-address=127.0.0.1:{port}"));
    command
}

fn blackbox_exporter(folder: &Path, port: u16, _: u16) -> Command {
    let config = folder.join("blackbox.yml");
    let text = "modules:\n  tls:\n    prober: tcp\n    timeout: 5s\n    tcp: {tls: true, preferred_ip_protocol: ip4, tls_config: {insecure_skip_verify: true}}\n";
    let _ = std::fs::write(&config, text);
    let mut command = Command::new("prometheus-blackbox-exporter");
    command.arg(format!("--config.file={}", config.display())).arg(format!("--web.listen-address=127.0.0.1:{port}"));
    command
}
