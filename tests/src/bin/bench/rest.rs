//! Benchmark of the exporter at rest, on the stack with the default intervals: start time, memory, CPU, binary sizes,
//! and the cost of TLS and passwords for a scrape.

use crate::usage::{cpu, resident};
use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use nix::sys::signal::Signal;
use rustls::pki_types::ServerName;
use stack::application::Application;
use stack::process::{Process, free_port};
use stack::stack::{Stack, program};
use stack::web::{certify, trusting};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Time over which CPU at rest is measured. Every check with an interval of up to two minutes runs at least once.
const REST: Duration = Duration::from_mins(2);
const TLS: &str = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n";

pub(crate) async fn rest() -> anyhow::Result<()> {
    for name in ["checklist-exporter", "rules-gen"] {
        let bytes = std::fs::metadata(program(name)?)?.len();
        crate::report!("{name}: {:.1} MiB", bytes as f64 / 1_048_576.0);
    }
    let mut stack = Stack::start_with(Application::fake().await?).await?;
    let folder = stack.folder().to_owned();
    let text = std::fs::read_to_string(folder.join("checklist.yaml"))?;
    let usual = text.split("\nchecks:\n").next().context("the stack shortens intervals last")?;
    std::fs::write(folder.join("rest.yaml"), format!("{usual}\n"))?;
    // The stack's own exporter would use CPU while the benchmark measures.
    stack.exporter.stop();
    certify(stack.authority(), &folder, "localhost")?;
    let hash = bcrypt::hash("open sesame", 10)?;
    let users = format!("basic_auth_users: {{ann: '{hash}'}}\n");
    for (name, web, measured) in
        [("plain", "", true), ("TLS", TLS, false), ("TLS + basic auth", &format!("{TLS}{users}"), false)]
    {
        std::fs::write(folder.join("web.yaml"), web)?;
        let begun = Instant::now();
        let (process, port) = start(&folder).await?;
        if measured {
            crate::report!("start to the first complete snapshot: {:.2} s", begun.elapsed().as_secs_f64());
            let (before, since) = (cpu(process.id())?, Instant::now());
            tokio::time::sleep(REST).await;
            let share = (cpu(process.id())? - before) / since.elapsed().as_secs_f64();
            crate::report!("at rest: {:.1} MiB resident, {:.2} % of a core", resident(process.id())?, 100.0 * share);
        }
        let tls = (!web.is_empty()).then(|| connector(&stack)).transpose()?;
        scrapes(name, port, tls.as_ref()).await?;
    }
    Ok(())
}

async fn start(folder: &Path) -> anyhow::Result<(Process, u16)> {
    let (port, health) = (free_port()?, free_port()?);
    let mut command = Command::new(program("checklist-exporter")?);
    command.current_dir(folder).args(["run", "--config", "rest.yaml", "--web-config", "web.yaml"]);
    command.args(["--listen", &format!("127.0.0.1:{port}"), "--health-listen", &format!("127.0.0.1:{health}")]);
    let mut process = Process::start(&mut command, "rest", folder, Signal::SIGTERM)?;
    let ready = format!("http://127.0.0.1:{health}/-/ready");
    process.wait_until(|| stack::http::is_up(&ready)).await?;
    Ok((process, port))
}

fn connector(stack: &Stack) -> anyhow::Result<TlsConnector> {
    Ok(Arc::new(trusting(&stack.authority().ca_file)?.with_no_client_auth()).into())
}

async fn connect(port: u16, tls: Option<&TlsConnector>) -> anyhow::Result<SendRequest<Empty<Bytes>>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    match tls {
        None => {
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            Ok(sender)
        }
        Some(tls) => {
            let stream = tls.connect(ServerName::try_from("localhost")?, stream).await?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            Ok(sender)
        }
    }
}

async fn scrape(sender: &mut SendRequest<Empty<Bytes>>) -> anyhow::Result<()> {
    let request = Request::get("/metrics")
        .header("host", "localhost")
        .header("accept-encoding", "gzip")
        .header("authorization", "Basic YW5uOm9wZW4gc2VzYW1l")
        .body(Empty::new())?;
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    anyhow::ensure!(response.status() == 200, "the scrape was answered {}", response.status());
    response.into_body().collect().await?;
    Ok(())
}

/// Measures scrapes on one kept connection, as Prometheus uses it, and on a new connection each time.
async fn scrapes(name: &str, port: u16, tls: Option<&TlsConnector>) -> anyhow::Result<()> {
    let mut kept = connect(port, tls).await?;
    scrape(&mut kept).await?;
    for (how, fresh) in [("kept connection", false), ("new connections", true)] {
        let mut times = Vec::new();
        for _ in 0..1_000 {
            let begun = Instant::now();
            if fresh {
                kept = connect(port, tls).await?;
            }
            scrape(&mut kept).await?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        crate::report!("scrape, {name}, {how}: p50 {:.2} ms  p99 {:.2} ms", times[500], times[990]);
    }
    Ok(())
}
