//! The program with a web configuration, and a client that speaks to it byte by byte.

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

/// The login ann:open sesame.
pub const ANN: &str = "Authorization: Basic YW5uOm9wZW4gc2VzYW1l\r\n";

/// The program on a certificate that is not there, with a web configuration.
pub struct World {
    /// Where it serves everything.
    pub port: u16,
    /// Where it shows its health to anyone.
    pub health: u16,
    /// Where its files are: `checklist.yaml`, `web.yaml`, `server.pem`, `server.key`, `ca.pem`.
    pub folder: TempDir,
    /// Who issued its certificate.
    pub authority: Authority,
    /// The program.
    pub process: Process,
}

impl World {
    /// Starts with a web configuration.
    pub async fn start(web: &str) -> anyhow::Result<Self> {
        Self::start_with(web, &[], "").await
    }

    /// Starts with more files beside the configuration and more lists in checklist.yaml.
    pub async fn start_with(web: &str, files: &[(&str, &str)], lists: &str) -> anyhow::Result<Self> {
        Self::start_as(web, files, lists, &[]).await
    }

    /// The same with more arguments.
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
            let answer = plain(health, "/-/healthy", "").await;
            answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
        };
        process.wait_until(healthy).await?;
        Ok(Self { port, health, folder, authority, process })
    }

    /// Waits until a line of the metrics is there, asked for with ann's login.
    pub async fn until(&self, line: &str) -> anyhow::Result<()> {
        passes(|| async {
            let page = plain(self.port, "/metrics", ANN).await?;
            anyhow::ensure!(page.lines().any(|known| known == line), "{line} is not in {page}");
            Ok(())
        })
        .await
    }

    /// Waits until the log has a text.
    pub async fn until_logged(&self, text: &str) -> anyhow::Result<()> {
        passes(|| async {
            let log = self.process.log();
            anyhow::ensure!(log.contains(text), "{text} is not in the log: {log}");
            Ok(())
        })
        .await
    }

    /// The metrics over TLS, asked for with ann's login and, if given, a certificate of that name.
    pub async fn tls(&self, client: Option<(&str, &Authority)>) -> anyhow::Result<String> {
        self.tls_as(client, ANN).await
    }

    /// The same with another login.
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
        ask(stream, "/metrics", login).await
    }

    /// Resident memory of the program in bytes, as it tells itself.
    pub async fn resident(&self, login: &str) -> anyhow::Result<f64> {
        let page = plain(self.port, "/metrics", login).await?;
        let line = page.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
        Ok(line.context("it tells its memory")?.parse()?)
    }
}

/// TLS that trusts the authorities in a file alone.
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

/// Writes a certificate for a name, and its key, where the web configuration looks for them.
pub fn certify(authority: &Authority, folder: &Path, name: &str) -> anyhow::Result<()> {
    let (certificate, key) = authority.pem(name)?;
    std::fs::write(folder.join("server.key"), key)?;
    Ok(std::fs::write(folder.join("server.pem"), certificate)?)
}

/// The status of an answer.
pub fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or(answer)
}

/// Bytes on a fresh connection and everything that comes back.
pub async fn raw(port: u16, bytes: &[u8]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(bytes).await?;
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut answer)).await.context("no answer")??;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// One GET and everything that comes back; headers end with line breaks.
pub async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str, headers: &str) -> anyhow::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut answer)).await.context("no answer")??;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The same in clear text on a fresh connection.
pub async fn plain(port: u16, path: &str, headers: &str) -> anyhow::Result<String> {
    ask(TcpStream::connect(("127.0.0.1", port)).await?, path, headers).await
}

/// A web configuration that lets ann in.
pub fn users() -> anyhow::Result<String> {
    Ok(format!("basic_auth_users: {{ann: '{}'}}\n", bcrypt::hash("open sesame", 4)?))
}
