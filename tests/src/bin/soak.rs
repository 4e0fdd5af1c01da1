//! `make soak`: runs the exporter with every kind of target on every hostile peer, while hostile clients connect to it,
//! for ten minutes (or `SOAK_SECONDS`). Prints the resources that the exporter used and did not release.

#![expect(clippy::print_stdout, reason = "what the run has to say")]

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use stack::hostile::behaviour::Peer;
use stack::hostile::matrix::Matrix;
use stack::hostile::watched::Watched;
use stack::process::{Process, free_port};
use stack::stack::program;
use stack::web::{plain, users};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;

/// Maximum anonymous memory of the exporter, in KiB: the limit of the shipped pods.
const BUDGET: u64 = 128 * 1024;
/// Number of clients that send wrong passwords again and again.
const GUESSING: usize = 64;
/// Number of open connections that send nothing.
const IDLE: usize = 300;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let seconds = std::env::var("SOAK_SECONDS").ok().map_or(Ok(600), |text| text.parse());
    let within = Duration::from_secs(seconds.context("SOAK_SECONDS is a number of seconds")?);
    let folder = TempDir::new()?;
    let (stopped, port) = stopped(folder.path()).await?;
    let peers = vec![("stopped".to_owned(), Peer::at(port))];
    let matrix = Matrix::start(folder.path(), peers, "10s").await?;
    std::fs::write(folder.path().join("web.yaml"), users()?)?;
    let watched = Watched::start(folder.path()).await?;
    let port = watched.port;
    let refused = Arc::new(AtomicU64::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..GUESSING {
        let refused = Arc::clone(&refused);
        clients.spawn(async move {
            loop {
                // The credentials are `ann:wrong`.
                let response = plain(port, "/metrics", "Authorization: Basic YW5uOndyb25n\r\n").await;
                refused.fetch_add(u64::from(response.is_ok()), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }
    clients.spawn(async move {
        let mut idle = Vec::new();
        loop {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
                idle.push(stream);
            }
            if idle.len() > IDLE {
                idle.remove(0);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    println!("{} targets on {} peers, {} s", matrix.targets, matrix.peers.len(), within.as_secs());
    let scrapes = watched.scrape_until(|_| false, within).await;
    let usage = watched.usage()?;
    let taken: u64 = matrix.peers.iter().map(|(_, peer)| peer.connections.load(Ordering::Relaxed)).sum();
    clients.shutdown().await;
    drop(matrix);
    drop(stopped);
    // All peers and clients are gone. Resources that are still open after 20 s were leaked.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let (after, left) = (watched.usage()?, watched.connections()?);
    println!("connections that the peers took: {taken}");
    println!("requests with a wrong password that were answered: {}", refused.load(Ordering::Relaxed));
    println!("scrapes answered: {} of {}", scrapes.answered, scrapes.made);
    println!("worst scrape: {} ms", scrapes.worst.as_millis());
    println!("memory, most that was not the program's own pages: {} MiB", scrapes.anonymous.div_ceil(1024));
    println!("memory, high water with them: {} MiB", usage.high_water.div_ceil(1024));
    println!("threads: {}, 20 s after the end {}", usage.threads, after.threads);
    println!("descriptors: {}, 20 s after the end {}", usage.descriptors, after.descriptors);
    println!("connections left: {left}");
    anyhow::ensure!(scrapes.answered == scrapes.made, "scrapes were not answered");
    anyhow::ensure!(scrapes.anonymous <= BUDGET, "more memory than the budget");
    anyhow::ensure!(left == 0, "connections were left");
    Ok(())
}

/// Starts an exporter and stops it with SIGSTOP: the kernel still accepts connections for it, and nobody answers.
async fn stopped(folder: &std::path::Path) -> anyhow::Result<(Process, u16)> {
    let folder = folder.join("stopped");
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("checklist.yaml"), "certificates: [{name: web, address: '127.0.0.1:1'}]\n")?;
    let port = free_port()?;
    let mut command = Command::new(program("checklist-exporter")?);
    command.args(["run", "--config", "checklist.yaml", "--listen", &format!("127.0.0.1:{port}")]).current_dir(&folder);
    let mut process = Process::start(&mut command, "stopped", &folder, Signal::SIGKILL)?;
    process
        .wait_until(|| async move { stack::http::is_up(&format!("http://127.0.0.1:{port}/-/healthy")).await })
        .await?;
    kill(Pid::from_raw(i32::try_from(process.id())?), Signal::SIGSTOP)?;
    Ok((process, port))
}
