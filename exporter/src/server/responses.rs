//! HTTP responses that several routes return.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Request, Response, StatusCode, Version};

/// A plain text response.
pub(super) fn text(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    whole(status, "text/plain; charset=utf-8", message.to_owned())
}

/// An HTML page with a content security policy that forbids to load anything.
pub(super) fn html(page: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = whole(StatusCode::OK, "text/html; charset=utf-8", page);
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

/// A response with any content type and body.
pub(super) fn whole(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A 405 response to a request with a method that is not among `methods`.
pub(super) fn not_allowed(methods: &'static str) -> Response<Full<Bytes>> {
    let mut response =
        text(StatusCode::METHOD_NOT_ALLOWED, &format!("method not allowed; allowed methods: {methods}\n"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// A 429 response that asks the client to retry after a second.
pub(super) fn too_many(why: &str) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::TOO_MANY_REQUESTS, &format!("{why}; retry after one second\n"));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Returns a 400 response if the request has no header `Host` or more than one (RFC 9112, section 3.2); `None` if it is
/// valid.
pub(super) fn without_one_host<B>(request: &Request<B>) -> Option<Response<Full<Bytes>>> {
    let hosts = request.headers().get_all(HOST).iter().count();
    let good = hosts == 1 || (hosts == 0 && request.version() < Version::HTTP_11);
    (!good).then(|| text(StatusCode::BAD_REQUEST, "the request must have exactly one Host header\n"))
}

/// Adds the headers that every response has.
pub(super) fn finish(response: &mut Response<Full<Bytes>>) {
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
