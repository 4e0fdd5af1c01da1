//! How a peer can be bad: from a closed port to answers without end.

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

/// What a peer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Nobody listens.
    Refuse,
    /// Accepts, and never says a word.
    BlackHole,
    /// A byte now and then, for ever.
    Drip,
    /// Ends the connection with a reset as soon as it is asked.
    Reset,
    /// An answer without an end, in the words of whoever asks.
    Endless,
    /// Informational answers without an end.
    Informational,
    /// Elsewhere, which is here.
    Redirect,
    /// A small answer that unpacks to a gigabyte.
    GzipBomb,
    /// The begin of a TLS handshake.
    HalfTls,
    /// The banner of another protocol, then noise without an end.
    WrongProtocol,
    /// A refusal with twenty megabytes of words.
    LongError,
}

impl Behaviour {
    /// All of them.
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

    /// Its name, as part of the names of targets.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// A peer; it ends with its handle.
pub struct Peer {
    /// Its port.
    pub port: u16,
    /// Connections that it took.
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
    /// One that somebody else made bad.
    pub fn at(port: u16) -> Self {
        Self { port, connections: Arc::default(), task: None }
    }

    /// Begins to be bad.
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
                // A client that goes away in the middle is what is wanted.
                open.spawn(async move {
                    let _ = converse(behaviour, stream, port, &bomb).await;
                });
                while open.try_join_next().is_some() {}
            }
        });
        Ok(Self { port, connections, task: Some(task) })
    }
}

/// A gigabyte of blanks, packed.
fn bomb() -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let blanks = vec![b' '; 1024 * 1024];
    for _ in 0..1024 {
        encoder.write_all(&blanks)?;
    }
    Ok(encoder.finish()?)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

async fn converse(behaviour: Behaviour, mut stream: TcpStream, port: u16, bomb: &[u8]) -> std::io::Result<()> {
    if behaviour == Behaviour::WrongProtocol {
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\nE\x7f\xff\xff\xff").await?;
        return forever(&mut stream, &vec![b'S'; 65_536], Duration::ZERO).await;
    }
    let mut asked = vec![0; 16 * 1024];
    loop {
        let read = stream.read(&mut asked).await?;
        if read == 0 {
            return Ok(());
        }
        let request = String::from_utf8_lossy(&asked[..read]).into_owned();
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

/// What has no end for the one who asks: pages of a list, events of a watch, a listing of a bucket, rows of PostgreSQL, or
/// a body.
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
        // One page with a next one; its connection stays for it.
        let mut request = request.to_owned();
        let mut asked = vec![0; 16 * 1024];
        while request.contains("limit=") {
            let items = named(NEXT.fetch_add(100, Ordering::Relaxed), 100);
            let page =
                format!("{{\"metadata\":{{\"resourceVersion\":\"1\",\"continue\":\"more\"}},\"items\":[{items}]}}");
            stream.write_all(format!("{OK}Content-Length: {}\r\n\r\n{page}", page.len()).as_bytes()).await?;
            let read = stream.read(&mut asked).await?;
            request = String::from_utf8_lossy(&asked[..read]).into_owned();
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
        // PostgreSQL: a message as long as one can be.
        stream.write_all(b"E\x7f\xff\xff\xff").await?;
        return forever(stream, &vec![b'S'; 65_536], Duration::ZERO).await;
    }
    stream.write_all(format!("{OK}\r\n").as_bytes()).await?;
    forever(stream, &vec![b' '; 65_536], Duration::ZERO).await
}
