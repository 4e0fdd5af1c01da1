//! One bounded GET: no redirects, no reused connections, no body beyond its limit.

use crate::failure::Failure;
use crate::tcp::connect;
use crate::{secret, trust};
use bytes::{Bytes, BytesMut};
use checklist::Reason;
use checklist::config::Endpoint;
use http_body_util::{BodyExt, Full};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, LAST_MODIFIED, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use url::Url;

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: StatusCode,
    /// Body, within the limit.
    pub body: Bytes,
    /// When the content was last modified, Unix seconds, if the server says so.
    pub modified: Option<f64>,
}

/// What to send and what to accept.
pub struct Ask<'a> {
    /// `http://` or `https://`.
    pub url: &'a str,
    /// Trust, for `https://`.
    pub tls: Option<ClientConfig>,
    /// A bearer token.
    pub bearer: Option<SecretString>,
    /// Bytes of body beyond which the answer is refused.
    pub max_body: usize,
    /// Whose data are meant, where a server has those of several (`X-Scope-OrgID`).
    pub tenant: Option<&'a str>,
}

/// Sends one GET to a path below an endpoint of checklist.yaml.
pub async fn fetch(endpoint: &Endpoint, path: &str, max_body: usize) -> Result<Answer, Failure> {
    let url = format!("{}{path}", if path.is_empty() { &endpoint.url } else { endpoint.url.trim_end_matches('/') });
    get(ask(endpoint, &url, max_body)?).await
}

/// A GET for one tenant of a server that has several.
pub async fn fetch_of(
    endpoint: &Endpoint,
    path: &str,
    tenant: Option<&str>,
    max_body: usize,
) -> Result<Answer, Failure> {
    let url = format!("{}{path}", endpoint.url.trim_end_matches('/'));
    get(Ask { tenant, ..ask(endpoint, &url, max_body)? }).await
}

/// One GET to a path below an endpoint, for an answer that must be good.
pub async fn fetch_good(endpoint: &Endpoint, path: &str, max_body: usize) -> Result<Answer, Failure> {
    let answer = fetch(endpoint, path, max_body).await?;
    let place = format!("{}{path}", endpoint.url.trim_end_matches('/'));
    refusal(&answer).map_or(Ok(answer), |failure| Err(failure.while_doing(format_args!("GET {place}"))))
}

/// The JSON of a good answer.
pub async fn fetch_json<T: DeserializeOwned>(endpoint: &Endpoint, path: &str, max_body: usize) -> Result<T, Failure> {
    let answer = fetch_good(endpoint, path, max_body).await?;
    serde_json::from_slice(&answer.body)
        .map_err(|error| Failure::new(Reason::Decode, format!("GET {}{path}: {error}", endpoint.url)))
}

/// Sends JSON with a POST; anything but success is a failure.
pub async fn post_json(endpoint: &Endpoint, path: &str, body: &serde_json::Value) -> Result<(), Failure> {
    let url = format!("{}{path}", endpoint.url.trim_end_matches('/'));
    let body = Some(Bytes::from(body.to_string()));
    let answer = send(ask(endpoint, &url, 64 * 1024)?, body).await?;
    refusal(&answer).map_or(Ok(()), |failure| Err(failure.while_doing(format_args!("POST {url}"))))
}

/// A request with the trust and the token of its endpoint, both read anew.
fn ask<'a>(endpoint: &Endpoint, url: &'a str, max_body: usize) -> Result<Ask<'a>, Failure> {
    let tls = url.starts_with("https://").then(|| trust::verified(endpoint.ca_file.as_deref())).transpose()?;
    let bearer = endpoint.bearer_token.as_ref().map(secret::read).transpose()?;
    Ok(Ask { url, tls, bearer, max_body, tenant: None })
}

/// What a status code other than 200 means.
pub fn refusal(answer: &Answer) -> Option<Failure> {
    let reason = match answer.status.as_u16() {
        200 => return None,
        401 => Reason::Auth,
        403 => Reason::Permission,
        404 => Reason::NotFound,
        _ => Reason::Protocol,
    };
    Some(Failure::new(reason, format!("the server answered {}", answer.status)))
}

/// Sends one GET on a fresh connection; the deadline is the caller's.
pub async fn get(ask: Ask<'_>) -> Result<Answer, Failure> {
    send(ask, None).await
}

/// A GET, or with a body a POST of JSON.
async fn send(ask: Ask<'_>, body: Option<Bytes>) -> Result<Answer, Failure> {
    let invalid = |why: &str| Failure::new(Reason::Config, format!("{} is no usable address: {why}", ask.url));
    let url = Url::parse(ask.url).map_err(|error| invalid(&error.to_string()))?;
    let host = url.host_str().ok_or_else(|| invalid("no host"))?.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().ok_or_else(|| invalid("no port"))?;
    let method = if body.is_some() { "POST" } else { "GET" };
    let stream = connect(&host, port).await?;
    let answer = if url.scheme() == "https" {
        let config = ask.tls.clone().ok_or_else(|| invalid("no trust for https"))?;
        let name = ServerName::try_from(host).map_err(|_| invalid("the host is no name for TLS"))?;
        let tls = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let tls = tls.map_err(|error| Failure::new(Reason::Tls, format!("TLS handshake: {error}")))?;
        exchange(tls, &url, &ask, body).await
    } else {
        exchange(stream, &url, &ask, body).await
    };
    answer.map_err(|failure| failure.while_doing(format_args!("{} {}", method, ask.url)))
}

async fn exchange<S>(stream: S, url: &Url, ask: &Ask<'_>, body: Option<Bytes>) -> Result<Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let protocol = |error: hyper::Error| Failure::new(Reason::Protocol, error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.map_err(protocol)?;
    let converse = async {
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let begun = if body.is_some() {
            Request::post(path).header(CONTENT_TYPE, "application/json")
        } else {
            Request::get(path)
        };
        let mut request = begun
            .header(HOST, &url[url::Position::BeforeHost..url::Position::AfterPort])
            .header(ACCEPT, "application/json, */*")
            .header(USER_AGENT, "checklist-exporter");
        if let Some(tenant) = ask.tenant {
            request = request.header("x-scope-orgid", tenant);
        }
        if let Some(token) = &ask.bearer {
            // Erased when the last copy of the header is dropped.
            let value = Zeroizing::new(format!("Bearer {}", token.expose_secret()).into_bytes());
            let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(value)).map_err(|_| {
                Failure::new(Reason::Config, "the bearer token has characters that no header can carry")
            })?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = request
            .body(Full::new(body.unwrap_or_default()))
            .map_err(|error| Failure::new(Reason::Config, error.to_string()))?;
        let response = sender.send_request(request).await.map_err(protocol)?;
        let status = response.status();
        let modified = response.headers().get(LAST_MODIFIED).and_then(|value| http_date(value.to_str().ok()?));
        let mut stream = response.into_body();
        let mut body = BytesMut::new();
        while let Some(frame) = stream.frame().await {
            if let Some(data) = frame.map_err(protocol)?.data_ref() {
                if body.len() + data.len() > ask.max_body {
                    let limit = format!("the answer is larger than {} bytes", ask.max_body);
                    return Err(Failure::new(Reason::Limit, limit));
                }
                body.extend_from_slice(data);
            }
        }
        Ok(Answer { status, body: body.freeze(), modified })
    };
    // The connection is driven here and not in a task, so that dropping the future closes it.
    tokio::pin!(connection, converse);
    tokio::select! {
        biased;
        answer = &mut converse => answer,
        ended = &mut connection => match ended {
            // The peer closed after its last byte: the rest is already buffered.
            Ok(()) => converse.await,
            Err(error) => Err(protocol(error)),
        },
    }
}

/// RFC 9110, section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<f64> {
    let time = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(time.timestamp().as_duration().as_secs_f64())
}
