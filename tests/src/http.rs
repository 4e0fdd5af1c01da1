//! HTTP for the harness: a small client, and servers that are made of a function.

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The body type of all responses in the harness.
pub type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;

/// A running server. Dropping it ends it.
pub struct Server {
    pub port: u16,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Makes a body of bytes.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Makes a response with a status, a content type and a body.
pub fn response(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = content_type.parse() {
        response.headers_mut().insert("content-type", value);
    }
    response
}

/// Serves a function on a free port, with TLS if an acceptor is given.
pub async fn serve<F, R>(tls: Option<tokio_rustls::TlsAcceptor>, f: F) -> anyhow::Result<Server>
where
    F: Fn(Request<hyper::body::Incoming>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let f = Arc::new(f);
    let task = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (f, tls) = (Arc::clone(&f), tls.clone());
            connections.spawn(async move {
                match tls {
                    None => serve_connection(stream, f).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve_connection(stream, f).await;
                        }
                    }
                }
            });
            while connections.try_join_next().is_some() {}
        }
    });
    Ok(Server { port, task })
}

async fn serve_connection<S, F, R>(stream: S, f: Arc<F>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<hyper::body::Incoming>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let service = hyper::service::service_fn(move |request| {
        let response = f(request);
        async move { Ok::<_, Infallible>(response.await) }
    });
    // Errors are expected: some tests close connections early.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Sends a GET request or, with a body, a POST request. Returns status and body.
pub async fn request(url: &str, body: Option<&str>, headers: &[(&str, &str)]) -> anyhow::Result<(u16, Bytes)> {
    let method = if body.is_some() { "POST" } else { "GET" };
    exchange(method, url, Bytes::copy_from_slice(body.unwrap_or_default().as_bytes()), headers).await
}

/// Sends a POST request with bytes. Returns status and body.
pub async fn post(url: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> anyhow::Result<(u16, Bytes)> {
    exchange("POST", url, body.into(), headers).await
}

async fn exchange(method: &str, url: &str, body: Bytes, headers: &[(&str, &str)]) -> anyhow::Result<(u16, Bytes)> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body))?;
    let exchange = async {
        let response = client.request(request).await?;
        let status = response.status().as_u16();
        anyhow::Ok((status, response.into_body().collect().await?.to_bytes()))
    };
    tokio::time::timeout(Duration::from_mins(1), exchange).await.with_context(|| format!("{url}: no answer"))?
}

/// Sends a GET request and parses the response as JSON.
pub async fn json(url: &str) -> anyhow::Result<serde_json::Value> {
    let (status, body) = request(url, None, &[]).await?;
    serde_json::from_slice(&body)
        .with_context(|| format!("{url} answered {status}: {}", String::from_utf8_lossy(&body)))
}

/// Whether a GET request returns 200.
pub async fn is_up(url: &str) -> bool {
    matches!(request(url, None, &[]).await, Ok((200, _)))
}

/// Sends a GET request. Returns the status and the headers, one per line.
pub async fn headers(url: &str) -> anyhow::Result<(u16, String)> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(Request::get(url).body(Full::default())?).await?;
    let lines =
        response.headers().iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap_or_default()));
    Ok((response.status().as_u16(), lines.collect()))
}
