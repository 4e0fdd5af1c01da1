//! The HTTP listeners: accept connections up to a limit, with TLS if configured, and serve them until the program
//! stops.

use super::responses::finish;
use super::routes::{authorize, health};
use super::site::Site;
use super::web::Rules;
use super::web::connections::{Connections, OpenRequests};
use crate::run::process;
use anyhow::Context;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;

/// Maximum number of connections. Prometheus servers and people need a handful.
const MAX_CONNECTIONS: usize = 256;
/// Maximum number of connections to the health listener.
const MAX_HEALTH: usize = 32;
/// Timeout for the head of a request, and for the next request on an idle connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that accepts no data for this long counts as gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The paths that a listener serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paths {
    /// All paths, for authorized requests.
    All,
    /// Only health, without login and TLS.
    Health,
}

impl Paths {
    /// Returns the maximum number of connections. At least half of the process's file descriptors are left to the
    /// checks.
    fn most(self, descriptors: Option<u64>) -> usize {
        let (most, part) = match self {
            Self::All => (MAX_CONNECTIONS, 2),
            Self::Health => (MAX_HEALTH, 16),
        };
        let share = descriptors.and_then(|all| usize::try_from(all).ok()).map_or(most, |all| all / part);
        share.clamp(4, most)
    }
}

/// Binds the address. `[::]` accepts IPv4 and IPv6; on a kernel without IPv6 it means all IPv4 addresses.
///
/// # Errors
/// The operating system's error, with the address.
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

/// Serves connections until `stop` resolves, then lets open requests finish.
pub async fn serve(listener: TcpListener, site: Site, paths: Paths, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let connections = Connections::new(paths.most(process::max_descriptors()));
    tokio::pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // Usually the file descriptors are used up. The pause avoids a busy loop until some are closed.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        // All connections are busy: the new one is closed at once, so that the client sees an error.
        if !connections.make_room().await {
            continue;
        }
        let requests = Arc::new(OpenRequests::default());
        let from = peer.ip().to_canonical();
        let connection = Connection { site: site.clone(), paths, from, requests: Arc::clone(&requests) };
        let watcher = graceful.watcher();
        let task = tokio::spawn(async move {
            if let Err(error) = connection.serve(stream, watcher).await {
                tracing::debug!(error, "connection ended");
            }
        });
        connections.register(requests, task.abort_handle());
    }
    connections.close_idle();
    // Prometheus' default scrape timeout is ten seconds, so nobody waits longer for a response.
    let _ = tokio::time::timeout(Duration::from_secs(10), graceful.shutdown()).await;
}

/// One accepted connection.
struct Connection {
    site: Site,
    paths: Paths,
    from: IpAddr,
    requests: Arc<OpenRequests>,
}

impl Connection {
    async fn serve(self, stream: TcpStream, watcher: Watcher) -> Result<(), String> {
        // Without TCP_NODELAY, a handshake in several small segments waits for the acknowledgement of the first one.
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

    /// Returns the present rules. Every request asks again, so that a removed login is refused from the next request
    /// on.
    fn rules(&self) -> Arc<Rules> {
        if self.paths == Paths::All { self.site.web.rules() } else { Arc::default() }
    }

    async fn serve_http<S>(self, stream: S, watcher: Watcher) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(move |request| {
            let (site, rules, open) = (self.site.clone(), self.rules(), self.requests.begin());
            let (paths, from, requests) = (self.paths, self.from, Arc::clone(&self.requests));
            async move {
                let mut response = match paths {
                    Paths::All => {
                        let (response, known) = authorize(&site, &rules, from, request).await;
                        if known {
                            requests.set_known();
                        }
                        response
                    }
                    Paths::Health => health(&site, &request),
                };
                finish(&mut response);
                for (name, value) in &rules.headers {
                    response.headers_mut().insert(name, value.clone());
                }
                drop(open);
                Ok::<_, Infallible>(response)
            }
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(16 * 1024);
        // A client that closes its sending side after the request still gets the response.
        builder.half_close(true);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        watcher.watch(connection).await.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connection_limit_leaves_file_descriptors_for_the_checks() {
        for (descriptors, all, health) in
            [(None, 256, 32), (Some(1_048_576), 256, 32), (Some(1024), 256, 32), (Some(128), 64, 8), (Some(4), 4, 4)]
        {
            assert_eq!((Paths::All.most(descriptors), Paths::Health.most(descriptors)), (all, health));
        }
    }

    #[tokio::test]
    async fn the_unspecified_address_listens_on_ipv4_and_ipv6() -> anyhow::Result<()> {
        let port = listen((Ipv6Addr::UNSPECIFIED, 0).into()).await?.local_addr()?.port();
        let listener = listen((Ipv6Addr::UNSPECIFIED, port).into()).await?;
        let (old, _) = tokio::try_join!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)), listener.accept())?;
        assert_eq!(old.peer_addr()?.port(), port);
        let in_use = listen((Ipv6Addr::UNSPECIFIED, port).into()).await.err().map(|error| format!("{error:#}"));
        assert!(in_use.is_some_and(|why| why.starts_with(&format!("cannot listen on [::]:{port}: "))));
        Ok(())
    }
}
