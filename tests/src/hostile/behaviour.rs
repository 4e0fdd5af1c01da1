//! Ways in which a peer can misbehave, from a closed port to endless responses.

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// How a peer misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// No process listens on the port.
    Refuse,
    /// Accepts connections and never sends anything.
    BlackHole,
    /// Sends a response body of one byte every 100 ms, for ever.
    Drip,
    /// Resets the connection after the request.
    Reset,
    /// Sends an endless response in the protocol of the client.
    Endless,
    /// Sends informational responses (102) without end.
    Informational,
    /// Redirects to itself.
    Redirect,
    /// Sends a small gzip body that decompresses to a gigabyte.
    GzipBomb,
    /// Sends only the start of a TLS handshake.
    HalfTls,
    /// Sends the banner of SSH, then endless bytes.
    WrongProtocol,
    /// Sends an error status with a body of twenty megabytes.
    LongError,
}

impl Behaviour {
    /// Every behaviour.
    pub const ALL: [Self; 11] = [
        Self::Refuse,
        Self::BlackHole,
        Self::Drip,
        Self::Reset,
        Self::Endless,
        Self::Informational,
        Self::Redirect,
        Self::GzipBomb,
        Self::HalfTls,
        Self::WrongProtocol,
        Self::LongError,
    ];

    /// Returns the name of the behaviour, as used in the names of targets.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// A running peer. Dropping it ends it.
pub struct Peer {
    pub port: u16,
    /// Number of accepted connections.
    pub connections: Arc<AtomicU64>,
    task: Option<JoinHandle<()>>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Peer {
    /// Wraps a server that runs elsewhere.
    pub fn at(port: u16) -> Self {
        Self { port, connections: Arc::default(), task: None }
    }

    /// Starts a peer.
    pub async fn start(behaviour: Behaviour) -> anyhow::Result<Self> {
        let connections = Arc::new(AtomicU64::new(0));
        if behaviour == Behaviour::Refuse {
            return Ok(Self { port: crate::process::free_port()?, connections, task: None });
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let bomb: Arc<[u8]> = if behaviour == Behaviour::GzipBomb { bomb()?.into() } else { Arc::default() };
        let counted = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let bomb = Arc::clone(&bomb);
                // An error is expected: clients close the connection early.
                open.spawn(async move {
                    let _ = respond(behaviour, stream, port, &bomb).await;
                });
                while open.try_join_next().is_some() {}
            }
        });
        Ok(Self { port, connections, task: Some(task) })
    }
}

/// Returns a gigabyte of spaces, compressed with gzip.
fn bomb() -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let blanks = vec![b' '; 1024 * 1024];
    for _ in 0..1024 {
        encoder.write_all(&blanks)?;
    }
    Ok(encoder.finish()?)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

async fn respond(behaviour: Behaviour, mut stream: TcpStream, port: u16, bomb: &[u8]) -> std::io::Result<()> {
    if behaviour == Behaviour::WrongProtocol {
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\nE\x7f\xff\xff\xff").await?;
        return forever(&mut stream, &vec![b'S'; 65_536], Duration::ZERO).await;
    }
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
        match behaviour {
            Behaviour::Refuse | Behaviour::BlackHole | Behaviour::WrongProtocol => {}
            Behaviour::Drip => {
                stream.write_all(format!("{OK}\r\n").as_bytes()).await?;
                return forever(&mut stream, b" ", Duration::from_millis(100)).await;
            }
            Behaviour::Reset => return stream.set_zero_linger(),
            Behaviour::Endless => return endless(&mut stream, &request).await,
            Behaviour::Informational => {
                let many = "HTTP/1.1 102 Processing\r\n\r\n".repeat(1000);
                return forever(&mut stream, many.as_bytes(), Duration::ZERO).await;
            }
            Behaviour::Redirect => {
                let head = format!(
                    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/again\r\nContent-Length: 0\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).await?;
            }
            Behaviour::GzipBomb => {
                let head = format!("{OK}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", bomb.len());
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(bomb).await?;
            }
            Behaviour::HalfTls => stream.write_all(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03").await?,
            Behaviour::LongError => {
                let head = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 20000000\r\n\r\n";
                stream.write_all(head.as_bytes()).await?;
                for _ in 0..20 {
                    stream.write_all(&vec![b'e'; 1_000_000]).await?;
                }
            }
        }
    }
}

async fn forever(stream: &mut TcpStream, bytes: &[u8], pause: Duration) -> std::io::Result<()> {
    loop {
        stream.write_all(bytes).await?;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

/// Sends an endless response that fits the request: pages of a Kubernetes list, events of a watch, a listing of a
/// bucket, a PostgreSQL message, or a body.
async fn endless(stream: &mut TcpStream, request: &str) -> std::io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let named = |from: u64, count: u64| {
        let mut items = String::new();
        for n in from..from + count {
            let name = json!({
                "metadata": {"name": format!("endless-{n}"), "resourceVersion": "1"},
                "spec": {"selector": {"app": "a".repeat(60)}}, "status": {"phase": "Running"},
            });
            let _ = write!(items, "{}{name}", if items.is_empty() { "" } else { "," });
        }
        items
    };
    if request.contains("watch=1") {
        stream.write_all(format!("{OK}\r\n").as_bytes()).await?;
        loop {
            let object = named(NEXT.fetch_add(1, Ordering::Relaxed), 1);
            stream.write_all(format!("{{\"type\":\"ADDED\",\"object\":{object}}}\n").as_bytes()).await?;
        }
    }
    if request.starts_with("GET /api") {
        // Each page names a next one; the client asks for it on the same connection.
        let mut request = request.to_owned();
        let mut buffer = vec![0; 16 * 1024];
        while request.contains("limit=") {
            let items = named(NEXT.fetch_add(100, Ordering::Relaxed), 100);
            let page =
                format!("{{\"metadata\":{{\"resourceVersion\":\"1\",\"continue\":\"more\"}},\"items\":[{items}]}}");
            stream.write_all(format!("{OK}Content-Length: {}\r\n\r\n{page}", page.len()).as_bytes()).await?;
            let read = stream.read(&mut buffer).await?;
            request = String::from_utf8_lossy(&buffer[..read]).into_owned();
        }
    }
    if request.contains("list-type=2") {
        let mut keys = String::new();
        for n in 0..1000 {
            let n = NEXT.fetch_add(1, Ordering::Relaxed) + n;
            let _ = write!(
                keys,
                "<Contents><Key>daily/{n}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>1</Size></Contents>"
            );
        }
        let more = "<IsTruncated>true</IsTruncated><NextContinuationToken>more</NextContinuationToken>";
        let page = format!("<ListBucketResult>{more}{keys}</ListBucketResult>");
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", page.len());
        return stream.write_all(format!("{head}{page}").as_bytes()).await;
    }
    if !request.starts_with("GET") && !request.starts_with("HEAD") && !request.starts_with("POST") {
        // An error message of PostgreSQL with the maximum length.
        stream.write_all(b"E\x7f\xff\xff\xff").await?;
        return forever(stream, &vec![b'S'; 65_536], Duration::ZERO).await;
    }
    stream.write_all(format!("{OK}\r\n").as_bytes()).await?;
    forever(stream, &vec![b' '; 65_536], Duration::ZERO).await
}
