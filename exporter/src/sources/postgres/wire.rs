//! Bounds what a server may send. The bytes of another protocol can look like a message of a gigabyte, and the client
//! would allocate it, which takes the memory of all checks.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// Maximum size of a message in bytes. No check needs a longer one: a row of labels and numbers, the description of its
/// columns, an error.
const MAX_MESSAGE: u32 = 1024 * 1024;
/// Maximum size of the whole response to a statement in bytes.
const MAX_RESPONSE: u64 = 16 * 1024 * 1024;
/// Maximum size in bytes of all answers that are being read at a time, from all servers. Beyond it, answers larger than
/// [`SMALL`] are refused.
const MAX_TOGETHER: u64 = 24 * 1024 * 1024;
/// Size in bytes up to which a response is always read.
const SMALL: u64 = 1024 * 1024;
/// Size of a message header in bytes: one for the type, four for the length.
const HEADER: usize = 5;

/// A connection to a server.
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, into),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// The error for a peer that sends more than any check needs.
#[derive(Debug)]
pub(super) enum Oversized {
    /// A message of this many bytes.
    Message(u32),
    /// A response that exceeds [`MAX_RESPONSE`].
    Response,
    /// A response that exceeds [`MAX_TOGETHER`] together with those of other servers.
    Together,
}

impl std::fmt::Display for Oversized {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Message(bytes) => write!(f, "a message of {bytes} bytes; the limit is {MAX_MESSAGE}"),
            Self::Response => write!(f, "a response of more than {MAX_RESPONSE} bytes"),
            Self::Together => {
                write!(
                    f,
                    "a response of more than {SMALL} bytes while other large responses are being read; the limit for all together is {MAX_TOGETHER}"
                )
            }
        }
    }
}

impl std::error::Error for Oversized {}

/// Number of bytes of all answers that are being read.
static TOGETHER: AtomicU64 = AtomicU64::new(0);

/// Number of bytes of the response that one session is reading.
#[derive(Debug, Clone, Default)]
pub(super) struct Received(Arc<Count>);

#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Count {
    fn forget(&self) {
        TOGETHER.fetch_sub(self.0.swap(0, Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.forget();
    }
}

/// The guard of one response, whose bytes count until it is dropped.
pub(super) struct CountedResponse<'a>(&'a Received);

impl Drop for CountedResponse<'_> {
    fn drop(&mut self) {
        self.0.0.forget();
    }
}

impl Received {
    /// Starts to count the bytes of a new answer.
    pub(super) fn response(&self) -> CountedResponse<'_> {
        self.0.forget();
        CountedResponse(self)
    }

    fn add(&self, bytes: usize) -> Result<(), Oversized> {
        let add = |to: &AtomicU64| to.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        let (own, together) = (add(&self.0.0), add(&TOGETHER));
        if own > MAX_RESPONSE {
            return Err(Oversized::Response);
        }
        if own > SMALL && together > MAX_TOGETHER {
            return Err(Oversized::Together);
        }
        Ok(())
    }
}

/// A stream of PostgreSQL messages whose sizes are checked.
pub(super) struct Bounded<S> {
    stream: S,
    received: Received,
    header: [u8; HEADER],
    /// Number of bytes of the current header that were received.
    of_header: usize,
    /// Number of bytes of the current body that are still to come.
    of_body: u32,
}

impl<S> Bounded<S> {
    pub(super) const fn new(stream: S, received: Received) -> Self {
        Self { stream, received, header: [0; HEADER], of_header: 0, of_body: 0 }
    }

    /// Parses the message headers within the received bytes.
    fn follow(&mut self, mut bytes: &[u8]) -> Result<(), Oversized> {
        self.received.add(bytes.len())?;
        while !bytes.is_empty() {
            if self.of_body > 0 {
                let body = bytes.len().min(usize::try_from(self.of_body).unwrap_or(usize::MAX));
                self.of_body -= u32::try_from(body).unwrap_or(self.of_body);
                bytes = &bytes[body..];
                continue;
            }
            let more = (HEADER - self.of_header).min(bytes.len());
            self.header[self.of_header..self.of_header + more].copy_from_slice(&bytes[..more]);
            self.of_header += more;
            bytes = &bytes[more..];
            if self.of_header == HEADER {
                self.of_header = 0;
                let [_, length @ ..] = self.header;
                let length = u32::from_be_bytes(length);
                if length > MAX_MESSAGE {
                    return Err(Oversized::Message(length));
                }
                // The length includes its own four bytes. The client reports a shorter one.
                self.of_body = length.saturating_sub(4);
            }
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        std::task::ready!(Pin::new(&mut self.stream).poll_read(context, into))?;
        Poll::Ready(self.follow(&into.filled()[before..]).map_err(io::Error::other))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Bounded<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

/// A TLS connector whose decrypted streams are bounded.
pub(super) struct BoundedTls<T>(pub(super) T, pub(super) Received);

impl<S, T> TlsConnect<S> for BoundedTls<T>
where
    T: TlsConnect<S>,
    T::Future: Send + 'static,
    T::Stream: 'static,
    T::Error: 'static,
{
    type Stream = Bounded<T::Stream>;
    type Error = T::Error;
    type Future = futures::future::BoxFuture<'static, Result<Self::Stream, Self::Error>>;

    fn connect(self, stream: S) -> Self::Future {
        let Self(tls, received) = self;
        let connecting = tls.connect(stream);
        Box::pin(async move { Ok(Bounded::new(connecting.await?, received)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    async fn read(bytes: &[u8], at_once: usize) -> io::Result<usize> {
        let mut stream = Bounded::new(bytes, Received::default());
        let (mut buffer, mut sum) = (vec![0; at_once], 0);
        loop {
            match stream.read(&mut buffer).await? {
                0 => return Ok(sum),
                more => sum += more,
            }
        }
    }

    fn oversized(result: &io::Result<usize>) -> bool {
        let error = result.as_ref().err().and_then(io::Error::get_ref);
        error.is_some_and(|error| error.downcast_ref::<Oversized>().is_some())
    }

    #[tokio::test]
    async fn postgres_messages_are_parsed_across_any_chunk_boundaries() {
        let ready = b"Z\0\0\0\x05I";
        let notice = [&b"N"[..], &(4 + 1000_u32).to_be_bytes(), &[b'x'; 1000]].concat();
        let messages = [&ready[..], &notice, ready].concat();
        for at_once in [1, 2, 3, 5, 7, 64, 4096] {
            assert_eq!(read(&messages, at_once).await.ok(), Some(messages.len()));
        }
    }

    #[tokio::test]
    async fn a_postgres_message_of_a_gigabyte_is_refused_at_its_header() {
        for at_once in [1, 4, 5, 4096] {
            assert!(oversized(&read(b"HTTP/1.1 400 Bad Request\r\n\r\n", at_once).await));
        }
        let long = [&b"E"[..], &(MAX_MESSAGE + 1).to_be_bytes()].concat();
        assert!(oversized(&read(&long, 64).await));
    }

    #[test]
    fn postgres_responses_of_many_servers_share_and_release_a_memory_budget() {
        let large = usize::try_from(MAX_RESPONSE).unwrap_or_default();
        let (one, other, small) = (Received::default(), Received::default(), Received::default());
        let held = one.response();
        assert!(one.add(large).is_ok());
        assert!(matches!(other.add(large), Err(Oversized::Together)));
        assert!(small.add(100).is_ok(), "a small one is read all the same");
        drop((held, other));
        assert!(small.add(large - 100).is_ok());
    }

    #[tokio::test]
    async fn an_endless_postgres_response_of_small_messages_is_refused() {
        let notice = [&b"N"[..], &1004_u32.to_be_bytes(), &[b'x'; 1000]].concat();
        let many = notice.repeat(usize::try_from(MAX_RESPONSE).unwrap_or_default() / notice.len() + 1);
        assert!(oversized(&read(&many, 65_536).await));
    }
}
