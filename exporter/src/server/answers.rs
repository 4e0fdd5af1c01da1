//! Answers that several routes give.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Request, Response, StatusCode, Version};

/// A sentence.
pub(super) fn text(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    whole(status, "text/plain; charset=utf-8", message.to_owned())
}

/// A page that may load nothing, from anywhere.
pub(super) fn html(page: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = whole(StatusCode::OK, "text/html; charset=utf-8", page);
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

/// Anything.
pub(super) fn whole(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Another method than those that are allowed.
pub(super) fn not_allowed(methods: &'static str) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, &format!("allowed here: {methods}\n"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// Too many wait for this already.
pub(super) fn too_many(why: &str) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::TOO_MANY_REQUESTS, &format!("{why}; ask again in a second\n"));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// What RFC 9112 says of a request that names no host, or two.
pub(super) fn without_one_host<B>(request: &Request<B>) -> Option<Response<Full<Bytes>>> {
    let hosts = request.headers().get_all(HOST).iter().count();
    let good = hosts == 1 || (hosts == 0 && request.version() < Version::HTTP_11);
    (!good).then(|| text(StatusCode::BAD_REQUEST, "the request needs one header Host\n"))
}

/// What every answer says.
pub(super) fn finish(response: &mut Response<Full<Bytes>>) {
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
