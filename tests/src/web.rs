//! Runs the exporter with a web configuration, and sends it raw HTTP requests.

use crate::peers::Authority;
use crate::process::{Process, free_port};
use crate::stack::program;
use crate::waiting::passes;
use anyhow::Context;
use nix::sys::signal::Signal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The header with the login of ann, whose password is `open sesame`.
pub const ANN: &str = "Authorization: Basic YW5uOm9wZW4gc2VzYW1l\r\n";

/// An exporter with a web configuration. Its only target is a TLS endpoint that does not exist.
pub struct World {
    /// Port of all paths.
    pub port: u16,
    /// Port of the health listener, which needs no login.
    pub health: u16,
    /// The folder of its files: `checklist.yaml`, `web.yaml`, `server.pem`, `server.key`, `ca.pem`.
    pub folder: TempDir,
    /// The authority that issued its certificate.
    pub authority: Authority,
    /// The process of the exporter.
    pub process: Process,
}

impl World {
    /// Starts the exporter with a web configuration.
    pub async fn start(web: &str) -> anyhow::Result<Self> {
        Self::start_with(web, &[], "").await
    }

    /// Starts the exporter with additional files beside the configuration and additional lists in checklist.yaml.
    pub async fn start_with(web: &str, files: &[(&str, &str)], lists: &str) -> anyhow::Result<Self> {
        Self::start_as(web, files, lists, &[]).await
    }

    /// As [`World::start_with`], with additional arguments.
    pub async fn start_as(web: &str, files: &[(&str, &str)], lists: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let authority = Authority::new(folder.path())?;
        certify(&authority, folder.path(), "localhost")?;
        for (name, text) in files.iter().chain([&("web.yaml", web)]) {
            std::fs::write(folder.path().join(name), text)?;
        }
        let nobody = free_port()?;
        let config = format!(
            "{lists}certificates:\n  - {{name: web, address: '127.0.0.1:{nobody}'}}\nchecks:\n  certificates: {{interval: 1s}}\n"
        );
        std::fs::write(folder.path().join("checklist.yaml"), config)?;
        let (port, health) = (free_port()?, free_port()?);
        let mut command = Command::new(program("checklist-exporter")?);
        command
            .args(["run", "--config", "checklist.yaml", "--web-config", "web.yaml"])
            .args(["--listen", &format!("127.0.0.1:{port}"), "--health-listen", &format!("127.0.0.1:{health}")])
            .args(arguments)
            .current_dir(folder.path());
        let mut process = Process::start(&mut command, "exporter", folder.path(), Signal::SIGTERM)?;
        let healthy = move || async move {
            let response = plain(health, "/-/healthy", "").await;
            response.is_ok_and(|response| response.starts_with("HTTP/1.1 200"))
        };
        process.wait_until(healthy).await?;
        Ok(Self { port, health, folder, authority, process })
    }

    /// Waits until the metrics, requested with the login of ann, contain a line.
    pub async fn until(&self, line: &str) -> anyhow::Result<()> {
        passes(|| async {
            let page = plain(self.port, "/metrics", ANN).await?;
            anyhow::ensure!(page.lines().any(|known| known == line), "{line} is not in {page}");
            Ok(())
        })
        .await
    }

    /// Waits until the log contains a text.
    pub async fn until_logged(&self, text: &str) -> anyhow::Result<()> {
        passes(|| async {
            let log = self.process.log();
            anyhow::ensure!(log.contains(text), "{text} is not in the log: {log}");
            Ok(())
        })
        .await
    }

    /// Gets the metrics over TLS with the login of ann and, if given, a client certificate with that name.
    pub async fn tls(&self, client: Option<(&str, &Authority)>) -> anyhow::Result<String> {
        self.tls_as(client, ANN).await
    }

    /// As [`World::tls`], with another login.
    pub async fn tls_as(&self, client: Option<(&str, &Authority)>, login: &str) -> anyhow::Result<String> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let builder = trusting(&self.authority.ca_file)?;
        let config = match client {
            None => builder.with_no_client_auth(),
            Some((name, authority)) => {
                let (certificate, key) = authority.pem(name)?;
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes())?];
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes())?)?
            }
        };
        let stream = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost")?, stream).await?;
        exchange(stream, "/metrics", login).await
    }

    /// Returns the exporter's resident memory in bytes, from its own metrics.
    pub async fn resident(&self, login: &str) -> anyhow::Result<f64> {
        let page = plain(self.port, "/metrics", login).await?;
        let line = page.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
        Ok(line.context("it exposes its memory")?.parse()?)
    }
}

/// Returns a TLS configuration that trusts only the authorities in a file.
pub fn trusting(
    ca_file: &Path,
) -> anyhow::Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_file)? {
        roots.add(certificate?)?;
    }
    Ok(ClientConfig::builder_with_provider(clients::trust::provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots))
}

/// Issues a certificate for a name and writes it with its key to the files that the web configuration names.
pub fn certify(authority: &Authority, folder: &Path, name: &str) -> anyhow::Result<()> {
    let (certificate, key) = authority.pem(name)?;
    std::fs::write(folder.join("server.key"), key)?;
    Ok(std::fs::write(folder.join("server.pem"), certificate)?)
}

/// Returns the status code of a response.
pub fn status(response: &str) -> &str {
    response.get(9..12).unwrap_or(response)
}

/// Sends bytes on a new connection and returns everything that comes back.
pub async fn raw(port: u16, bytes: &[u8]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(bytes).await?;
    let mut response = Vec::new();
    tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut response)).await.context("no answer")??;
    Ok(String::from_utf8_lossy(&response).into_owned())
}

/// Sends a GET request and returns everything that comes back. Each of `headers` ends with a line break.
pub async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    path: &str,
    headers: &str,
) -> anyhow::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut response)).await.context("no answer")??;
    Ok(String::from_utf8_lossy(&response).into_owned())
}

/// As [`exchange`], without TLS on a new connection.
pub async fn plain(port: u16, path: &str, headers: &str) -> anyhow::Result<String> {
    exchange(TcpStream::connect(("127.0.0.1", port)).await?, path, headers).await
}

/// Returns a web configuration with the user ann.
pub fn users() -> anyhow::Result<String> {
    Ok(format!("basic_auth_users: {{ann: '{}'}}\n", bcrypt::hash("open sesame", 4)?))
}
