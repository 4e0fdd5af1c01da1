//! TCP connections whose failures distinguish name resolution from connecting.

use crate::failure::Failure;
use checklist::Reason;
use tokio::net::TcpStream;

/// Resolves the name and connects. Fails with [`Reason::Dns`] or [`Reason::Connect`].
pub async fn connect(host: &str, port: u16) -> Result<TcpStream, Failure> {
    let failed = |reason, error: std::io::Error| Failure::new(reason, format!("connecting to {host}:{port}: {error}"));
    let addresses: Vec<_> =
        tokio::net::lookup_host((host, port)).await.map_err(|error| failed(Reason::Dns, error))?.collect();
    TcpStream::connect(addresses.as_slice()).await.map_err(|error| failed(Reason::Connect, error))
}
