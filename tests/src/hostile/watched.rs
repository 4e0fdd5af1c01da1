//! The program under limits, and what it takes: memory, threads, descriptors, connections, and time for a scrape.

use crate::process::{Process, free_port};
use crate::stack::program;
use crate::web::{ANN, plain, status};
use anyhow::Context;
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Address space: far more than the memory that is used, so that a runaway ends there and not with the machine.
const ADDRESS_SPACE: u64 = 2 * 1024 * 1024 * 1024;

/// The program.
pub struct Watched {
    /// Its process.
    pub process: Process,
    /// Where it serves everything.
    pub port: u16,
}

/// What it takes now.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// The most memory that was ever resident, in KiB; the pages of the program itself are part of it.
    pub high_water: u64,
    /// Memory that the kernel cannot take back, in KiB: what the limit of a pod is about.
    pub anonymous: u64,
    /// Threads.
    pub threads: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Those of them that are sockets.
    pub sockets: usize,
}

/// Scrapes that were made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scrapes {
    /// All of them.
    pub made: u64,
    /// Those with status 200.
    pub answered: u64,
    /// The longest.
    pub worst: Duration,
    /// The most anonymous memory that was seen between them, in KiB.
    pub anonymous: u64,
}

impl Watched {
    /// Starts it on the `checklist.yaml` and `web.yaml` of a folder, with ann's login.
    pub async fn start(folder: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new("prlimit");
        command
            .args([&format!("--as={ADDRESS_SPACE}"), "--nofile=1024", "--"])
            .arg(program("checklist-exporter")?)
            .args(["run", "--config", "checklist.yaml", "--web-config", "web.yaml"])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .current_dir(folder);
        let mut process = Process::start(&mut command, "exporter", folder, Signal::SIGTERM)?;
        process
            .wait_until(
                || async move { plain(port, "/-/healthy", ANN).await.is_ok_and(|answer| status(&answer) == "200") },
            )
            .await?;
        Ok(Self { process, port })
    }

    /// What it takes now, as the kernel says.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        let of_process = PathBuf::from(format!("/proc/{}", self.process.id()));
        let text = std::fs::read_to_string(of_process.join("status"))?;
        let value = |name: &str| -> anyhow::Result<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
            Ok(line.trim_matches(|c: char| !c.is_ascii_digit()).parse()?)
        };
        let links: Vec<PathBuf> = std::fs::read_dir(of_process.join("fd"))?
            .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .collect();
        let sockets = links.iter().filter(|link| link.to_string_lossy().starts_with("socket:")).count();
        Ok(Usage {
            high_water: value("VmHWM:")?,
            anonymous: value("RssAnon:")?,
            threads: value("Threads:")?,
            descriptors: links.len(),
            sockets,
        })
    }

    /// Scrapes four times a second until a time has come or something holds.
    pub async fn scrape_until(&self, mut done: impl FnMut(&str) -> bool, within: Duration) -> Scrapes {
        let begun = Instant::now();
        let mut scrapes = Scrapes::default();
        while begun.elapsed() < within {
            let asked = Instant::now();
            let answer = plain(self.port, "/metrics", ANN).await.unwrap_or_default();
            scrapes.made += 1;
            scrapes.worst = scrapes.worst.max(asked.elapsed());
            if status(&answer) == "200" {
                scrapes.answered += 1;
            }
            if done(&answer) {
                break;
            }
            for _ in 0..10 {
                scrapes.anonymous = scrapes.anonymous.max(self.usage().map_or(0, |usage| usage.anonymous));
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        }
        scrapes
    }
}
