//! The exporter with limited resources, and measurements of what it uses: memory, threads, descriptors, connections,
//! and the time of scrapes.

use crate::process::{Process, free_port};
use crate::stack::program;
use crate::web::{ANN, plain, status};
use anyhow::Context;
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Limit of the address space in bytes. It is far more than the exporter needs, so that a runaway is killed before it
/// takes the memory of the machine.
const ADDRESS_SPACE: u64 = 2 * 1024 * 1024 * 1024;

/// The running exporter.
pub struct Watched {
    pub process: Process,
    /// The port of all paths.
    pub port: u16,
}

/// The resources that the exporter uses.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Peak resident memory in KiB (`VmHWM`), with the pages of the program file.
    pub high_water: u64,
    /// Anonymous memory in KiB (`RssAnon`), which the kernel cannot reclaim and the memory limit of a pod counts.
    pub anonymous: u64,
    /// Number of threads.
    pub threads: u64,
    /// Number of open file descriptors.
    pub descriptors: usize,
}

/// The results of several scrapes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scrapes {
    /// Number of scrapes.
    pub made: u64,
    /// Number of scrapes with status 200.
    pub answered: u64,
    /// Duration of the slowest scrape.
    pub worst: Duration,
    /// Peak anonymous memory in KiB, sampled between the scrapes.
    pub anonymous: u64,
}

impl Watched {
    /// Starts the exporter with the `checklist.yaml` and `web.yaml` of a folder. Requests use the login of the user
    /// ann.
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
            .wait_until(|| async move {
                plain(port, "/-/healthy", ANN).await.is_ok_and(|response| status(&response) == "200")
            })
            .await?;
        Ok(Self { process, port })
    }

    /// Reads the present usage from /proc.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        let of_process = PathBuf::from(format!("/proc/{}", self.process.id()));
        let text = std::fs::read_to_string(of_process.join("status"))?;
        let value = |name: &str| -> anyhow::Result<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
            Ok(line.trim_matches(|c: char| !c.is_ascii_digit()).parse()?)
        };
        Ok(Usage {
            high_water: value("VmHWM:")?,
            anonymous: value("RssAnon:")?,
            threads: value("Threads:")?,
            descriptors: std::fs::read_dir(of_process.join("fd"))?.count(),
        })
    }

    /// Returns the number of TCP connections, without the sockets that listen. The other sockets of a process are those
    /// by which it hears of signals. The kernel's table also has closed connections of all processes, so it is long
    /// after many requests.
    pub fn connections(&self) -> anyhow::Result<usize> {
        let of_process = PathBuf::from(format!("/proc/{}", self.process.id()));
        let connected = connected(&of_process)?;
        let links =
            std::fs::read_dir(of_process.join("fd"))?.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        let inode = |link: PathBuf| link.to_string_lossy().strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok();
        Ok(links.filter_map(inode).filter(|inode: &u64| connected.contains(inode)).count())
    }

    /// Scrapes about four times a second until `done` accepts a response or the time has elapsed.
    pub async fn scrape_until(&self, mut done: impl FnMut(&str) -> bool, within: Duration) -> Scrapes {
        let begun = Instant::now();
        let mut scrapes = Scrapes::default();
        while begun.elapsed() < within {
            let sent = Instant::now();
            let response = plain(self.port, "/metrics", ANN).await.unwrap_or_default();
            scrapes.made += 1;
            scrapes.worst = scrapes.worst.max(sent.elapsed());
            if status(&response) == "200" {
                scrapes.answered += 1;
            }
            if done(&response) {
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

/// Returns the inodes of the TCP sockets in the network of a process that do not listen.
fn connected(of_process: &Path) -> anyhow::Result<BTreeSet<u64>> {
    let mut inodes = BTreeSet::new();
    for table in ["net/tcp", "net/tcp6"] {
        let text = match std::fs::read_to_string(of_process.join(table)) {
            // A kernel without IPv6 has no such table.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && table == "net/tcp6" => continue,
            text => text?,
        };
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            // The kernel's proc(5): the fourth field is the state, 0A is LISTEN; the tenth is the inode.
            if let (Some(state), Some(inode)) = (fields.get(3), fields.get(9))
                && *state != "0A"
            {
                inodes.insert(inode.parse()?);
            }
        }
    }
    Ok(inodes)
}
