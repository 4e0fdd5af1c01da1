//! Access to the server: passwords, tokens, TLS and client certificates on real sockets.

mod tokens;

use anyhow::Context;
use stack::peers::Authority;
use stack::stack::program;
use stack::waiting::PATIENCE;
use stack::web::{ANN, World, certify, plain, status, users};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ROUTES: [&str; 9] = [
    "/",
    "/metrics",
    "/tasks",
    "/api/v1/checks",
    "/checks/certificates/web",
    "/probe?check=certificates",
    "/-/healthy",
    "/-/ready",
    "/nosuch",
];

#[tokio::test]
async fn every_route_requires_the_password_and_the_health_listener_serves_only_health() -> anyhow::Result<()> {
    let headers = "http_server_config: {headers: {X-Frame-Options: deny}}\n";
    let world = World::start(&format!("{}{headers}", users()?)).await?;
    for route in ROUTES {
        // ann:wrong, bob:open sesame
        for bad in [
            "",
            "Authorization: Basic YW5uOndyb25n\r\n",
            "Authorization: Basic Ym9iOm9wZW4gc2VzYW1l\r\n",
            "Authorization: Bearer x\r\n",
        ] {
            let response = plain(world.port, route, bad).await?;
            assert!(response.starts_with("HTTP/1.1 401"), "{route} {bad}: {response}");
            assert!(response.to_lowercase().contains("www-authenticate: basic"), "{response}");
            assert!(!response.contains("checklist_"), "{route} {bad}: {response}");
        }
        let response = plain(world.port, route, ANN).await?;
        assert!(
            !response.starts_with("HTTP/1.1 401") && response.contains("x-frame-options: deny"),
            "{route}: {response}"
        );
    }
    let reload = TcpStream::connect(("127.0.0.1", world.port)).await?;
    let mut reload = reload;
    reload.write_all(b"POST /-/reload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await?;
    let mut response = String::new();
    reload.read_to_string(&mut response).await?;
    assert!(response.starts_with("HTTP/1.1 401"), "{response}");
    assert!(plain(world.health, "/-/healthy", "").await?.starts_with("HTTP/1.1 200"));
    for route in ROUTES.iter().filter(|route| !route.starts_with("/-/")) {
        assert!(plain(world.health, route, ANN).await?.starts_with("HTTP/1.1 404"), "{route}");
    }
    Ok(())
}

#[tokio::test]
async fn only_clients_with_a_certificate_of_the_ca_and_an_allowed_name_are_accepted() -> anyhow::Result<()> {
    let world = World::start(&format!(
        "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n  client_allowed_sans: [prometheus]\n  min_version: TLS13\n{}",
        users()?
    ))
    .await?;
    let other = TempDir::new()?;
    let other_authority = Authority::new(other.path())?;
    let response = world.tls(Some(("prometheus", &world.authority))).await?;
    assert!(response.starts_with("HTTP/1.1 200") && response.contains("checklist_build_info"), "{response}");
    for (what, client) in [
        ("no certificate", None),
        ("another authority", Some(("prometheus", &other_authority))),
        ("another name", Some(("mallory", &world.authority))),
    ] {
        let response = world.tls(client).await;
        assert!(response.as_ref().map_or(true, String::is_empty), "{what}: {response:?}");
    }
    let clear = plain(world.port, "/metrics", ANN).await;
    assert!(!clear.unwrap_or_default().contains("HTTP/1.1 200"), "clear text on the TLS port");
    Ok(())
}

#[tokio::test]
async fn a_new_certificate_is_served_without_a_restart_and_a_broken_one_is_ignored() -> anyhow::Result<()> {
    let world =
        World::start(&format!("tls_server_config: {{cert_file: server.pem, key_file: server.key}}\n{}", users()?))
            .await?;
    assert!(world.tls(None).await?.starts_with("HTTP/1.1 200"));
    let folder = world.folder.path();
    std::fs::write(folder.join("server.pem"), "nonsense")?;
    world.until_logged("cannot load the web configuration").await?;
    assert!(world.tls(None).await?.starts_with("HTTP/1.1 200"), "the old certificate is served on");
    // A certificate for another name makes the client refuse the handshake.
    certify(&world.authority, folder, "elsewhere.example.com")?;
    world.until_logged("reloaded the web configuration").await?;
    let error = world.tls(None).await.err().context("the new certificate is served")?;
    assert!(
        error.to_string().contains("NotValidForName") || error.to_string().contains("not valid for name"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn no_request_makes_the_exporter_connect_to_an_unconfigured_host() -> anyhow::Result<()> {
    let world = World::start("").await?;
    let bait = TcpListener::bind("127.0.0.1:0").await?;
    let address = bait.local_addr()?;
    for path in [
        format!("/probe?check=certificates&target=http://{address}/"),
        format!("/probe?check=certificates&target={address}"),
        format!("/probe?check=certificates&address={address}"),
        format!("/probe?target=http://{address}/"),
        format!("/checks/http://{address}/"),
        format!("http://{address}/metrics"),
    ] {
        let response = plain(world.port, &path, &format!("X-Forwarded-Host: {address}\r\n")).await?;
        assert!(response.starts_with("HTTP/1.1 4") || path.starts_with("http"), "{path}: {response}");
    }
    // Earlier connections are ahead of this one in the queue.
    let own = TcpStream::connect(address).await?;
    let (_, first) = bait.accept().await?;
    assert_eq!(first, own.local_addr()?, "somebody came");
    Ok(())
}

fn validate(folder: &Path, web: &str) -> anyhow::Result<Output> {
    std::fs::write(folder.join("web.yaml"), web)?;
    Ok(Command::new(program("checklist-exporter")?)
        .args(["run", "--config", "checklist.yaml", "--web-config", "web.yaml", "--listen", "127.0.0.1:0"])
        .current_dir(folder)
        .output()?)
}

#[test]
fn a_wrong_web_configuration_is_refused_with_its_reason() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let authority = Authority::new(folder.path())?;
    certify(&authority, folder.path(), "localhost")?;
    std::fs::write(folder.path().join("checklist.yaml"), "certificates: [{name: web, address: '127.0.0.1:1'}]\n")?;
    let tls = |more: &str| format!("tls_server_config: {{cert_file: server.pem, key_file: server.key{more}}}\n");
    for (web, reason) in [
        ("tls_sever_config: {}\n".to_owned(), "tls_server_config"),
        ("tls_server_config: {cert_file: nosuch.pem, key_file: server.key}\n".to_owned(), "nosuch.pem"),
        ("tls_server_config: {cert_file: server.pem, key_file: server.pem}\n".to_owned(), "cannot read the key"),
        (tls(", min_version: TLS10"), "TLS 1.0 and 1.1 are insecure"),
        (tls(", client_auth_type: RequireAnyClientCert"), "does not verify certificates"),
        (tls(", client_auth_type: RequireAndVerifyClientCert"), "needs client_ca_file"),
        (tls(", client_ca_file: ca.pem"), "need client_auth_type"),
        (tls(", cipher_suites: [TLS_NULL]"), "unknown suite TLS_NULL"),
        (tls(", curve_preferences: [P1]"), "unknown curve P1"),
        ("basic_auth_users: {ann: canary-clear-text}\n".to_owned(), "ann is not a bcrypt hash"),
        (format!("basic_auth_users: {{ann: '$2y$20${}'}}\n", "a".repeat(53)), "cost 20"),
        ("http_server_config: {headers: {X-Powered-By: x}}\n".to_owned(), "X-Powered-By cannot be set"),
    ] {
        let output = validate(folder.path(), &web)?;
        let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!output.status.success() && printed.contains(reason), "{web}: {printed}");
        assert!(!printed.contains("canary"), "{printed}");
    }
    Ok(())
}

#[tokio::test]
async fn a_revoked_login_is_refused_on_open_connections_too() -> anyhow::Result<()> {
    let world = World::start(&users()?).await?;
    let mut stream = TcpStream::connect(("127.0.0.1", world.port)).await?;
    let request = format!("GET /-/healthy HTTP/1.1\r\nHost: x\r\n{ANN}\r\n");
    let mut printed = [0; 1024];
    let mut scrape = async || -> anyhow::Result<String> {
        stream.write_all(request.as_bytes()).await?;
        let read = stream.read(&mut printed).await?;
        Ok(String::from_utf8_lossy(&printed[..read]).into_owned())
    };
    assert_eq!(status(&scrape().await?), "200");
    let other = format!("basic_auth_users: {{bob: '{}'}}\n", bcrypt::hash("open sesame", 4)?);
    std::fs::write(world.folder.path().join("web.yaml"), &other)?;
    let begun = Instant::now();
    loop {
        let response = scrape().await?;
        if status(&response) == "401" {
            return Ok(());
        }
        assert_eq!(status(&response), "200", "{response}");
        anyhow::ensure!(begun.elapsed() < PATIENCE, "ann is let in");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
