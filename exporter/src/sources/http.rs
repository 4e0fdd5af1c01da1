//! One bounded GET: no redirects, no reused connections, no body beyond its limit.

use crate::probe::Failure;
use crate::sources::tls::connect;
use bytes::{Bytes, BytesMut};
use checklist::Reason;
use http_body_util::{BodyExt, Empty};
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use secrecy::{ExposeSecret, SecretString};
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
}

/// Sends one GET on a fresh connection; the deadline is the caller's.
pub async fn get(ask: Ask<'_>) -> Result<Answer, Failure> {
    let invalid = |why: &str| Failure::new(Reason::Config, format!("{} is no usable address: {why}", ask.url));
    let url = Url::parse(ask.url).map_err(|error| invalid(&error.to_string()))?;
    let host = url.host_str().ok_or_else(|| invalid("no host"))?.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().ok_or_else(|| invalid("no port"))?;
    let stream = connect(&host, port).await?;
    let answer = if url.scheme() == "https" {
        let config = ask.tls.clone().ok_or_else(|| invalid("no trust for https"))?;
        let name = ServerName::try_from(host).map_err(|_| invalid("the host is no name for TLS"))?;
        let tls = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let tls = tls.map_err(|error| Failure::new(Reason::Tls, format!("TLS handshake: {error}")))?;
        exchange(tls, &url, &ask).await
    } else {
        exchange(stream, &url, &ask).await
    };
    answer.map_err(|failure| failure.while_doing(format_args!("GET {}", ask.url)))
}

async fn exchange<S>(stream: S, url: &Url, ask: &Ask<'_>) -> Result<Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let protocol = |error: hyper::Error| Failure::new(Reason::Protocol, error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await.map_err(protocol)?;
    let converse = async {
        let mut request = Request::get(&url[url::Position::BeforePath..url::Position::AfterQuery])
            .header(HOST, &url[url::Position::BeforeHost..url::Position::AfterPort])
            .header(ACCEPT, "application/json, */*")
            .header(USER_AGENT, "checklist-exporter");
        if let Some(token) = &ask.bearer {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).map_err(|_| {
                Failure::new(Reason::Config, "the bearer token has characters that no header can carry")
            })?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(Empty::new()).map_err(|error| Failure::new(Reason::Config, error.to_string()))?;
        let response = sender.send_request(request).await.map_err(protocol)?;
        let status = response.status();
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
        Ok(Answer { status, body: body.freeze() })
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
