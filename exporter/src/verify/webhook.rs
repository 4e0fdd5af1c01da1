//! A webhook receiver that `verify-alerts` serves itself. Alertmanager sends it the name of the alert, which is random,
//! so nobody else can claim its delivery.

use anyhow::Context;
use bytes::Bytes;
use clients::synthetic_alert::NAME;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Maximum size of a message in bytes. Alertmanager sends some kilobytes for each group.
const MAX_BODY: usize = 1024 * 1024;
/// Maximum number of connections. Alertmanager keeps a few.
const MAX_CONNECTIONS: usize = 32;
/// Maximum number of alert names that are kept. A run sends two alerts for each Alertmanager.
const MAX_NAMES: usize = 1_000;
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECTION_TIMEOUT: Duration = Duration::from_mins(5);

type Names = Arc<Mutex<BTreeSet<String>>>;

/// The running webhook. Dropping it ends the server.
pub struct Webhook {
    /// The address that the webhook listens on.
    pub address: SocketAddr,
    names: Names,
    task: JoinHandle<()>,
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Webhook {
    /// Starts to listen.
    pub async fn listen(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        let address = listener.local_addr()?;
        let names = Names::default();
        let task = tokio::spawn(accept(listener, Arc::clone(&names)));
        Ok(Self { address, names, task })
    }

    /// Whether a firing alert of this name was received.
    pub fn has_received(&self, name: &str) -> bool {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }
}

async fn accept(listener: TcpListener, names: Names) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = tokio::task::JoinSet::new();
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            // Usually too many open files, which soon become fewer.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let names = Arc::clone(&names);
        connections.spawn(async move {
            // A client that closes the connection early is not an error.
            let _ = tokio::time::timeout(CONNECTION_TIMEOUT, serve(stream, names)).await;
            drop(permit);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, names: Names) -> Result<(), hyper::Error> {
    let service = service_fn(move |request| {
        let names = Arc::clone(&names);
        async move { Ok::<_, Infallible>(receive(request, &names).await) }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    server.serve_connection(TokioIo::new(stream), service).await
}

async fn receive(request: Request<Incoming>, names: &Names) -> Response<Full<Bytes>> {
    let status = if request.method() == Method::POST {
        let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
        match body.map(|body| serde_json::from_slice::<Value>(&body.to_bytes())) {
            Ok(Ok(message)) => {
                let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
                let room = MAX_NAMES.saturating_sub(names.len());
                names.extend(firing(&message).take(room));
                StatusCode::OK
            }
            _ => StatusCode::BAD_REQUEST,
        }
    } else {
        StatusCode::METHOD_NOT_ALLOWED
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// Returns the names of the firing alerts that `verify-alerts` has sent.
fn firing(message: &Value) -> impl Iterator<Item = String> + '_ {
    let alerts = message["alerts"].as_array().into_iter().flatten();
    let names =
        alerts.filter(|alert| alert["status"] == "firing").filter_map(|alert| alert["labels"]["alertname"].as_str());
    names.filter(|name| name.starts_with(NAME) && name.len() < 100).map(str::to_owned)
}
