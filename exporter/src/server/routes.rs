//! The paths: metrics, the status page, one probe now, health and reload. A scrape never waits for a probe.

use crate::run::reload::Source;
use crate::run::schedule::Schedule;
use crate::run::time::unix_now;
use crate::server::exposition::collector::States;
use crate::server::exposition::format::Accepted;
use crate::server::exposition::publisher;
use crate::server::exposition::snapshot::{Latest, Snapshot};
use crate::server::page;
use crate::server::report;
use crate::server::web::access::Access;
use crate::server::web::auth;
use crate::server::web::connections::{Connections, OpenRequests};
use crate::server::web::{Rules, Web};
use anyhow::Context;
use bytes::Bytes;
use clients::Failure;
use http_body_util::Full;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, VARY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;

/// Connections at a time; Prometheus servers and people need a handful.
const MAX_CONNECTIONS: usize = 256;
/// A client has this long to send its request head, and a connection to be used again.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that takes nothing of its answer for this long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// What requests are answered from.
#[derive(Clone)]
pub struct Site {
    /// The configuration and the checks.
    pub source: Arc<Source>,
    /// Who may read.
    pub web: Arc<Web>,
    /// The exposition.
    pub latest: Arc<Latest>,
}

impl Site {
    /// Of a configuration; the exposition already has every series of checks that have not run.
    pub fn new(source: Arc<Source>, web: Arc<Web>) -> Self {
        let latest = Arc::new(Latest::new(publisher::states(&source.schedule)));
        Self { source, web, latest }
    }
}

/// Which paths a listener serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paths {
    /// All of them, to authorized requests.
    All,
    /// Health alone, to anyone, in clear text.
    Health,
}

/// Listens. `[::]` takes both families, and means the old one alone where the kernel knows no IPv6.
///
/// # Errors
/// The operating system's, with the address.
pub async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let mut bound = TcpListener::bind(address).await;
    if let Err(error) = &bound
        && error.raw_os_error() == Some(nix::libc::EAFNOSUPPORT)
        && address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    {
        bound = TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await;
    }
    bound.with_context(|| format!("cannot listen on {address}"))
}

/// Serves until `stop` resolves, then lets open requests end.
pub async fn serve(listener: TcpListener, site: Site, paths: Paths, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let connections = Connections::new(MAX_CONNECTIONS);
    tokio::pin!(stop);
    loop {
        let stream = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _peer)) => stream,
                // Out of descriptors: wait for some to be closed instead of spinning.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        // Beyond the limit a connection is closed at once, which the client sees.
        if !connections.make_room() {
            continue;
        }
        let requests = Arc::new(OpenRequests::default());
        let connection = Connection { site: site.clone(), paths, requests: Arc::clone(&requests) };
        let watcher = graceful.watcher();
        let task = tokio::spawn(async move {
            if let Err(error) = connection.serve(stream, watcher).await {
                tracing::debug!(error, "connection ended");
            }
        });
        connections.register(requests, task.abort_handle());
    }
    connections.close_idle();
    // Prometheus gives up on a scrape after ten seconds, so nothing worth having takes longer.
    let _ = tokio::time::timeout(Duration::from_secs(10), graceful.shutdown()).await;
}

/// One connection.
struct Connection {
    site: Site,
    paths: Paths,
    requests: Arc<OpenRequests>,
}

impl Connection {
    async fn serve(self, stream: TcpStream, watcher: Watcher) -> Result<(), String> {
        // A handshake in several small segments must not wait for the acknowledgement of the first.
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_TIMEOUT));
        let stream = Box::pin(stream);
        match self.rules().tls.clone() {
            Some(acceptor) => {
                let stream = acceptor.accept(stream).await?;
                self.serve_http(stream, watcher).await
            }
            None => self.serve_http(stream, watcher).await,
        }
    }

    /// Asked for anew by every request, so that a login that is taken away ends with the request that is open.
    fn rules(&self) -> Arc<Rules> {
        if self.paths == Paths::All { self.site.web.rules() } else { Arc::default() }
    }

    async fn serve_http<S>(self, stream: S, watcher: Watcher) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(move |request| {
            let (site, rules, open) = (self.site.clone(), self.rules(), self.requests.begin());
            let paths = self.paths;
            async move {
                let mut response = authorize(&site, &rules, paths, request).await;
                for (name, value) in &rules.headers {
                    response.headers_mut().insert(name, value.clone());
                }
                drop(open);
                Ok::<_, Infallible>(response)
            }
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(16 * 1024);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        watcher.watch(connection).await.map_err(|error| error.to_string())
    }
}

/// Answers a request if it is authorized; the only caller of [`respond`].
async fn authorize<B>(site: &Site, rules: &Rules, paths: Paths, request: Request<B>) -> Response<Full<Bytes>> {
    if paths == Paths::Health && !["/-/healthy", "/-/ready"].contains(&request.uri().path()) {
        return text(StatusCode::NOT_FOUND, "only /-/healthy and /-/ready are shown here\n");
    }
    if paths == Paths::Health {
        return respond(site, request).await;
    }
    let (passwords, tokens) = (rules.passwords.as_ref(), site.source.tokens());
    match auth::authorize(passwords, tokens.as_deref(), request.headers(), request.method(), request.uri().path()).await
    {
        Access::Granted => respond(site, request).await,
        Access::Unauthenticated => {
            let mut response = text(StatusCode::UNAUTHORIZED, "unauthorized\n");
            let schemes = [
                passwords.map(|_| HeaderValue::from_static("Basic realm=\"checklist\"")),
                tokens.map(|_| HeaderValue::from_static("Bearer realm=\"checklist\"")),
            ];
            for scheme in schemes.into_iter().flatten() {
                response.headers_mut().append(WWW_AUTHENTICATE, scheme);
            }
            response
        }
        Access::Forbidden => text(StatusCode::FORBIDDEN, "forbidden\n"),
        Access::Undecided => text(StatusCode::SERVICE_UNAVAILABLE, "the Kubernetes API does not say who you are\n"),
    }
}

async fn respond<B>(site: &Site, request: Request<B>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if path == "/-/reload" {
        return reload(&site.source, request.method());
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is allowed\n");
    }
    let (source, schedule) = (&site.source, &site.source.schedule);
    match path {
        "/metrics" => {
            let accepted = Accepted::by(request.headers());
            metrics(site.latest.body(&accepted), &accepted)
        }
        "/probe" => probe(schedule, request.uri().query().unwrap_or_default(), request.headers()).await,
        "/-/healthy" => text(StatusCode::OK, "checklist-exporter is healthy\n"),
        "/-/ready" => match schedule.ours().iter().filter(|job| !job.state().has_run()).count() {
            0 => text(StatusCode::OK, "every check has run\n"),
            waiting => text(StatusCode::SERVICE_UNAVAILABLE, &format!("{waiting} checks have not run yet\n")),
        },
        "/" => html(page::overview(schedule, &source.config())),
        "/tasks" => html(crate::server::page_tasks::overview(&source.config(), jiff::Timestamp::now()).await),
        "/api/v1/checks" => whole(StatusCode::OK, "application/json", report::json(&schedule.ours()).to_string()),
        _ => match path.strip_prefix("/checks/") {
            Some(check) => page::history(&schedule.ours(), &source.config(), check)
                .map_or_else(|| text(StatusCode::NOT_FOUND, "no such check is made here\n"), html),
            None => text(StatusCode::NOT_FOUND, "no such page; see /\n"),
        },
    }
}

/// Loads checklist.yaml again; the answer has every mistake.
fn reload(source: &Source, method: &Method) -> Response<Full<Bytes>> {
    if method != Method::POST {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only POST is allowed\n");
    }
    match source.reload() {
        Ok(()) => text(StatusCode::OK, "loaded\n"),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}\n")),
    }
}

/// An exposition, or that it cannot be written.
fn metrics(body: Result<Bytes, Failure>, accepted: &Accepted) -> Response<Full<Bytes>> {
    let body = match body {
        Ok(body) => body,
        Err(failure) => return text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{}\n", failure.message)),
    };
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(CONTENT_TYPE, accepted.content_type());
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if let Some(encoding) = accepted.encoding.name() {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// Runs one configured check now, within the scrape's own timeout, and shows it alone.
async fn probe(schedule: &Schedule, query: &str, headers: &HeaderMap) -> Response<Full<Bytes>> {
    let mut check = None;
    let mut target = None;
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match key.as_ref() {
            "check" => check = Some(value.into_owned()),
            "target" => target = Some(value.into_owned()),
            other => return text(StatusCode::BAD_REQUEST, &format!("unknown parameter {other}\n")),
        }
    }
    let Some(check) = check else { return text(StatusCode::BAD_REQUEST, "the parameter check is missing\n") };
    let wanted = |job: &&Arc<crate::run::job::Job>| {
        let state = job.state();
        state.check.signal.id == check && target.as_ref().is_none_or(|target| *target == state.check.target)
    };
    let all = schedule.jobs();
    let jobs: Vec<_> = all.iter().filter(wanted).collect();
    if jobs.is_empty() {
        return text(StatusCode::NOT_FOUND, "no such check is configured\n");
    }
    let elsewhere = || text(StatusCode::CONFLICT, "the holder of the lease makes this check, and that is not us\n");
    if !jobs.iter().all(|job| job.is_ours()) {
        return elsewhere();
    }
    let seconds =
        headers.get("x-prometheus-scrape-timeout-seconds").and_then(|value| value.to_str().ok()?.parse().ok());
    let within = Duration::try_from_secs_f64(seconds.unwrap_or(10.0_f64).clamp(0.5, 120.0) * 0.95).unwrap_or_default();
    let runs = futures::future::join_all(jobs.iter().map(|job| job.run()));
    if tokio::time::timeout(within, runs).await.is_err() {
        return text(StatusCode::GATEWAY_TIMEOUT, "the check did not end within the scrape timeout\n");
    }
    // The lease may have been lost meanwhile.
    if !jobs.iter().all(|job| job.is_ours()) {
        return elsewhere();
    }
    let states =
        States { states: jobs.iter().map(|job| job.state()).collect(), now: unix_now(), process: schedule.status() };
    let accepted = Accepted::by(headers).uncompressed();
    metrics(Snapshot::of(states).body(accepted.format, accepted.encoding), &accepted)
}

fn text(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    whole(status, "text/plain; charset=utf-8", message.to_owned())
}

/// A page that may load nothing, from anywhere.
fn html(page: String) -> Response<Full<Bytes>> {
    let mut response = whole(StatusCode::OK, "text/html; charset=utf-8", page);
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

fn whole(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_unspecified_address_takes_both_families() -> anyhow::Result<()> {
        let port = listen((Ipv6Addr::UNSPECIFIED, 0).into()).await?.local_addr()?.port();
        let listener = listen((Ipv6Addr::UNSPECIFIED, port).into()).await?;
        let (old, _) = tokio::try_join!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)), listener.accept())?;
        assert_eq!(old.peer_addr()?.port(), port);
        let busy = listen((Ipv6Addr::UNSPECIFIED, port).into()).await.err().map(|error| format!("{error:#}"));
        assert!(busy.is_some_and(|why| why.starts_with(&format!("cannot listen on [::]:{port}: "))));
        Ok(())
    }
}
