//! Who is let in: passwords, TLS and client certificates on real sockets, and clients that mean no good.

use anyhow::Context;
use nix::sys::signal::Signal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use stack::peers::Authority;
use stack::process::{Process, free_port};
use stack::stack::program;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

/// ann:open sesame
const ANN: &str = "Authorization: Basic YW5uOm9wZW4gc2VzYW1l\r\n";
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

/// The program on a certificate that is not there, with a web configuration.
struct World {
    port: u16,
    health: u16,
    folder: TempDir,
    authority: Authority,
    process: Process,
}

impl World {
    /// Files beside the configuration: `server.pem`, `server.key`, `ca.pem`.
    async fn start(web: &str) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let authority = Authority::new(folder.path())?;
        certify(&authority, folder.path(), "localhost")?;
        std::fs::write(folder.path().join("web.yaml"), web)?;
        let nobody = free_port()?;
        let config = format!(
            "certificates:\n  - {{name: web, address: '127.0.0.1:{nobody}'}}\nchecks:\n  certificates: {{interval: 1s}}\n"
        );
        std::fs::write(folder.path().join("checklist.yaml"), config)?;
        let (port, health) = (free_port()?, free_port()?);
        let mut command = Command::new(program("checklist-exporter")?);
        command
            .args(["run", "--config", "checklist.yaml", "--web-config", "web.yaml"])
            .args(["--listen", &format!("127.0.0.1:{port}"), "--health-listen", &format!("127.0.0.1:{health}")])
            .current_dir(folder.path());
        let mut process = Process::start(&mut command, "exporter", folder.path(), Signal::SIGTERM)?;
        let ready = move || async move {
            let answer = plain(health, "/-/ready", "").await;
            answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
        };
        process.wait_until(ready).await?;
        Ok(Self { port, health, folder, authority, process })
    }

    async fn tls(&self, client: Option<(&str, &Authority)>) -> anyhow::Result<String> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(&self.authority.ca_file)? {
            roots.add(certificate?)?;
        }
        let builder = ClientConfig::builder_with_provider(exporter::sources::trust::provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match client {
            None => builder.with_no_client_auth(),
            Some((name, authority)) => {
                let (certificate, key) = authority.pem(name)?;
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes())?];
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes())?)?
            }
        };
        let stream = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost")?, stream).await?;
        ask(stream, "/metrics", ANN).await
    }
}

fn certify(authority: &Authority, folder: &Path, name: &str) -> anyhow::Result<()> {
    let (certificate, key) = authority.pem(name)?;
    std::fs::write(folder.join("server.key"), key)?;
    Ok(std::fs::write(folder.join("server.pem"), certificate)?)
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str, headers: &str) -> anyhow::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.context("no answer")??;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn plain(port: u16, path: &str, headers: &str) -> anyhow::Result<String> {
    ask(TcpStream::connect(("127.0.0.1", port)).await?, path, headers).await
}

fn users() -> anyhow::Result<String> {
    Ok(format!("basic_auth_users: {{ann: '{}'}}\n", bcrypt::hash("open sesame", 4)?))
}

#[tokio::test]
async fn every_route_asks_for_the_password_and_health_alone_is_open_on_its_own_listener() -> anyhow::Result<()> {
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
            let answer = plain(world.port, route, bad).await?;
            assert!(answer.starts_with("HTTP/1.1 401"), "{route} {bad}: {answer}");
            assert!(answer.to_lowercase().contains("www-authenticate: basic"), "{answer}");
            assert!(!answer.contains("checklist_"), "{route} {bad}: {answer}");
        }
        let answer = plain(world.port, route, ANN).await?;
        assert!(!answer.starts_with("HTTP/1.1 401") && answer.contains("x-frame-options: deny"), "{route}: {answer}");
    }
    let reload = TcpStream::connect(("127.0.0.1", world.port)).await?;
    let mut reload = reload;
    reload.write_all(b"POST /-/reload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await?;
    let mut answer = String::new();
    reload.read_to_string(&mut answer).await?;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(plain(world.health, "/-/healthy", "").await?.starts_with("HTTP/1.1 200"));
    for route in ROUTES.iter().filter(|route| !route.starts_with("/-/")) {
        assert!(plain(world.health, route, ANN).await?.starts_with("HTTP/1.1 404"), "{route}");
    }
    Ok(())
}

#[tokio::test]
async fn only_clients_with_a_certificate_of_the_authority_and_an_allowed_name_are_let_in() -> anyhow::Result<()> {
    let world = World::start(&format!(
        "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n  client_allowed_sans: [prometheus]\n  min_version: TLS13\n{}",
        users()?
    ))
    .await?;
    let other = TempDir::new()?;
    let stranger = Authority::new(other.path())?;
    let answer = world.tls(Some(("prometheus", &world.authority))).await?;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("checklist_build_info"), "{answer}");
    for (what, client) in [
        ("no certificate", None),
        ("another authority", Some(("prometheus", &stranger))),
        ("another name", Some(("mallory", &world.authority))),
    ] {
        let answer = world.tls(client).await;
        assert!(answer.as_ref().map_or(true, String::is_empty), "{what}: {answer:?}");
    }
    let clear = plain(world.port, "/metrics", ANN).await;
    assert!(!clear.unwrap_or_default().contains("HTTP/1.1 200"), "clear text on the TLS port");
    Ok(())
}

#[tokio::test]
async fn a_new_certificate_is_served_without_a_restart_and_a_broken_one_changes_nothing() -> anyhow::Result<()> {
    let world =
        World::start(&format!("tls_server_config: {{cert_file: server.pem, key_file: server.key}}\n{}", users()?))
            .await?;
    assert!(world.tls(None).await?.starts_with("HTTP/1.1 200"));
    let folder = world.folder.path();
    std::fs::write(folder.join("server.pem"), "nonsense")?;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(world.tls(None).await?.starts_with("HTTP/1.1 200"), "the old certificate is served on");
    // A name that the client does not ask for: seen as a refused handshake.
    certify(&world.authority, folder, "elsewhere.example.com")?;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let error = world.tls(None).await.err().context("the new certificate is served")?;
    assert!(
        error.to_string().contains("NotValidForName") || error.to_string().contains("not valid for name"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn hostile_clients_are_dropped_while_scrapes_go_on() -> anyhow::Result<()> {
    let mut world = World::start(&users()?).await?;
    let scrape = || async { plain(world.port, "/metrics", ANN).await };
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        idle.push(TcpStream::connect(("127.0.0.1", world.port)).await?);
    }
    assert!(scrape().await?.starts_with("HTTP/1.1 200"), "a thousand idle connections");
    let mut slow = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(("127.0.0.1", world.port)).await?;
        // What was made room for is closed already.
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-").await;
        slow.push(stream);
    }
    assert!(scrape().await?.starts_with("HTTP/1.1 200"), "heads that never end");
    for garbage in [
        &b"\x16\x03\x02\x00\x05\x01\x00\x00\x01\x00"[..],
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nzz",
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", world.port)).await?;
        stream.write_all(garbage).await?;
        stream.shutdown().await?;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await?;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{garbage:?}");
    }
    let large = format!("X-Large: {}\r\n", "a".repeat(64 * 1024));
    assert!(
        !plain(world.port, "/metrics", &format!("{ANN}{large}")).await.unwrap_or_default().starts_with("HTTP/1.1 200")
    );
    assert!(scrape().await?.starts_with("HTTP/1.1 200"));
    assert!(world.process.stop(), "it lives, and ends as asked");
    Ok(())
}

#[tokio::test]
async fn old_tls_and_garbage_before_the_handshake_are_refused() -> anyhow::Result<()> {
    let world = World::start("tls_server_config: {cert_file: server.pem, key_file: server.key}\n").await?;
    // A ClientHello of TLS 1.1 with one suite of its time.
    let mut hello = vec![0x16, 0x03, 0x01, 0x00, 0x2d, 0x01, 0x00, 0x00, 0x29, 0x03, 0x02];
    hello.extend([7_u8; 32]);
    hello.extend([0x00, 0x00, 0x02, 0x00, 0x2f, 0x01, 0x00]);
    for bytes in [hello, b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0; 100]] {
        let mut stream = TcpStream::connect(("127.0.0.1", world.port)).await?;
        stream.write_all(&bytes).await?;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await?;
        // An alert, or nothing: no ServerHello (22).
        assert!(answer.first().is_none_or(|first| *first == 0x15), "{answer:?}");
    }
    assert!(world.tls(None).await?.starts_with("HTTP/1.1 200"));
    Ok(())
}

#[tokio::test]
async fn no_question_makes_it_speak_to_a_host_that_is_not_in_the_checklist() -> anyhow::Result<()> {
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
        let answer = plain(world.port, &path, &format!("X-Forwarded-Host: {address}\r\n")).await?;
        assert!(answer.starts_with("HTTP/1.1 4") || path.starts_with("http"), "{path}: {answer}");
    }
    let visited = tokio::time::timeout(Duration::from_millis(500), bait.accept()).await;
    assert!(visited.is_err(), "somebody came");
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
    for (web, says) in [
        ("tls_sever_config: {}\n".to_owned(), "tls_server_config"),
        ("tls_server_config: {cert_file: nosuch.pem, key_file: server.key}\n".to_owned(), "nosuch.pem"),
        ("tls_server_config: {cert_file: server.pem, key_file: server.pem}\n".to_owned(), "cannot read the key"),
        (tls(", min_version: TLS10"), "TLS 1.0 and 1.1 are broken"),
        (tls(", client_auth_type: RequireAnyClientCert"), "proves nothing"),
        (tls(", client_auth_type: RequireAndVerifyClientCert"), "needs client_ca_file"),
        (tls(", client_ca_file: ca.pem"), "need client_auth_type"),
        (tls(", cipher_suites: [TLS_NULL]"), "TLS_NULL is none of"),
        (tls(", curve_preferences: [P1]"), "P1 is none of"),
        ("basic_auth_users: {ann: canary-clear-text}\n".to_owned(), "ann is no bcrypt hash"),
        (format!("basic_auth_users: {{ann: '$2y$20${}'}}\n", "a".repeat(53)), "cost 20"),
        ("http_server_config: {headers: {X-Powered-By: x}}\n".to_owned(), "X-Powered-By is none of"),
    ] {
        let output = validate(folder.path(), &web)?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!output.status.success() && said.contains(says), "{web}: {said}");
        assert!(!said.contains("canary"), "{said}");
    }
    Ok(())
}
