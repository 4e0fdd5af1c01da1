//! TCP connections whose failures distinguish name resolution from connecting.

use crate::failure::Failure;
use checklist::Reason;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// Resolves the name and connects. Fails with [`Reason::Dns`] or [`Reason::Connect`].
pub async fn connect(host: &str, port: u16) -> Result<TcpStream, Failure> {
    let addresses = resolve(host, port).await?;
    TcpStream::connect(addresses.as_slice()).await.map_err(|error| failed(host, port, Reason::Connect, &error))
}

/// Returns every address of a name once, in the order in which the system prefers them; at least one. Fails with
/// [`Reason::Dns`].
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    let found = tokio::net::lookup_host((host, port)).await.map_err(|error| failed(host, port, Reason::Dns, &error))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(Failure::new(Reason::Dns, format!("connecting to {host}:{port}: the name has no address")));
    }
    Ok(addresses)
}

fn failed(host: &str, port: u16, reason: Reason, error: &std::io::Error) -> Failure {
    Failure::new(reason, format!("connecting to {host}:{port}: {error}"))
}
