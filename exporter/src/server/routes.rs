//! The paths: metrics, the status page, one probe now, health and reload. A scrape never waits for a probe.

use crate::run::reload::Source;
use crate::run::schedule::Schedule;
use crate::run::time::unix_now;
use crate::server::page;
use crate::server::report;
use crate::server::snapshot::{Body, Format, render};
use crate::server::web::access::Access;
use crate::server::web::auth;
use crate::server::web::connections::{Connections, OpenRequests};
use crate::server::web::{Rules, Web};
use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, VARY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
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
pub async fn serve(
    listener: TcpListener,
    source: Arc<Source>,
    web: Arc<Web>,
    paths: Paths,
    stop: impl Future<Output = ()>,
) {
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
        let connection =
            Connection { source: Arc::clone(&source), web: Arc::clone(&web), paths, requests: Arc::clone(&requests) };
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
    source: Arc<Source>,
    web: Arc<Web>,
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
        if self.paths == Paths::All { self.web.rules() } else { Arc::default() }
    }

    async fn serve_http<S>(self, stream: S, watcher: Watcher) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(move |request| {
            let (source, rules, answering) = (Arc::clone(&self.source), self.rules(), self.requests.begin());
            let paths = self.paths;
            async move {
                let mut response = authorize(source, &rules, paths, request).await;
                for (name, value) in &rules.headers {
                    response.headers_mut().insert(name, value.clone());
                }
                drop(answering);
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
async fn authorize<B>(source: Arc<Source>, rules: &Rules, paths: Paths, request: Request<B>) -> Response<Full<Bytes>> {
    if paths == Paths::Health && !["/-/healthy", "/-/ready"].contains(&request.uri().path()) {
        return text(StatusCode::NOT_FOUND, "only /-/healthy and /-/ready are shown here\n");
    }
    if paths == Paths::Health {
        return respond(source, request).await;
    }
    let (passwords, tokens) = (rules.passwords.as_ref(), source.tokens());
    match auth::authorize(passwords, tokens.as_deref(), request.headers(), request.method(), request.uri().path()).await
    {
        Access::Granted => respond(source, request).await,
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

async fn respond<B>(source: Arc<Source>, request: Request<B>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if path == "/-/reload" {
        return reload(&source, request.method());
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is allowed\n");
    }
    let schedule = &source.schedule;
    match path {
        "/metrics" => {
            let latest = schedule.latest.load();
            let format = format_of(request.headers());
            metrics(latest.body(format), format, request.headers())
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

fn metrics(body: &Body, format: Format, headers: &HeaderMap) -> Response<Full<Bytes>> {
    let (bytes, encoding) = match encoding_of(headers) {
        Some("zstd") => (body.zstd.clone(), Some("zstd")),
        Some(_) => (body.gzip.clone(), Some("gzip")),
        None => (body.plain.clone(), None),
    };
    let content_type = match format {
        Format::Classic => "text/plain; version=0.0.4; charset=utf-8",
        Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    };
    let mut response = Response::new(Full::new(bytes));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if let Some(encoding) = encoding {
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
    let wanted = |job: &&Arc<crate::run::schedule::Job>| {
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
    let states: Vec<_> = jobs.iter().map(|job| job.state()).collect();
    let borrowed: Vec<_> = states.iter().map(|state| &**state).collect();
    let plain = render(&borrowed, unix_now(), &schedule.own(), Format::Classic);
    metrics(&Body { plain: plain.into(), ..Body::default() }, Format::Classic, &HeaderMap::new())
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

/// The format with the greater weight; the classic one when the client does not care.
fn format_of(headers: &HeaderMap) -> Format {
    let (mut open, mut classic) = (0.0, 0.0);
    for (name, quality) in weighted(headers, &ACCEPT) {
        if name == "application/openmetrics-text" {
            open = f32::max(open, quality);
        } else if matches!(name.as_str(), "text/plain" | "text/*" | "*/*") {
            classic = f32::max(classic, quality);
        }
    }
    if open > classic { Format::OpenMetrics } else { Format::Classic }
}

fn encoding_of(headers: &HeaderMap) -> Option<&'static str> {
    let offered = weighted(headers, &ACCEPT_ENCODING);
    let quality = |name: &str| offered.iter().find(|(offer, _)| offer == name).map_or(0.0, |(_, quality)| *quality);
    let (zstd, gzip) = (quality("zstd"), quality("gzip"));
    match (zstd > 0.0, gzip > 0.0) {
        (true, _) if zstd >= gzip => Some("zstd"),
        (_, true) => Some("gzip"),
        _ => None,
    }
}

/// The alternatives of an `Accept` header with their `q` values.
fn weighted(headers: &HeaderMap, name: &hyper::header::HeaderName) -> Vec<(String, f32)> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|alternative| {
            let mut parts = alternative.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            (name, quality)
        })
        .collect()
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

    fn headers(name: hyper::header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn prometheus_gets_openmetrics_and_curl_the_classic_text() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(format_of(&headers(ACCEPT, prometheus)), Format::OpenMetrics);
        assert_eq!(format_of(&headers(ACCEPT, "*/*")), Format::Classic);
        assert_eq!(format_of(&HeaderMap::new()), Format::Classic);
    }

    #[test]
    fn the_preferred_compression_is_used_and_none_when_refused() {
        assert_eq!(encoding_of(&headers(ACCEPT_ENCODING, "gzip")), Some("gzip"));
        assert_eq!(encoding_of(&headers(ACCEPT_ENCODING, "gzip, zstd")), Some("zstd"));
        assert_eq!(encoding_of(&headers(ACCEPT_ENCODING, "zstd;q=0.1, gzip")), Some("gzip"));
        assert_eq!(encoding_of(&headers(ACCEPT_ENCODING, "gzip;q=0")), None);
    }
}
