//! Many concurrent requests for slow pages: they share one run, wait in short queues, and do not delay scrapes.

use anyhow::Context;
use stack::hostile::behaviour::{Behaviour, Peer};
use stack::web::{World, plain, raw, status};
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn three_thousand_aborted_probe_requests_open_at_most_three_connections_to_the_target() -> anyhow::Result<()> {
    let peer = Peer::start(Behaviour::BlackHole).await?;
    let lists = format!("health: [{{name: h, url: 'http://127.0.0.1:{}/', expect: {{a: b}}}}]\n", peer.port);
    let world = World::start_with("", &[], &lists).await?;
    // The first scheduled run is over, and the next one is minutes away.
    world.until("checklist_probe_runs_total{check=\"health\",target=\"h\"} 1").await?;
    let before = peer.connections.load(Ordering::Relaxed);
    for n in 0..3_000 {
        let mut stream = TcpStream::connect(("127.0.0.1", world.port)).await?;
        // Connections that were closed to make room for others fail here.
        let _ = stream.write_all(b"GET /probe?check=health HTTP/1.1\r\nHost: a\r\n\r\n").await;
        drop(stream);
        if n % 300 == 0 {
            assert_eq!(status(&plain(world.port, "/metrics", "").await?), "200", "scrape {n}");
        }
    }
    // The run continues when all clients have disconnected, until the check's own deadline.
    world.until("checklist_probe_runs_total{check=\"health\",target=\"h\"} 2").await?;
    let runs = peer.connections.load(Ordering::Relaxed) - before;
    assert!((1..=3).contains(&runs), "the target had {runs} connections");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_32_of_two_hundred_requests_wait_for_a_probe() -> anyhow::Result<()> {
    let peer = Peer::start(Behaviour::BlackHole).await?;
    let lists = format!("health: [{{name: h, url: 'http://127.0.0.1:{}/', expect: {{a: b}}}}]\n", peer.port);
    let world = World::start_with("", &[], &lists).await?;
    let port = world.port;
    let mut asking = JoinSet::new();
    for _ in 0..200 {
        asking.spawn(async move {
            // All requests have arrived before the first one is answered.
            let head = "X-Prometheus-Scrape-Timeout-Seconds: 8\r\n";
            raw(
                port,
                format!("GET /probe?check=health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{head}\r\n").as_bytes(),
            )
            .await
        });
    }
    for _ in 0..10 {
        assert_eq!(status(&plain(port, "/metrics", "").await?), "200");
    }
    let mut codes = Vec::new();
    while let Some(response) = asking.join_next().await {
        codes.push(status(&response??).to_owned());
    }
    let count = |code: &str| codes.iter().filter(|known| *known == code).count();
    assert_eq!((count("504"), count("429")), (32, 168), "{codes:?}");
    Ok(())
}

const SIZE: usize = 15 * 1024 * 1024;

/// Returns the number of bytes that the program has read, as counted by the kernel.
fn bytes_read(world: &World) -> anyhow::Result<usize> {
    let text = std::fs::read_to_string(format!("/proc/{}/io", world.process.id()))?;
    let read = text.lines().find_map(|line| line.strip_prefix("rchar: ")).context("no count")?;
    Ok(read.parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn fifteen_megabytes_of_task_records_are_not_read_again_for_each_request() -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new()?;
    let mut records = String::new();
    while records.len() < SIZE {
        let note = "n".repeat(60);
        let _ = writeln!(
            records,
            "{{\"at\": \"2026-01-02T03:04:05Z\", \"by\": \"ann\", \"act\": \"done\", \"task\": \"dr_drill\", \"note\": \"{note}\"}}"
        );
    }
    std::fs::write(folder.path().join("records.jsonl"), records)?;
    let lists = format!("tasks: {{since: 2026-01-01, directory: {}}}\n", folder.path().display());
    let world = World::start_with("", &[], &lists).await?;
    let port = world.port;
    // Both checks of the records have read them, and read them again at their interval.
    for check in ["tasks", "override"] {
        let line = format!("checklist_probe_success{{check=\"{check}\",target=\"people\"}} 1");
        world.until(&line).await?;
    }
    let before = bytes_read(&world)?;
    let mut looking = JoinSet::new();
    for _ in 0..260 {
        looking.spawn(async move { plain(port, "/tasks", "").await });
    }
    for _ in 0..10 {
        assert_eq!(status(&plain(port, "/metrics", "").await?), "200", "a scrape waits for the page");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut codes = Vec::new();
    while let Some(response) = looking.join_next().await {
        // Beyond the limit of connections one is closed.
        codes.extend(
            response?.ok().filter(|response| !response.is_empty()).map(|response| status(&response).to_owned()),
        );
    }
    assert!(codes.iter().all(|code| ["200", "429"].contains(&code.as_str())), "{codes:?}");
    let shown = codes.iter().filter(|code| *code == "200").count();
    let read = (bytes_read(&world)? - before) / SIZE;
    assert!(shown > 10 && read < shown / 2, "they were read {read} times for {shown} who looked: {codes:?}");
    assert_eq!(status(&plain(port, "/tasks", "").await?), "200");
    Ok(())
}
