//! TLS and health endpoints whose certificates and responses tests change at run time.

use crate::http::{Body, Server, full, response, serve};
use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

/// A certificate authority for tests.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// PEM file of its certificate.
    pub ca_file: PathBuf,
}

impl Authority {
    /// Creates an authority and writes its certificate to `ca.pem` in the folder.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Checklist Test Authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let ca_file = folder.join("ca.pem");
        std::fs::write(&ca_file, issuer.pem())?;
        Ok(Self { issuer, ca_file })
    }

    /// Issues a server certificate. Returns the certificate and its key as PEM, for programs that read files.
    pub fn pem(&self, name: &str) -> anyhow::Result<(String, String)> {
        let key = KeyPair::generate()?;
        Ok((params(name, 60)?.signed_by(&key, &self.issuer)?.pem(), key.serialize_pem()))
    }

    /// Issues a client certificate for a user and an organization that expires after `lasts`. Returns the certificate
    /// and its key as PEM.
    pub fn client(&self, user: &str, organization: &str, lasts: Duration) -> anyhow::Result<(String, String)> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, user);
        params.distinguished_name.push(DnType::OrganizationName, organization);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let begin = rcgen::date_time_ymd(1970, 1, 1);
        params.not_before = begin + now.saturating_sub(Duration::from_mins(1));
        params.not_after = begin + now + lasts;
        Ok((params.signed_by(&key, &self.issuer)?.pem(), key.serialize_pem()))
    }

    /// Issues a server certificate that expires in `days_left` days (negative: expired).
    pub fn issue(&self, name: &str, days_left: i64) -> anyhow::Result<Arc<CertifiedKey>> {
        let key = KeyPair::generate()?;
        let certificate = params(name, days_left)?.signed_by(&key, &self.issuer)?;
        certified(vec![certificate.der().clone()], &key)
    }
}

/// Creates a self-signed certificate.
pub fn self_signed(name: &str) -> anyhow::Result<Arc<CertifiedKey>> {
    let key = KeyPair::generate()?;
    let certificate = params(name, 90)?.self_signed(&key)?;
    certified(vec![certificate.der().clone()], &key)
}

/// Creates a self-signed certificate that is an authority too, as `openssl req -x509` makes them, and writes it to
/// `own.pem` in the folder.
pub fn self_signed_authority(folder: &Path, name: &str) -> anyhow::Result<Arc<CertifiedKey>> {
    let key = KeyPair::generate()?;
    let mut params = params(name, 90)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key)?;
    std::fs::write(folder.join("own.pem"), certificate.pem())?;
    certified(vec![certificate.der().clone()], &key)
}

fn params(name: &str, days_left: i64) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(vec![name.to_owned(), "127.0.0.1".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, name);
    let day = |days: i64| {
        let span = jiff::SignedDuration::from_hours(days * 24);
        let date = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now() + span).date();
        let small = |number: i8| u8::try_from(number).unwrap_or(1);
        rcgen::date_time_ymd(i32::from(date.year()), small(date.month()), small(date.day()))
    };
    (params.not_before, params.not_after) = (day(days_left - 90), day(days_left));
    Ok(params)
}

fn certified(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> anyhow::Result<Arc<CertifiedKey>> {
    let der = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der).context("unsupported key")?;
    Ok(Arc::new(CertifiedKey::new(chain, key)))
}

/// The certificate of an endpoint, which can be replaced at run time.
#[derive(Debug, Clone)]
pub struct Presented(Arc<Mutex<Arc<CertifiedKey>>>);

impl Presented {
    /// Presents another certificate from the next handshake on.
    pub fn set(&self, certificate: Arc<CertifiedKey>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = certificate;
    }
}

impl ResolvesServerCert for Presented {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Creates a TLS acceptor, and the handle to replace its certificate.
pub fn acceptor(certificate: Arc<CertifiedKey>) -> anyhow::Result<(TlsAcceptor, Presented)> {
    let presented = Presented(Arc::new(Mutex::new(certificate)));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(presented.clone()));
    Ok((TlsAcceptor::from(Arc::new(config)), presented))
}

/// The response of the health endpoint.
#[derive(Debug, Clone)]
pub enum HealthBody {
    /// 200 with this JSON.
    Json(Value),
    /// 200 with a body that is not JSON.
    NotJson,
    /// 200 with an endless body in large chunks.
    Large,
    /// 200 with an endless body of one byte per second.
    ByteByByte,
}

/// The health endpoint of the application, over HTTPS.
pub struct Health {
    pub server: Server,
    /// Handle to replace the certificate.
    pub certificate: Presented,
    body: Arc<Mutex<HealthBody>>,
}

impl Health {
    /// Starts the endpoint in the healthy state.
    pub async fn start(certificate: Arc<CertifiedKey>) -> anyhow::Result<Self> {
        let body = Arc::new(Mutex::new(HealthBody::Json(healthy())));
        let (tls, certificate) = acceptor(certificate)?;
        let now = Arc::clone(&body);
        let server = serve(Some(tls), move |_request| {
            let body = now.lock().unwrap_or_else(PoisonError::into_inner).clone();
            async move { page(body) }
        })
        .await?;
        Ok(Self { server, certificate, body })
    }

    /// Changes the response.
    pub fn respond_with(&self, body: HealthBody) {
        *self.body.lock().unwrap_or_else(PoisonError::into_inner) = body;
    }
}

/// Returns the body of a healthy application.
pub fn healthy() -> Value {
    serde_json::json!({"status": "healthy", "version": "1.4.2", "database": "connected"})
}

static MANY: [u8; 65_536] = [b'1'; 65_536];

fn page(body: HealthBody) -> Response<Body> {
    let endless = |piece: &'static [u8], pause: Duration| {
        let pieces = futures::stream::unfold((), move |()| async move {
            tokio::time::sleep(pause).await;
            Some((Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(piece))), ()))
        });
        Response::new(StreamBody::new(pieces).boxed_unsync())
    };
    match body {
        HealthBody::Json(value) => response(200, "application/json", value.to_string()),
        HealthBody::NotJson => Response::new(full("<html>It works!</html>")),
        HealthBody::Large => endless(&MANY, Duration::ZERO),
        HealthBody::ByteByByte => endless(b"1", Duration::from_secs(1)),
    }
}

/// Starts a TCP server that accepts connections and never sends anything. Returns its port and task.
pub async fn silent() -> anyhow::Result<(u16, tokio::task::JoinHandle<()>)> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let task = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
        }
    });
    Ok((port, task))
}
