//! Health pages that are cut or ambiguous, and TLS servers that show only a part of their chain.

use crate::Tried;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use stack::http::{response, serve};
use stack::peers::{Authority, acceptor};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub(super) async fn try_all(tried: &mut Tried) -> anyhow::Result<()> {
    cut_pages(tried).await?;
    cut_chains(tried).await
}

/// Starts a server that ends each connection after these bytes. Returns its port; it ends with the set of tasks.
async fn cut(bytes: String, tasks: &mut JoinSet<()>) -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            // A client that goes away first is not an error.
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(bytes.as_bytes()).await;
        }
    });
    Ok(port)
}

async fn cut_pages(tried: &mut Tried) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    let page =
        |port: u16, more: &str| format!("health: [{{name: app, url: 'http://127.0.0.1:{port}/health', {more}}}]\n");
    let body = "{\"status\": \"healthy\", \"db\": {";
    let head = |status: &str, framing: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{framing}\r\n\r\n")
    };
    for framing in ["Content-Length: 400", "Transfer-Encoding: chunked"] {
        let chunk = if framing.starts_with('C') { body.to_owned() } else { format!("{:x}\r\n{body}", body.len() + 9) };
        let port = cut(head("200 OK", framing) + &chunk, &mut tasks).await?;
        tried.cannot_tell(&page(port, "expect: {status: healthy}"), "health", &["/health: "]).await?;
        tried.cannot_tell(&page(port, "statuses: [200]"), "health", &["/health: "]).await?;
        // The status is known, and it is a fault.
        let port = cut(head("503 Service Unavailable", framing) + &chunk, &mut tasks).await?;
        let seen = crate::run(&page(port, "expect: {status: healthy}"), "health").await?;
        if !seen.words.contains("the status is 503") {
            tried.wrong.push(format!("health, a refusal that is cut: {}", seen.words));
        }
    }
    // A field that the page has twice is not seen, and the others are judged.
    let twice = "{\"db\": \"down\", \"db\": \"up\", \"queue\": \"QUEUE\"}";
    for (queue, is_good) in [("up", true), ("down", false)] {
        let body = twice.replace("QUEUE", queue);
        let server = serve(None, move |_| {
            let body = body.clone();
            async move { response(200, "application/json", body) }
        })
        .await?;
        let yaml = page(server.port, "expect: {db: up, queue: up}");
        if is_good {
            tried.cannot_tell(&yaml, "health", &["the body has db twice"]).await?;
        } else {
            tried.finds(&yaml, "health", &["the body has db twice", "queue is \"down\""]).await?;
        }
    }
    Ok(())
}

async fn cut_chains(tried: &mut Tried) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let authority = Authority::new(folder.path())?;
    let yaml = |port: u16| {
        format!("certificates: [{{name: c, address: 'localhost:{port}', caFile: {}}}]\n", authority.ca_file.display())
    };
    for (days, is_good) in [(60, true), (2, false)] {
        let own = authority.issue("localhost", days)?;
        // The second certificate of the chain cannot be read.
        let torn = CertificateDer::from(own.cert[0][..own.cert[0].len() / 2].to_vec());
        let chain = CertifiedKey::new(vec![own.cert[0].clone(), torn], Arc::clone(&own.key));
        let server = serve(Some(acceptor(Arc::new(chain))?.0), |_| async { response(200, "text/plain", "") }).await?;
        let gap = format!("cannot parse certificate chain-1 of localhost:{}", server.port);
        if is_good {
            tried.cannot_tell(&yaml(server.port), "certificates", &[&gap]).await?;
            // The connection breaks within the server's flight, in which its certificate is.
            let mut tasks = JoinSet::new();
            let port = broken_after(300, server.port, &mut tasks).await?;
            tried.cannot_tell(&yaml(port), "certificates", &["TLS handshake with localhost"]).await?;
        } else {
            tried.finds(&yaml(server.port), "certificates", &[&gap, "leaf localhost expires first"]).await?;
        }
    }
    Ok(())
}

/// Starts a proxy that ends each connection after some bytes of the server. Returns its port.
async fn broken_after(bytes: usize, server: u16, tasks: &mut JoinSet<()>) -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    tasks.spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { continue };
            let mut hello = [0; 4096];
            let Ok(length) = client.read(&mut hello).await else { continue };
            let mut flight = vec![0; bytes];
            if server.write_all(&hello[..length]).await.is_ok() && server.read_exact(&mut flight).await.is_ok() {
                // A client that goes away first is not an error.
                let _ = client.write_all(&flight).await;
            }
        }
    });
    Ok(port)
}
