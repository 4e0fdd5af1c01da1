//! Hostile clients: their connections are closed, memory stays bounded, and scrapes continue.

use stack::web::{ANN, World, plain, users};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

#[tokio::test]
async fn hostile_clients_are_dropped_while_scrapes_continue() -> anyhow::Result<()> {
    let mut world = World::start(&users()?).await?;
    let before = world.resident(ANN).await?;
    let scrape = || async { plain(world.port, "/metrics", ANN).await };
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        idle.push(TcpStream::connect(("127.0.0.1", world.port)).await?);
    }
    assert!(scrape().await?.starts_with("HTTP/1.1 200"), "a thousand idle connections");
    let mut slow = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(("127.0.0.1", world.port)).await?;
        // Connections that were closed to make room for others fail here.
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
        let mut response = Vec::new();
        let _ = tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut response)).await?;
        assert!(!response.starts_with(b"HTTP/1.1 200"), "{garbage:?}");
    }
    let large = format!("X-Large: {}\r\n", "a".repeat(64 * 1024));
    assert!(
        !plain(world.port, "/metrics", &format!("{ANN}{large}")).await.unwrap_or_default().starts_with("HTTP/1.1 200")
    );
    assert!(scrape().await?.starts_with("HTTP/1.1 200"));
    let after = world.resident(ANN).await?;
    assert!(after < before + GROWTH, "{before} bytes became {after}");
    assert!(world.process.stop(), "it lives, and ends as asked");
    Ok(())
}

#[tokio::test]
async fn old_tls_and_garbage_before_the_handshake_are_refused() -> anyhow::Result<()> {
    let world = World::start("tls_server_config: {cert_file: server.pem, key_file: server.key}\n").await?;
    // A ClientHello of TLS 1.1 with one cipher suite of that time.
    let mut hello = vec![0x16, 0x03, 0x01, 0x00, 0x2d, 0x01, 0x00, 0x00, 0x29, 0x03, 0x02];
    hello.extend([7_u8; 32]);
    hello.extend([0x00, 0x00, 0x02, 0x00, 0x2f, 0x01, 0x00]);
    for bytes in [hello, b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0; 100]] {
        let mut stream = TcpStream::connect(("127.0.0.1", world.port)).await?;
        stream.write_all(&bytes).await?;
        let mut response = Vec::new();
        let _ = tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut response)).await?;
        // The server sends an alert or nothing, but no ServerHello (22).
        assert!(response.first().is_none_or(|first| *first == 0x15), "{response:?}");
    }
    assert!(world.tls(None).await?.starts_with("HTTP/1.1 200"));
    Ok(())
}

/// The largest allowed growth in bytes: buffers of a thousand connections, and memory that the allocator keeps.
const GROWTH: f64 = 48.0 * 1024.0 * 1024.0;

/// Sends bytes and returns the response, until the program closes the connection or stops sending.
async fn response_to(port: u16, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    // The program may close the connection while bytes are sent.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut response = Vec::new();
    // A reset ends the response.
    let _ = tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut response)).await?;
    Ok(response)
}

/// A small random number generator, so that a failure can be repeated with its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % n
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or_default()
    }
}

#[tokio::test]
async fn a_client_that_never_reads_is_dropped_while_scrapes_continue() -> anyhow::Result<()> {
    let world = World::start(&users()?).await?;
    let before = world.resident(ANN).await?;
    let mut readers = Vec::new();
    for _ in 0..20 {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        let mut stream = socket.connect(([127, 0, 0, 1], world.port).into()).await?;
        readers.push(tokio::spawn(async move {
            let request = format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{ANN}\r\n");
            // When the buffers are full, nothing more can be written until the program closes the connection.
            tokio::time::timeout(Duration::from_mins(1), async {
                while stream.write_all(request.as_bytes()).await.is_ok() {}
            })
            .await
        }));
    }
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(plain(world.port, "/metrics", ANN).await?.starts_with("HTTP/1.1 200"), "a scrape waits for others");
    }
    for reader in readers {
        assert!(reader.await?.is_ok(), "one who reads nothing is still connected after a minute");
    }
    let after = world.resident(ANN).await?;
    assert!(after < before + GROWTH, "{before} bytes became {after}");
    Ok(())
}

#[tokio::test]
async fn invalid_requests_never_get_a_successful_response() -> anyhow::Result<()> {
    // The reload is enabled, so that only the faults of the request prevent it.
    let mut world = World::start_as(&users()?, &[], "", &["--web.enable-lifecycle"]).await?;
    let good = format!("POST /-/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n{ANN}\r\n");
    assert!(response_to(world.port, good.as_bytes()).await?.starts_with(b"HTTP/1.1 200"), "the reload itself is good");
    let before = world.resident(ANN).await?;
    let many = (0..300).map(|n| format!("X-{n}: y\r\n")).collect::<String>();
    let long = "a".repeat(200_000);
    for bytes in [
        format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{ANN}{many}\r\n"),
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n{ANN}\r\n"),
        format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{long}: y\r\n{ANN}\r\n"),
        format!("GET /metrics HTTP/1.1\r\nHost: x\r\nno colon\r\n{ANN}\r\n"),
        format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n{ANN}\r\n"),
        format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX : y\r\n{ANN}\r\n"),
        format!("{long} /metrics HTTP/1.1\r\nHost: x\r\n{ANN}\r\n"),
        format!("GET /metrics\r\n{ANN}\r\n"),
        format!("GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n{ANN}\r\nhello"),
        format!("GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n{ANN}\r\n"),
        format!("GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n{ANN}\r\n"),
        "\r\n".repeat(100_000),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let response = response_to(world.port, bytes.as_bytes()).await?;
        let head = bytes.chars().take(60).collect::<String>();
        assert!(!response.starts_with(b"HTTP/1.1 2"), "{head:?}: {}", String::from_utf8_lossy(&response));
    }
    // No route reads bodies: the response is that to the head, or a refusal, and there is exactly one.
    for chunk in ["5\r\nhello\r\n", "FFFFFFFFFFFFFFFFFF\r\n", "-1\r\n\r\n", "5;x\r\nhel", "zz\r\n", "7fffffff\r\n"] {
        for head in ["POST /-/reload", "GET /metrics"] {
            let head = format!("{head} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n{ANN}\r\n");
            let response = response_to(world.port, format!("{head}{chunk}{}", chunk.repeat(20_000)).as_bytes()).await?;
            let response = String::from_utf8_lossy(&response);
            assert!(response.matches("HTTP/1.1 2").count() <= 1, "what follows was taken for requests: {response}");
        }
    }
    // Random bytes, and requests with random bytes in some places. None of them has a login.
    let whole =
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    for seed in 1..=200 {
        let mut random = Random(seed);
        let bytes = if seed % 2 == 0 {
            (0..random.below(4_000)).map(|_| random.byte()).collect()
        } else {
            let mut bytes = whole.to_vec();
            for _ in 0..=random.below(6) {
                let at = random.below(bytes.len());
                match random.below(3) {
                    0 => bytes[at] = random.byte(),
                    1 => bytes.insert(at, random.byte()),
                    _ => drop(bytes.remove(at)),
                }
            }
            bytes
        };
        let response = response_to(world.port, &bytes).await?;
        assert!(!response.starts_with(b"HTTP/1.1 2"), "seed {seed}: {}", String::from_utf8_lossy(&response));
    }
    assert!(plain(world.port, "/metrics", ANN).await?.starts_with("HTTP/1.1 200"));
    let after = world.resident(ANN).await?;
    assert!(after < before + GROWTH, "{before} bytes became {after}");
    assert!(world.process.stop(), "it lives, and ends as asked");
    Ok(())
}

#[tokio::test]
async fn ten_thousand_pipelined_requests_are_answered_one_by_one() -> anyhow::Result<()> {
    let world = World::start(&users()?).await?;
    let before = world.resident(ANN).await?;
    let stream = TcpStream::connect(("127.0.0.1", world.port)).await?;
    let (mut read, mut write) = stream.into_split();
    // Every second request has no login: the login of the request before it must not apply.
    let one = format!("GET /-/healthy HTTP/1.1\r\nHost: x\r\n{ANN}\r\nGET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
    let asking = tokio::spawn(async move {
        for _ in 0..5_000 {
            write.write_all(one.as_bytes()).await?;
        }
        write.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
        // The connection is kept until the end, because the server stops writing when a client closes its side.
        anyhow::Ok(write)
    });
    let mut responses = Vec::new();
    tokio::time::timeout(Duration::from_mins(1), read.read_to_end(&mut responses)).await??;
    drop(asking.await??);
    let responses = String::from_utf8(responses)?;
    let codes: Vec<&str> = responses.split("HTTP/1.1 ").skip(1).filter_map(|rest| rest.get(..3)).collect();
    assert_eq!(codes.len(), 10_001);
    assert!(codes[..10_000].chunks(2).all(|pair| pair == ["200", "401"]), "{:?}", &codes[..10]);
    let after = world.resident(ANN).await?;
    assert!(after < before + GROWTH, "{before} bytes became {after}");
    Ok(())
}
