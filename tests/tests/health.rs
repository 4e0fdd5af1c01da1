//! Health pages of servers that use HTTP before 1.1, or do not close TLS connections properly.

use checklist::Verdict;
use exporter::run::time::unix_now;
use stack::peers::{Authority, acceptor};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Serves one response over TLS to every client, and then drops the connection without the closing message of TLS.
async fn rude(authority: &Authority, output: Vec<u8>) -> anyhow::Result<u16> {
    let acceptor = acceptor(authority.issue("localhost", 60)?)?.0;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&output).await;
            let _ = stream.flush().await;
            // No close_notify, as in Python's own server.
            let _ = stream.into_inner().0.shutdown().await;
        }
    });
    Ok(port)
}

async fn judged(authority: &Authority, port: u16, more: &str) -> anyhow::Result<(Verdict, String)> {
    let ca = authority.ca_file.display();
    let yaml = format!(
        "health: [{{name: h, url: 'https://localhost:{port}/', caFile: {ca}, expect: {{status: ok}}{more}}}]\n"
    );
    let job = stack::checks::job(&yaml, "health")?;
    job.run().await;
    let state = job.state();
    let failure = state.failure.as_ref().map(ToString::to_string).unwrap_or_default();
    Ok((state.verdict(unix_now()), format!("{failure}{}", state.evidence)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_health_page_is_read_as_by_curl_and_a_truncated_one_fails() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let authority = Authority::new(folder.path())?;
    let body = br#"{"status": "ok"}"#;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, body)?;
    let gzip = gzip.finish()?;
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut deflate, body)?;
    let deflate = deflate.finish()?;
    let of = |head: &str, body: &[u8]| [head.as_bytes(), b"\r\n", body].concat();
    for output in [
        of("HTTP/1.0 200 OK\r\n", body),
        of("HTTP/1.1 200 OK\r\nContent-Length: 16\r\n", body),
        of("HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n", &gzip),
        // A proxy that decompresses but keeps the header, a deflate stream without zlib's header, and another character
        // set.
        of("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n", body),
        of("HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n", &deflate),
        of("HTTP/1.1 200 OK\r\nContent-Encoding: UTF-8\r\n", body),
        // Headers that the standard forbids but curl accepts.
        of("HTTP/1.1 200 OK\r\nContent-Length : 16\r\nX-Folded: one\r\n two\r\nX (odd): 1\r\nno colon\r\n", body),
    ] {
        let port = rude(&authority, output.clone()).await?;
        let (verdict, messages) = judged(&authority, port, "").await?;
        assert_eq!(verdict, Verdict::Passed, "{}: {messages}", String::from_utf8_lossy(&output));
    }
    let port = rude(&authority, of("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n", body)).await?;
    assert_eq!(judged(&authority, port, "").await?.0, Verdict::CannotTell, "a length that is not met");
    let port = rude(&authority, of("HTTP/1.1 429 Too Many\r\nContent-Length: 16\r\n", body)).await?;
    let (verdict, messages) = judged(&authority, port, "").await?;
    assert!(verdict == Verdict::Critical && messages.contains("the status is 429, expected 200"), "{messages}");
    assert_eq!(judged(&authority, port, ", statuses: [200, 429]").await?.0, Verdict::Passed);
    let away = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /login?token=secret\r\n";
    let port = rude(&authority, of(away, b"")).await?;
    let (verdict, messages) = judged(&authority, port, "").await?;
    let leads = format!("it leads to https://localhost:{port}/login, and redirects are not followed");
    assert!(verdict == Verdict::Critical && messages.contains(&leads), "{messages}");
    Ok(())
}
