//! `postgres_exporter` instead of our probes: the same alerts at the same time, on a real server. The releases in
//! target/parts/peers are used; their pages are recorded beside `tests/sources.rs`, which replays them without the
//! programs.

use super::{database, jobs, run};
use nix::sys::signal::Signal;
use stack::http::{is_up, request};
use stack::postgres::Postgres;
use stack::process::{Process, free_port};
use stack::sources::{POSTGRES_EXPORTER, Page, differences, is_known, names};
use stack::waiting::eventually;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use tokio_postgres::Client;

async fn start(program: &Path, port: u16, folder: &Path) -> anyhow::Result<(Process, String)> {
    let own = free_port()?;
    let mut command = Command::new(program);
    command.arg(format!("--web.listen-address=127.0.0.1:{own}"));
    let address = format!("postgresql://watcher:w@127.0.0.1:{port}/orchestrator?sslmode=disable");
    command.env("DATA_SOURCE_NAME", address);
    let mut process = Process::start(&mut command, "postgres_exporter", folder, Signal::SIGTERM)?;
    let url = format!("http://127.0.0.1:{own}/metrics");
    process.wait_until(|| is_up(&url)).await?;
    Ok((process, url))
}

async fn connect(port: u16, user: &str, database: &str, count: usize, kept: &mut Vec<Client>) -> anyhow::Result<()> {
    for _ in 0..count {
        let address = format!("host=127.0.0.1 port={port} user={user} password=p dbname={database}");
        let (client, connection) = tokio_postgres::connect(&address, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        client.simple_query("SELECT 1").await?;
        kept.push(client);
    }
    Ok(())
}

/// Returns the page of our probes, followed by the page of each other exporter.
async fn pages(yaml: &str, urls: &[String]) -> anyhow::Result<Vec<String>> {
    let mut own = String::new();
    for job in jobs(yaml).iter().filter(|job| POSTGRES_EXPORTER.checks.contains(&job.state().check.signal.id)) {
        let seen = run(job).await;
        assert_eq!(seen.reason, None, "{}", seen.words);
        own += &seen.page;
    }
    // Each page has series about the exporter itself, which are left out.
    let mut lines: Vec<&str> = own.lines().filter(|line| line.starts_with("checklist_postgres_")).collect();
    lines.sort_unstable();
    lines.dedup();
    let mut all = vec![lines.join("\n")];
    for url in urls {
        let (status, body) = request(url, None, &[]).await?;
        anyhow::ensure!(status == 200, "{url}: {status}");
        all.push(String::from_utf8(body.to_vec())?);
    }
    Ok(all)
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(has_postgresql, has_postgres_exporter)),
    ignore = "no PostgreSQL 13 to 18 (make parts), or no postgres_exporter in a folder of target/parts/peers"
)]
async fn postgres_exporter_causes_the_same_alerts_as_the_probes() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let settings = ["max_connections=100", "superuser_reserved_connections=2", "reserved_connections=18"];
    let postgres = Postgres::of_version(18, &settings).await?;
    for sql in [
        "CREATE ROLE watcher LOGIN PASSWORD 'w' IN ROLE pg_monitor",
        "CREATE ROLE shop LOGIN PASSWORD 'p'",
        "CREATE ROLE narrow LOGIN PASSWORD 'p' CONNECTION LIMIT 5",
        "CREATE DATABASE second CONNECTION LIMIT 20",
        "CREATE TABLE large AS SELECT n, repeat('x', 60) AS text FROM generate_series(1, 30000) AS n",
        "CREATE TABLE indexed AS SELECT * FROM large",
        "CREATE UNIQUE INDEX ON indexed (n)",
        "CREATE TABLE small AS SELECT 1 AS n",
        "VACUUM ANALYZE",
    ] {
        postgres.execute(sql).await?;
    }
    let mut yaml = database(postgres.port, &folder, "application: false")?;
    let entry = yaml.lines().nth(1).unwrap_or_default();
    yaml += &format!(
        "{}\n{}",
        entry.replace("name: db", "name: second").replace("orchestrator", "second"),
        POSTGRES_EXPORTER.limits
    );
    let (mut processes, mut urls) = (Vec::new(), Vec::new());
    let releases = POSTGRES_EXPORTER.releases();
    for (name, program) in &releases {
        let own = folder.path().join(name);
        std::fs::create_dir_all(&own)?;
        let (process, url) = start(program, postgres.port, &own).await?;
        processes.push(process);
        urls.push(url);
    }
    let mut read: Vec<Vec<Page>> = vec![Vec::new(); urls.len() + 1];
    let mut collect = |texts: Vec<String>| {
        for (kept, text) in read.iter_mut().zip(texts) {
            kept.push(Page::new(&text));
        }
    };
    collect(pages(&yaml, &urls).await?);
    let mut kept = Vec::new();
    connect(postgres.port, "shop", "orchestrator", 45, &mut kept).await?;
    connect(postgres.port, "shop", "second", 17, &mut kept).await?;
    connect(postgres.port, "narrow", "orchestrator", 5, &mut kept).await?;
    kept[0].batch_execute("BEGIN; SELECT 1").await?;
    let client = postgres.client().await?;
    for _ in 0..80 {
        client.simple_query("SELECT count(*) FROM large; SELECT count(*) FROM small").await?;
        client.simple_query("SELECT text FROM indexed WHERE n = 7").await?;
    }
    client.batch_execute("INSERT INTO large SELECT n, repeat('y', 60) FROM generate_series(1, 200000) AS n").await?;
    drop(client);
    eventually("the scans are counted", || async {
        let sql = "SELECT seq_scan, seq_tup_read FROM pg_stat_user_tables WHERE relname = 'large'";
        let row = postgres.client().await?.query_one(sql, &[]).await?;
        Ok(row.get::<_, i64>(0) >= 80)
    })
    .await?;
    collect(pages(&yaml, &urls).await?);
    POSTGRES_EXPORTER.record(POSTGRES_EXPORTER.probes, &read[0])?;
    for ((release, _), pages) in releases.iter().zip(&read[1..]) {
        POSTGRES_EXPORTER.record(&format!("{}-{release}", POSTGRES_EXPORTER.name), pages)?;
    }
    let ours = POSTGRES_EXPORTER.alerts(false, &read[0]).await?;
    assert_eq!(names(&ours).len(), 6, "{:?}", names(&ours));
    let mut wrong = Vec::new();
    for ((release, _), pages) in releases.iter().zip(&read[1..]) {
        let theirs = POSTGRES_EXPORTER.alerts(true, pages).await?;
        let differences = differences(&ours, &theirs).into_iter();
        let differences = differences.map(|line| format!("{}-{release}: {line}", POSTGRES_EXPORTER.name));
        wrong.extend(differences.filter(|line| !is_known(line)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
