//! The HTTP connector of the S3 client. It uses this crate's own HTTP stream, so that TLS trust, limits and error
//! messages are the same as for the other clients.

use crate::failure::{Failure, causes};
use crate::http::stream::{Bounded, open};
use aws_sdk_s3::config::http::{HttpRequest, HttpResponse};
use aws_sdk_s3::error::ConnectorError;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use bytes::Bytes;
use checklist::Reason;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::AbortHandle;
use url::Url;

/// The limit of a listing in bytes: a page of 1,000 keys of 1,000 bytes each, encoded.
const MAX_LIST: u64 = 8 * 1024 * 1024;
/// The limit in bytes of an error or of the response to a PUT.
const MAX_ERROR_BODY: u64 = 64 * 1024;
/// The deadline for connecting and the TLS handshake.
const CONNECT: Duration = Duration::from_secs(5);

/// Opens a connection for each request. Pooling is not worth it for a few requests every quarter of an hour.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    /// The TLS configuration for `https`.
    pub(super) tls: Option<ClientConfig>,
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let tls = self.tls.clone();
        HttpConnectorFuture::new(async move { exchange(request, tls).await })
    }
}

/// Marks failures of the connection as ones that may be retried. A mistake of the configuration is not retried.
fn failed(failure: Failure) -> ConnectorError {
    match failure.reason {
        Reason::Connect | Reason::Protocol => ConnectorError::io(failure.into()),
        Reason::Timeout => ConnectorError::timeout(failure.into()),
        _ => ConnectorError::user(failure.into()),
    }
}

/// Sends a request and returns the response with its body still to be read.
async fn exchange(request: HttpRequest, tls: Option<ClientConfig>) -> Result<HttpResponse, ConnectorError> {
    let odd = |error: &(dyn std::error::Error + 'static)| failed(Failure::new(Reason::Config, causes(error)));
    let mut request: Request<SdkBody> = request.try_into_http1x().map_err(|error| odd(&error))?;
    let url = Url::parse(&request.uri().to_string()).map_err(|error| odd(&error))?;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let listing = request.method() == Method::GET && url.query().is_some_and(|query| query.contains("list-type=2"));
    let most = match *request.method() {
        Method::GET if listing => MAX_LIST,
        Method::GET => u64::MAX,
        _ => MAX_ERROR_BODY,
    };
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let host = HeaderValue::from_str(host).map_err(|error| odd(&error))?;
    request.headers_mut().entry(HOST).or_insert(host);
    *request.uri_mut() = path.parse::<Uri>().map_err(|error| odd(&error))?;
    let slow = |_| failed(Failure::new(Reason::Timeout, format!("no connection within {CONNECT:?}")));
    let stream = tokio::time::timeout(CONNECT, open(&url, tls)).await.map_err(slow)?.map_err(failed)?;
    let (response, driver) = send(stream, request).await.map_err(failed)?;
    let most = if response.status().is_success() { most } else { MAX_ERROR_BODY };
    let response = response.map(|body| SdkBody::from_body_1_x(Limited { body, left: most, _driver: driver }));
    HttpResponse::try_from(response).map_err(|error| odd(&error))
}

async fn send(stream: Bounded, request: Request<SdkBody>) -> Result<(hyper::Response<Incoming>, Driver), Failure> {
    let protocol = |error: hyper::Error| Failure::new(Reason::Protocol, causes(&error));
    let begun = stream.begun();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(protocol)?;
    // The end of the connection ends the body of the response, so the result of this task is not needed.
    let driver = Driver(tokio::spawn(async { drop(connection.await) }).abort_handle());
    let response = sender.send_request(request).await.map_err(protocol)?;
    begun.now();
    Ok((response, driver))
}

/// The task that drives the connection. Dropping the handle closes the connection.
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A body with a limit of bytes.
struct Limited {
    body: Incoming,
    left: u64,
    _driver: Driver,
}

impl Body for Limited {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        Pin::new(&mut self.body).poll_frame(cx).map(|frame| {
            frame.map(|frame| {
                let frame = frame.map_err(|error| Failure::new(Reason::Connect, causes(&error)))?;
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.left = self
                    .left
                    .checked_sub(length)
                    .ok_or_else(|| Failure::new(Reason::Limit, "the response is larger than the limit"))?;
                Ok(frame)
            })
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}
