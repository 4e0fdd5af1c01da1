//! A layer of the HTTP client that bounds what an API server may send: the number of informational responses, and the
//! size of every body that is not a stream. Streams are bounded by the code that reads them.

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response, Uri};
use http_body_util::{Either, Limited};
use hyper::body::Body as HttpBody;
use hyper::ext::on_informational;
use kube::client::Body;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::sync::Notify;
use tower::{BoxError, Layer, Service};

/// Maximum size in bytes of a response that is not a stream. A page of a hundred large pods is below two megabytes.
pub(super) const MAX_BODY: usize = 4 * 1024 * 1024;
/// Maximum number of informational responses (status 100, 103) to one request. Servers send one or two.
const MAX_INFORMATIONAL: usize = 16;

/// The tower layer.
pub(super) struct Limits;

/// The wrapped HTTP service.
pub(super) struct Bounded<S>(S);

/// The error for too many informational responses.
#[derive(Debug)]
pub(super) struct NoFinalResponse;

impl fmt::Display for NoFinalResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server sent more than {MAX_INFORMATIONAL} informational responses and no final one")
    }
}

impl std::error::Error for NoFinalResponse {}

impl<S> Layer<S> for Limits {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Bounded<S> {
        Bounded(inner)
    }
}

impl<S, B> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Either<Limited<B>, B>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let stream = is_stream(request.uri());
        let (count, enough) = (AtomicUsize::new(0), Arc::new(Notify::new()));
        let exceeded = Arc::clone(&enough);
        on_informational(&mut request, move |_| {
            if count.fetch_add(1, Ordering::Relaxed) == MAX_INFORMATIONAL {
                exceeded.notify_one();
            }
        });
        let call = self.0.call(request);
        Box::pin(async move {
            let response = tokio::select! {
                biased;
                // Dropping the request closes its connection.
                () = enough.notified() => return Err(NoFinalResponse.into()),
                response = call => response?,
            };
            let unbounded = stream && response.status().is_success();
            Ok(response.map(
                |body| {
                    if unbounded { Either::Right(body) } else { Either::Left(Limited::new(body, MAX_BODY)) }
                },
            ))
        })
    }
}

/// Whether the response is a stream without a fixed end: a log or a watch.
fn is_stream(uri: &Uri) -> bool {
    uri.path().ends_with("/log") || uri.query().is_some_and(|query| query.split('&').any(|part| part == "watch=1"))
}
