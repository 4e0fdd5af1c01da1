//! Finds an address of the server that accepts a connection, and logs in.

use crate::sources::postgres::failure::{During, failure, failure_without, of_io};
use crate::sources::postgres::wire::{Bounded, BoundedTls, Received, Socket};
use checklist::Reason;
use checklist::config::{Postgres as Target, PostgresTls};
use clients::failure::Failure;
use clients::{secret, trust};
use secrecy::ExposeSecret;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Timeout of a TCP connection to one address.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// An address of a server.
#[derive(Debug, Clone)]
pub(in crate::sources::postgres) enum Address {
    /// An IP address with port, and the host name that the certificate must have.
    Tcp(SocketAddr, String),
    /// A Unix socket, which needs no encryption.
    Unix(PathBuf),
}

/// A connection that is logged in.
pub(super) struct Connected {
    pub(super) client: Client,
    /// The task that reads and writes the socket.
    pub(super) driver: JoinHandle<()>,
    pub(super) address: Address,
    pub(super) received: Received,
    /// Why the connection ended, if it has.
    pub(super) ended: Arc<Mutex<Option<Failure>>>,
    /// Local port of a TCP connection; `None` for a Unix socket.
    pub(super) port: Option<u16>,
}

/// Connects to the first address that accepts, and logs in.
pub(super) async fn connect(target: &Target) -> Result<Connected, Failure> {
    let mut refused = None;
    for address in addresses(target).await? {
        match dial(&address).await {
            Ok((socket, port)) => return login(target, address, socket, port).await,
            Err(failure) => refused = Some(failure),
        }
    }
    Err(refused.unwrap_or_else(|| Failure::new(Reason::Dns, "the name resolves to no address")))
}

/// Resolves the host of a target to addresses, in the order in which they are tried. Several hosts are separated by
/// commas; a host that begins with a slash is the folder of a Unix socket; brackets around an IPv6 address are removed.
async fn addresses(target: &Target) -> Result<Vec<Address>, Failure> {
    let mut found = Vec::new();
    for host in target.host.split(',').map(str::trim) {
        if host.starts_with('/') {
            found.push(Address::Unix(PathBuf::from(host).join(format!(".s.PGSQL.{}", target.port))));
            continue;
        }
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let known = tokio::net::lookup_host((host, target.port)).await;
        let known = known.map_err(|error| Failure::new(Reason::Dns, format!("resolving {host}: {error}")))?;
        found.extend(known.map(|address| Address::Tcp(address, host.to_owned())));
    }
    Ok(found)
}

pub(super) async fn dial(address: &Address) -> Result<(Socket, Option<u16>), Failure> {
    match address {
        Address::Tcp(peer, _) => {
            let Ok(stream) = tokio::time::timeout(CONNECT, TcpStream::connect(peer)).await else {
                return Err(Failure::new(
                    Reason::Timeout,
                    format!("connecting to {peer}: no response within {CONNECT:?}"),
                ));
            };
            let ready = |stream: TcpStream| {
                stream.set_nodelay(true)?;
                Ok((stream.local_addr()?.port(), stream))
            };
            let (port, stream) = stream.and_then(ready).map_err(|error| unreachable(address, &error))?;
            Ok((Socket::Tcp(stream), Some(port)))
        }
        Address::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(|error| unreachable(address, &error))?;
            Ok((Socket::Unix(stream), None))
        }
    }
}

fn unreachable(address: &Address, error: &std::io::Error) -> Failure {
    let what = match address {
        Address::Tcp(peer, _) => peer.to_string(),
        Address::Unix(path) => path.display().to_string(),
    };
    Failure::new(of_io(error, During::Login), format!("connecting to {what}: {error}"))
}

async fn login(target: &Target, address: Address, socket: Socket, port: Option<u16>) -> Result<Connected, Failure> {
    let mut config = Config::new();
    config.dbname(&target.database).user(&target.user).application_name("checklist-exporter");
    let password = match &target.password {
        Some(password) => Some(secret::read(password).await?),
        None => None,
    };
    if let Some(password) = &password {
        config.password(password.expose_secret());
    }
    // A server that gets the password in clear text may repeat it in its error message.
    let refused = |error: tokio_postgres::Error| failure_without(password.as_ref(), &error, During::Login);
    let (received, ended) = (Received::default(), Arc::default());
    let (client, driver) = if let Some(tls) = encryption(target, &address).await? {
        config.ssl_mode(tokio_postgres::config::SslMode::Require);
        let tls = BoundedTls(tls, received.clone());
        let (client, connection) = config.connect_raw(socket, tls).await.map_err(refused)?;
        (client, tokio::spawn(drive(connection, Arc::clone(&ended))))
    } else {
        config.ssl_mode(tokio_postgres::config::SslMode::Disable);
        let socket = Bounded::new(socket, received.clone());
        let (client, connection) = config.connect_raw(socket, NoTls).await.map_err(refused)?;
        (client, tokio::spawn(drive(connection, Arc::clone(&ended))))
    };
    // The bytes of the login do not count.
    drop(received.response());
    Ok(Connected { client, driver, address, received, ended, port })
}

type Tls = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;

/// Returns how a connection to an address is encrypted, if it is.
pub(super) async fn encryption(target: &Target, address: &Address) -> Result<Option<Tls>, Failure> {
    let Address::Tcp(_, name) = address else { return Ok(None) };
    let mut make = match target.tls {
        PostgresTls::Disable => return Ok(None),
        PostgresTls::Require => MakeRustlsConnect::new(trust::unverified()?),
        PostgresTls::VerifyFull => MakeRustlsConnect::new(trust::verified(target.ca_file.as_deref()).await?),
    };
    let tls = MakeTlsConnect::<Socket>::make_tls_connect(&mut make, name);
    tls.map(Some).map_err(|error| Failure::new(Reason::Tls, error.to_string()))
}

async fn drive<S, T>(connection: tokio_postgres::Connection<S, T>, ended: Arc<Mutex<Option<Failure>>>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut connection = connection;
    // The connection is dropped after `ended` is set; only then does the waiting statement see that it ended.
    if let Err(error) = (&mut connection).await {
        tracing::debug!(%error, "PostgreSQL connection ended");
        *ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure(&error, During::Statement));
    }
}
