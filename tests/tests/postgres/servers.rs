//! Metrics of a server, which are reported once: connections and limits.

use super::{check, database, jobs, run};
use checklist::Verdict;
use stack::postgres::Postgres;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgresql), ignore = "no PostgreSQL 13 to 18 (make parts)")]
async fn reserved_connections_and_limits_of_roles_and_databases_are_considered() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    for (major, settings, limit) in [
        (15, &["superuser_reserved_connections=5"][..], 35.0),
        (18, &["superuser_reserved_connections=3", "reserved_connections=4"], 33.0),
    ] {
        let postgres = Postgres::of_version(major, settings).await?;
        postgres.execute("CREATE ROLE narrow LOGIN PASSWORD 'n' CONNECTION LIMIT 5; CREATE ROLE single LOGIN CONNECTION LIMIT 2; ALTER DATABASE orchestrator CONNECTION LIMIT 10").await?;
        let yaml = database(postgres.port, &folder, "")?;
        let seen = check(&yaml, "connections").await;
        assert_eq!(seen.value(&["checklist_postgres_connections_limit{"]), Some(limit), "{major}: {}", seen.page);
        let of_database = seen.value(&["checklist_postgres_database_connections_limit{", "orchestrator"]);
        assert_eq!(of_database, Some(10.0), "{}", seen.page);
        let address = format!("host=127.0.0.1 port={} user=narrow password=n dbname=orchestrator", postgres.port);
        let mut kept = Vec::new();
        for _ in 0..5 {
            let (client, connection) = tokio_postgres::connect(&address, tokio_postgres::NoTls).await?;
            tokio::spawn(connection);
            kept.push(client);
        }
        let seen = check(&yaml, "connections").await;
        seen.is(Verdict::Critical);
        assert!(seen.words.contains("role=narrow"), "{major}: {}", seen.words);
        assert_eq!(seen.value(&["checklist_postgres_role_connections{", "narrow"]), Some(5.0), "{}", seen.page);
        assert_eq!(seen.value(&["checklist_postgres_role_connections_limit{", "single"]), None, "its pool is full");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_databases_of_one_server_report_server_metrics_once() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::with_connections(100).await?;
    let client = postgres.client().await?;
    for n in 1..=60 {
        client.batch_execute(&format!("CREATE DATABASE d{n} STRATEGY file_copy")).await?;
    }
    client.batch_execute("ALTER ROLE checklist CONNECTION LIMIT -1").await?;
    let mut yaml = database(postgres.port, &folder, "application: false")?;
    let entry = yaml.lines().nth(1).unwrap_or_default().to_owned();
    for n in 1..=60 {
        let entry = entry.replace("name: db", &format!("name: d{n}")).replace("orchestrator", &format!("d{n}"));
        yaml += &format!("{entry}\n");
    }
    let jobs = jobs(&yaml);
    let of = |check: &str| jobs.iter().filter(|job| job.state().check.signal.id == check).cloned().collect::<Vec<_>>();
    assert_eq!((of("connections").len(), of("slow_queries").len(), of("database_size").len()), (1, 1, 61));
    let mut sizes = 0;
    for job in of("database_size").into_iter().chain(of("maintenance")) {
        let seen = run(&job).await;
        assert_eq!(seen.reason, None, "{}", seen.words);
        sizes += seen.page.lines().filter(|line| line.starts_with("checklist_postgres_database_bytes{")).count();
    }
    // 61 targets, and the database `postgres`, which the first target reports.
    assert_eq!(sizes, 62);
    let open = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'checklist-exporter'";
    let open: i64 = client.query_one(open, &[]).await?.get(0);
    assert_eq!(open, 61, "one connection for a database, and none more for the server");
    // More databases than a metric has series: the target's own is always one of them, and the rest are counted.
    for n in 61..=102 {
        client.batch_execute(&format!("CREATE DATABASE d{n} STRATEGY file_copy")).await?;
    }
    let seen = check(
        &database(postgres.port, &folder, "application: false")?.replace("orchestrator", "d102"),
        "database_size",
    )
    .await;
    seen.is(Verdict::Passed);
    assert!(seen.words.contains("4 databases beyond the hundred largest have no series"), "{}", seen.words);
    assert!(seen.value(&["checklist_postgres_database_bytes{", "\"d102\""]).is_some(), "{}", seen.page);
    Ok(())
}
