//! A bounded HTTP client: one request on a new connection, no redirects, no body beyond its limit.

pub(crate) mod large;
pub(crate) mod stream;

use crate::failure::{Failure, causes};
use crate::{secret, trust};
use bytes::Bytes;
use checklist::Reason;
use checklist::config::Endpoint;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http_body_util::{BodyExt, Full};
use hyper::header::{
    ACCEPT, AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    HeaderValue, LAST_MODIFIED, LOCATION, USER_AGENT,
};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
pub use large::MOST;
use large::{Large, Pieces};
use rustls::ClientConfig;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use std::io::Read;
pub use stream::shown;
use stream::{Bounded, open};
use url::Url;

/// The read buffer of a connection, in bytes.
const MAX_READ: usize = 64 * 1024;
/// The limit for the body of a response other than success, in bytes. It is not small, because health pages answer 503
/// with the details.
const MAX_REFUSAL: usize = 1024 * 1024;

/// A complete response.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: StatusCode,
    /// The body, decompressed when the server compressed it.
    pub body: Bytes,
    /// The header `Content-Type`, such as `text/html; charset=iso-8859-1`.
    pub content_type: Option<String>,
    /// The header `Last-Modified`, in Unix seconds.
    pub modified: Option<f64>,
    /// The header `Age`, in seconds: a cache answered, and the server itself was asked so long ago.
    pub age: Option<f64>,
    /// The address of the header `Location`, for messages. Redirects are not followed.
    pub location: Option<String>,
}

/// A request with the limits for its response.
pub struct HttpRequest<'a> {
    /// `http://` or `https://`.
    pub url: &'a str,
    /// The TLS configuration for `https://`.
    pub tls: Option<ClientConfig>,
    pub bearer: Option<SecretString>,
    /// The limit of the body in bytes. A larger answer is an error.
    pub max_body: usize,
    /// The tenant for servers with several, sent as `X-Scope-OrgID`.
    pub tenant: Option<&'a str>,
    /// Whether a large response counts to the memory budget of the exporter. For a command that somebody runs,
    /// `max_body` is the only limit.
    pub within_budget: bool,
}

/// Sends a GET to a path below an endpoint of checklist.yaml, and returns the response with any status code.
pub async fn fetch(endpoint: &Endpoint, path: &str, max_body: usize) -> Result<HttpResponse, Failure> {
    let url = format!("{}{path}", if path.is_empty() { &endpoint.url } else { endpoint.url.trim_end_matches('/') });
    get(request_to(endpoint, &url, max_body).await?).await
}

/// Like [`fetch`], for a command: the response may have `max_body` bytes, whatever the budget of the exporter is. A
/// server with several tenants is asked for one of them.
pub async fn fetch_of(
    endpoint: &Endpoint,
    path: &str,
    tenant: Option<&str>,
    max_body: usize,
) -> Result<HttpResponse, Failure> {
    let url = format!("{}{path}", endpoint.url.trim_end_matches('/'));
    get(HttpRequest { tenant, within_budget: false, ..request_to(endpoint, &url, max_body).await? }).await
}

/// Like [`fetch`], but any status code other than 200 is a failure.
pub async fn fetch_good(endpoint: &Endpoint, path: &str, max_body: usize) -> Result<HttpResponse, Failure> {
    let response = fetch(endpoint, path, max_body).await?;
    refusal(&response)
        .map_or(Ok(response), |failure| Err(failure.while_doing(format_args!("GET {}", place(endpoint, path)))))
}

/// Returns the decoded JSON of a response with status 200.
pub async fn fetch_json<T: DeserializeOwned>(endpoint: &Endpoint, path: &str, max_body: usize) -> Result<T, Failure> {
    json(endpoint, path, &fetch_good(endpoint, path, max_body).await?)
}

/// Decodes the JSON of a response to a GET of this path.
pub fn json<T: DeserializeOwned>(endpoint: &Endpoint, path: &str, response: &HttpResponse) -> Result<T, Failure> {
    serde_json::from_slice(&response.body)
        .map_err(|error| Failure::new(Reason::Decode, format!("GET {}: {error}", place(endpoint, path))))
}

/// Returns the address of a path below an endpoint, without secrets, for messages.
pub fn place(endpoint: &Endpoint, path: &str) -> String {
    let url = Url::parse(&format!("{}{path}", endpoint.url.trim_end_matches('/')));
    url.map_or_else(|_| "an unusable address".to_owned(), |url| shown(&url))
}

/// Sends JSON with a POST. Any status code other than 200 is a failure.
pub async fn post_json(endpoint: &Endpoint, path: &str, body: &serde_json::Value) -> Result<(), Failure> {
    let url = format!("{}{path}", endpoint.url.trim_end_matches('/'));
    let body = Some(Bytes::from(body.to_string()));
    let response = send(request_to(endpoint, &url, 64 * 1024).await?, body).await?;
    refusal(&response)
        .map_or(Ok(()), |failure| Err(failure.while_doing(format_args!("POST {}", place(endpoint, path)))))
}

/// Makes a request with the authorities and the token of its endpoint. Both are read again for each request, so that
/// rotated files work at once.
async fn request_to<'a>(endpoint: &Endpoint, url: &'a str, max_body: usize) -> Result<HttpRequest<'a>, Failure> {
    let tls =
        if url.starts_with("https://") { Some(trust::verified(endpoint.ca_file.as_deref()).await?) } else { None };
    let bearer = match &endpoint.bearer_token {
        Some(token) => Some(secret::token(token).await?),
        None => None,
    };
    Ok(HttpRequest { url, tls, bearer, max_body, tenant: None, within_budget: true })
}

/// Returns the failure that a status code other than 200 stands for, or `None` for 200.
pub fn refusal(response: &HttpResponse) -> Option<Failure> {
    let reason = match response.status.as_u16() {
        200 => return None,
        401 => Reason::Auth,
        403 => Reason::Permission,
        404 => Reason::NotFound,
        _ => Reason::Protocol,
    };
    Some(Failure::new(reason, format!("the server responded with {}", response.status)))
}

/// Sends one GET on a new connection. The caller sets the deadline.
pub async fn get(request: HttpRequest<'_>) -> Result<HttpResponse, Failure> {
    send(request, None).await
}

/// Sends a GET, or a POST of JSON when there is a body.
async fn send(request: HttpRequest<'_>, body: Option<Bytes>) -> Result<HttpResponse, Failure> {
    let url =
        Url::parse(request.url).map_err(|error| Failure::new(Reason::Config, format!("unusable address: {error}")))?;
    let method = if body.is_some() { "POST" } else { "GET" };
    let response = async { exchange(open(&url, request.tls.clone()).await?, &url, &request, body).await };
    response.await.map_err(|failure| failure.while_doing(format_args!("{method} {}", shown(&url))))
}

/// Sends the request on a connection and reads the whole response.
async fn exchange(
    stream: Bounded,
    url: &Url,
    request: &HttpRequest<'_>,
    body: Option<Bytes>,
) -> Result<HttpResponse, Failure> {
    let protocol = |error: hyper::Error| Failure::new(Reason::Protocol, causes(&error));
    let begun = stream.begun();
    let mut client = hyper::client::conn::http1::Builder::new();
    // Headers are read as leniently as curl reads them.
    client.max_buf_size(MAX_READ);
    client.allow_spaces_after_header_name_in_responses(true).allow_obsolete_multiline_headers_in_responses(true);
    client.ignore_invalid_headers_in_responses(true);
    let (mut sender, connection) = client.handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.map_err(protocol)?;
    let reply = async {
        let response = sender.send_request(encode(url, request, body)?).await.map_err(protocol)?;
        begun.now();
        let status = response.status();
        let headers = response.headers().clone();
        let mut stream = response.into_body();
        let mut body = Pieces::default();
        let mut large = Large::new(request.within_budget);
        // The body of an error is only for its message, so it has a lower limit.
        let most = match status.is_success() {
            true if request.within_budget => request.max_body.min(MOST),
            true => request.max_body,
            false => request.max_body.min(MAX_REFUSAL),
        };
        while let Some(frame) = stream.frame().await {
            // The status of an error is known, even if the connection breaks in its body.
            if frame.is_err() && !status.is_success() {
                break;
            }
            if let Some(data) = frame.map_err(protocol)?.data_ref() {
                if body.len() + data.len() > most {
                    if !status.is_success() {
                        break;
                    }
                    return Err(too_large(most));
                }
                large.grow(body.len() + data.len()).await?;
                body.add(data);
            }
        }
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        Ok(HttpResponse {
            status,
            body: unpacked(&headers, body.whole(), most, &mut large).await?,
            content_type: text(CONTENT_TYPE).map(str::to_owned),
            modified: text(LAST_MODIFIED).and_then(http_date),
            age: text(AGE).and_then(|age| age.trim().parse().ok()),
            location: text(LOCATION).and_then(|to| url.join(to).ok()).map(|to| shown(&to)),
        })
    };
    // The connection is polled here instead of in a task, so that dropping the future closes it.
    tokio::pin!(connection, reply);
    tokio::select! {
        biased;
        response = &mut reply => response,
        ended = &mut connection => match ended {
            // The server closed the connection after its last byte. The rest of the response is buffered.
            Ok(()) => reply.await,
            // The status of an error may have been read before.
            Err(error) => reply.await.map_err(|_| protocol(error)),
        },
    }
}

fn encode(url: &Url, request: &HttpRequest<'_>, body: Option<Bytes>) -> Result<Request<Full<Bytes>>, Failure> {
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let begun =
        if body.is_some() { Request::post(path).header(CONTENT_TYPE, "application/json") } else { Request::get(path) };
    let mut builder = begun
        .header(HOST, &url[url::Position::BeforeHost..url::Position::AfterPort])
        .header(ACCEPT, "application/json, */*")
        // Caches on the way ask the server itself.
        .header(CACHE_CONTROL, "no-cache")
        .header(USER_AGENT, "checklist-exporter");
    if let Some(tenant) = request.tenant {
        builder = builder.header("x-scope-orgid", tenant);
    }
    if let Some(token) = &request.bearer {
        // `Zeroizing` erases the token when the last copy of the header is dropped.
        let value = Zeroizing::new(format!("Bearer {}", token.expose_secret()).into_bytes());
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(value)).map_err(|_| {
            Failure::new(Reason::Config, "the bearer token contains characters that are not allowed in a header")
        })?;
        value.set_sensitive(true);
        builder = builder.header(AUTHORIZATION, value);
    }
    builder.body(Full::new(body.unwrap_or_default())).map_err(|error| Failure::new(Reason::Config, error.to_string()))
}

fn too_large(most: usize) -> Failure {
    Failure::new(Reason::Limit, format!("the response is larger than {most} bytes"))
}

/// Decompresses the body. Some servers compress without being asked, and some say so of a body that is plain. The limit
/// holds for the decompressed body, too.
async fn unpacked(headers: &HeaderMap, body: Bytes, most: usize, large: &mut Large) -> Result<Bytes, Failure> {
    let coding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("identity");
    let mut reader: Box<dyn Read + Send> = match coding.trim().to_ascii_lowercase().as_str() {
        // Some servers write the character set here.
        "identity" | "none" | "utf-8" | "" => return Ok(body),
        "gzip" | "x-gzip" if !body.starts_with(&[0x1f, 0x8b]) => return Ok(body),
        "gzip" | "x-gzip" => Box::new(MultiGzDecoder::new(&body[..])),
        // RFC 9110 means zlib, whose first byte is 0x78 in practice; some servers send the bare stream.
        "deflate" if !body.starts_with(&[0x78]) => Box::new(DeflateDecoder::new(&body[..])),
        "deflate" => Box::new(ZlibDecoder::new(&body[..])),
        other => {
            let what = format!("the response has the content encoding {other:?}, which the request did not accept");
            return Err(Failure::new(Reason::Protocol, what));
        }
    };
    let mut plain = Pieces::default();
    let mut piece = vec![0; MAX_READ];
    loop {
        let read = reader.read(&mut piece);
        let read = read
            .map_err(|error| Failure::new(Reason::Decode, format!("the response cannot be decompressed: {error}")))?;
        if read == 0 {
            return Ok(plain.whole());
        }
        if plain.len() + read > most {
            return Err(too_large(most));
        }
        large.grow(body.len() + plain.len() + read).await?;
        plain.add(&piece[..read]);
        // Decompressing a large body must not block the other tasks of the thread.
        tokio::task::yield_now().await;
    }
}

/// Parses the date format of RFC 9110, section 5.6.7, as Unix seconds: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<f64> {
    let time = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(time.timestamp().as_duration().as_secs_f64())
}
