//! Reads responses of the API server within limits: of size, of time, and of the memory of the cluster.

use super::failure::{failure, has_cause, refused};
use super::limits::MAX_BODY;
use super::room::{Room, SMALL};
use crate::probe::Failure;
use bytes::{Bytes, BytesMut};
use checklist::Reason;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit};
use tokio::time::Instant;

/// Deadline for a whole response, without the time of waiting for memory.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum size of a watch event in bytes. etcd limits an object to 1.5 MiB.
const MAX_EVENT: usize = 3 * 1024 * 1024;

/// The client of one cluster with its memory limits.
#[derive(Clone)]
pub struct Bounded {
    pub(super) client: Client,
    pub(super) room: Arc<Room>,
}

/// A failed request, with the HTTP status code if there was a response.
pub(super) struct Refusal {
    pub(super) code: Option<u16>,
    pub(super) failure: Failure,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { code: None, failure }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        refusal.failure
    }
}

/// The error object of the API server.
#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    message: String,
}

/// A read buffer. If it grows beyond [`SMALL`], it takes one of the cluster's permits for large responses.
#[derive(Default)]
struct Buffer {
    bytes: BytesMut,
    place: Option<OwnedSemaphorePermit>,
}

impl Buffer {
    /// Appends a chunk. Returns how long it waited for a permit.
    async fn add(&mut self, piece: &[u8], most: usize, room: &Room) -> Result<Duration, Failure> {
        let length = self.bytes.len() + piece.len();
        if length > most {
            return Err(Failure::new(Reason::Limit, format!("the response is larger than {most} bytes")));
        }
        let begun = Instant::now();
        if length > SMALL && self.place.is_none() {
            self.place = Arc::clone(&room.large).acquire_owned().await.ok();
            // The full capacity is reserved at once: untouched pages use no memory, while a buffer that grows exists
            // twice during the copy.
            self.bytes.reserve(most - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(begun.elapsed())
    }
}

impl Bounded {
    /// Sends a GET request and decodes the response as `T`.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refusal> {
        let mut until = Instant::now() + RESPONSE_TIMEOUT;
        let late = || {
            let what = format!("Kubernetes API {path}: no complete response within {RESPONSE_TIMEOUT:?}");
            Failure::new(Reason::Timeout, what)
        };
        let (mut body, _place) = tokio::time::timeout_at(until, self.open(path)).await.map_err(|_| late())??;
        let mut buffer = Buffer::default();
        while let Some(piece) = tokio::time::timeout_at(until, next(&mut body)).await.map_err(|_| late())? {
            let piece = piece.map_err(|error| failure(&error, path))?;
            let waited = buffer.add(&piece, MAX_BODY, &self.room).await;
            until += waited.map_err(|failure| failure.while_doing(format_args!("Kubernetes API {path}")))?;
        }
        let decoded = serde_json::from_slice(&buffer.bytes);
        Ok(decoded.map_err(|error| Failure::new(Reason::Decode, format!("Kubernetes API {path}: {error}")))?)
    }

    /// Sends a GET request whose response is a stream of lines.
    pub(super) async fn lines(&self, path: &str) -> Result<Lines<'_>, Refusal> {
        // The permit is released, because a stream stays open.
        let (body, _) = self.open(path).await?;
        Ok(Lines { body, buffer: Buffer::default(), searched: 0, room: &self.room, path: path.to_owned() })
    }

    /// Sends a GET request. Returns the body with the permit of the request. A status other than success is an error.
    async fn open(&self, path: &str) -> Result<(Body, Option<SemaphorePermit<'_>>), Refusal> {
        let request = Request::get(path).body(Body::empty());
        let request = request.map_err(|error| Failure::new(Reason::Config, format!("{path}: {error}")))?;
        let place = self.room.asking.acquire().await.ok();
        let response = self.client.send(request).await.map_err(|error| failure(&error, path))?;
        let code = response.status();
        if code.is_success() {
            return Ok((response.into_body(), place));
        }
        Err(self.refusal(response.into_body(), code, path).await)
    }

    /// Reads the start of an error response.
    async fn refusal(&self, mut body: Body, code: StatusCode, path: &str) -> Refusal {
        let mut buffer = Buffer::default();
        let read = async {
            while let Some(Ok(piece)) = next(&mut body).await {
                if buffer.add(&piece, SMALL, &self.room).await.is_err() {
                    break;
                }
            }
        };
        // Whatever has arrived by the deadline is used.
        let _ = tokio::time::timeout(RESPONSE_TIMEOUT, read).await;
        let message = serde_json::from_slice::<Status>(&buffer.bytes).map(|status| status.message);
        let message = message.unwrap_or_else(|_| String::from_utf8_lossy(&buffer.bytes).trim().to_owned());
        Refusal { code: Some(code.as_u16()), failure: refused(code.as_u16(), &message, path) }
    }
}

/// Returns the next chunk of a body.
async fn next(body: &mut Body) -> Option<Result<Bytes, kube::Error>> {
    loop {
        match body.frame().await? {
            // Trailers are ignored.
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Some(Ok(data));
                }
            }
            Err(error) => return Some(Err(error)),
        }
    }
}

/// The lines of a stream, each limited to [`MAX_EVENT`] bytes.
pub(super) struct Lines<'a> {
    body: Body,
    buffer: Buffer,
    /// Number of bytes at the start of the buffer that are known to contain no line break.
    searched: usize,
    room: &'a Room,
    path: String,
}

impl Lines<'_> {
    /// Returns the next line, or `None` when the server ended the stream. An incomplete last line is dropped.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        // The line before has been processed: releases the memory of a large one, and then its permit.
        if self.buffer.place.is_some() && self.buffer.bytes.len() <= SMALL {
            self.buffer.bytes = BytesMut::from(&*self.buffer.bytes);
            self.buffer.place = None;
        }
        loop {
            let bytes = &mut self.buffer.bytes;
            if let Some(end) = bytes[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = bytes.split_to(self.searched + end + 1).freeze();
                self.searched = 0;
                return Ok(Some(line));
            }
            self.searched = bytes.len();
            match next(&mut self.body).await {
                None => return Ok(None),
                Some(Ok(piece)) => {
                    let added = self.buffer.add(&piece, MAX_EVENT, self.room).await;
                    added.map_err(|failure| failure.while_doing(format_args!("Kubernetes API {}", self.path)))?;
                }
                // A server that restarts breaks off its streams. The next watch continues from the same version.
                Some(Err(error)) if is_broken_off(&error) => return Ok(None),
                Some(Err(error)) => return Err(failure(&error, &self.path)),
            }
        }
    }
}

fn is_broken_off(error: &kube::Error) -> bool {
    has_cause(error, |cause| {
        let by_io = cause.downcast_ref::<std::io::Error>();
        by_io.is_some_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof)
            || cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Response;
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use tower::BoxError;

    #[tokio::test]
    async fn a_large_watch_event_holds_its_memory_budget_until_the_next_one_is_read() -> anyhow::Result<()> {
        let room = Room::new();
        let places = room.large.available_permits();
        let large = "x".repeat(2 * SMALL);
        let text = format!("small\n{large}\nlast\nbegun").into_bytes();
        let response = tower::service_fn(move |_: Request<Body>| {
            let pieces: Vec<_> = text
                .chunks(10_000)
                .map(Bytes::copy_from_slice)
                .map(|piece| Ok::<_, BoxError>(Frame::data(piece)))
                .collect();
            async { Ok::<_, BoxError>(Response::new(StreamBody::new(futures::stream::iter(pieces)))) }
        });
        let api = Bounded { client: Client::new(response, "default"), room: Arc::clone(&room) };
        let opened = api.lines("/").await.map_err(|refusal| anyhow::anyhow!(refusal.failure.message));
        let mut lines = opened?;
        let mut next = async || -> anyhow::Result<(Option<Bytes>, usize, usize)> {
            let line = lines.next().await.map_err(|failure| anyhow::anyhow!(failure.message))?;
            Ok((line, room.large.available_permits(), lines.buffer.bytes.capacity()))
        };
        let text = |line: Option<Bytes>| line.map(|line| String::from_utf8_lossy(&line).into_owned());
        let (line, free, _) = next().await?;
        assert_eq!((text(line).as_deref(), free), (Some("small\n"), places));
        let (line, free, _) = next().await?;
        assert_eq!((line.map(|line| line.len()), free), (Some(large.len() + 1), places - 1));
        let (line, free, capacity) = next().await?;
        assert_eq!((text(line).as_deref(), free), (Some("last\n"), places));
        assert!(capacity <= SMALL, "{capacity} bytes are held");
        assert_eq!(next().await?.0, None, "a line without its end");
        Ok(())
    }
}
