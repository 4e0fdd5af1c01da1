//! Unusual HTTP requests, and a process with few file descriptors.

use stack::process::{Process, free_port};
use stack::stack::program;
use stack::web::{ANN, World, plain, raw, status, users};
use std::process::Command;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_request_needs_one_host_header_and_every_response_has_nosniff() -> anyhow::Result<()> {
    let world = World::start(&users()?).await?;
    for (port, login) in [(world.port, ANN), (world.health, "")] {
        for (version, hosts, expected) in [
            ("1.1", "", "400"),
            ("1.1", "Host: a\r\nHost: b\r\n", "400"),
            ("1.1", "Host: a\r\nHost: a\r\n", "400"),
            ("1.1", "Host: a\r\n", "200"),
            ("1.0", "", "200"),
        ] {
            let request = format!("GET /-/healthy HTTP/{version}\r\n{hosts}Connection: close\r\n{login}\r\n");
            let response = raw(port, request.as_bytes()).await?;
            assert_eq!(status(&response), expected, "{version} {hosts}: {response}");
            assert!(response.contains("x-content-type-options: nosniff"), "{response}");
        }
        for method in ["POST", "DELETE", "OPTIONS", "TRACE", "X"] {
            let request = format!("{method} /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{login}\r\n");
            let response = raw(port, request.as_bytes()).await?;
            assert_eq!(status(&response), "405", "{method}: {response}");
            assert!(response.contains("allow: GET, HEAD"), "{response}");
        }
    }
    for path in ["/", "/metrics", "/tasks", "/api/v1/checks", "/nosuch", "/probe", "/probe?check=certificates"] {
        for login in [ANN, ""] {
            let response = plain(world.port, path, login).await?;
            assert!(response.contains("x-content-type-options: nosniff"), "{path}: {response}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_client_that_closes_its_sending_side_still_gets_its_response() -> anyhow::Result<()> {
    let world = World::start(&users()?).await?;
    // Neither request is answered at once: the login is verified, and the second request runs a check.
    for path in ["/metrics", "/probe?check=certificates"] {
        let mut stream = TcpStream::connect(("127.0.0.1", world.port)).await?;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{ANN}\r\n").as_bytes()).await?;
        stream.shutdown().await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        assert_eq!(status(&response), "200", "{path}: {response}");
    }
    Ok(())
}

#[tokio::test]
async fn with_few_file_descriptors_the_exporter_accepts_fewer_connections_and_continues() -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new()?;
    std::fs::write(folder.path().join("checklist.yaml"), "certificates: [{name: web, address: '127.0.0.1:1'}]\n")?;
    let port = free_port()?;
    let mut command = Command::new("prlimit");
    command.args(["--nofile=64", "--"]).arg(program("checklist-exporter")?);
    command.args(["run", "--config", "checklist.yaml", "--listen", &format!("127.0.0.1:{port}")]);
    let mut process = Process::start(
        command.current_dir(folder.path()),
        "exporter",
        folder.path(),
        nix::sys::signal::Signal::SIGTERM,
    )?;
    process.wait_until(|| async move { stack::http::is_up(&format!("http://127.0.0.1:{port}/-/ready")).await }).await?;
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(TcpStream::connect(("127.0.0.1", port)).await?);
    }
    for _ in 0..20 {
        assert_eq!(status(&plain(port, "/probe?check=certificates", "").await?), "200", "a check has its descriptor");
    }
    assert!(!process.log().contains("cannot accept"), "{}", process.log());
    Ok(())
}
