//! The byte stream below HTTP, plain or TLS. It limits the bytes before the response's body, and tolerates a missing
//! end of TLS, as curl does.

use crate::failure::{Failure, causes};
use crate::tcp::connect;
use checklist::Reason;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use url::Url;

/// The limit in bytes for what comes before the body: headers, and informational answers (1xx), of which a server may
/// send any number.
const MAX_HEAD: u64 = 512 * 1024;

/// A plain or a TLS connection.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// Connects to the host of a URL. `tls` is needed for `https` only.
pub(crate) async fn open(url: &Url, tls: Option<ClientConfig>) -> Result<Bounded, Failure> {
    let invalid = |why: &str| Failure::new(Reason::Config, format!("{} is an unusable address: {why}", shown(url)));
    let host = url.host_str().ok_or_else(|| invalid("no host"))?.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().ok_or_else(|| invalid("no port"))?;
    let stream = connect(&host, port).await?;
    let inner: Box<dyn Io> = if url.scheme() == "https" {
        let config = tls.ok_or_else(|| invalid("no TLS configuration for https"))?;
        let name =
            ServerName::try_from(host.clone()).map_err(|_| invalid("the host is not a valid TLS server name"))?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let failed = |error| Failure::new(Reason::Tls, format!("TLS handshake with {host}:{port}: {}", causes(&error)));
        Box::new(stream.map_err(failed)?)
    } else {
        Box::new(stream)
    };
    Ok(Bounded { inner, before: Arc::default() })
}

/// Writes a URL for messages, without login, query and fragment, because these may contain secrets.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // The setters fail only for a URL without a host, which has no login.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// A stream that fails when too many bytes come before the response's body.
pub(crate) struct Bounded {
    inner: Box<dyn Io>,
    /// The bytes received before the body, or [`ANSWERED`].
    before: Arc<AtomicU64>,
}

/// A handle that ends the counting when the body begins, because the body has a limit of its own.
pub(crate) struct Begun(Arc<AtomicU64>);

/// A value that counting never reaches.
const ANSWERED: u64 = u64::MAX / 2;

impl Bounded {
    pub(crate) fn begun(&self) -> Begun {
        Begun(Arc::clone(&self.before))
    }
}

impl Begun {
    /// Stops counting.
    pub(crate) fn now(&self) {
        self.0.store(ANSWERED, Ordering::Relaxed);
    }
}

impl AsyncRead for Bounded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<(), Error>> {
        let filled = buf.filled().len();
        let read = ready!(Pin::new(&mut self.inner).poll_read(cx, buf));
        let count = (buf.filled().len() - filled) as u64;
        let before = self.before.load(Ordering::Relaxed);
        if before < ANSWERED && self.before.fetch_add(count, Ordering::Relaxed) + count > MAX_HEAD {
            let what = format!("the server sent more than {MAX_HEAD} bytes without a complete response head");
            return Poll::Ready(Err(Error::new(ErrorKind::InvalidData, what)));
        }
        Poll::Ready(match read {
            // Servers of the HTTP/1.0 era close the connection without the closing message of TLS. A body with a length
            // is still checked for completeness.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(()),
            read => read,
        })
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize, Error>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
