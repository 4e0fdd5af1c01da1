//! What a TLS endpoint presents, also when no client should accept it.

use crate::probe::Failure;
use checklist::Reason;
use checklist::config::{Certificate as Target, StartTls};
use clients::tcp::connect;
use clients::trust;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, ProtocolVersion, SignatureScheme};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

/// Longer chains are not read further.
const MAX_CERTIFICATES: usize = 10;

/// What one handshake showed.
#[derive(Debug)]
pub struct Inspection {
    /// The presented certificates, leaf first.
    pub certificates: Vec<Presented>,
    /// Why clients refuse the chain; nothing when they accept it.
    pub refused: Option<&'static str>,
    /// `1.2` or `1.3`.
    pub version: &'static str,
}

/// One presented certificate.
#[derive(Debug)]
pub struct Presented {
    /// `leaf` or `chain`.
    pub position: &'static str,
    /// Common name of the subject, possibly empty.
    pub subject_cn: String,
    /// Common name of the issuer, possibly empty.
    pub issuer_cn: String,
    /// Begin of validity, Unix seconds.
    pub not_before: i64,
    /// End of validity, Unix seconds.
    pub not_after: i64,
}

/// Shakes hands and reports what was presented.
pub async fn inspect(target: &Target) -> Result<Inspection, Failure> {
    let (host, port) = (target.host.as_str(), target.port);
    let tls = |why: String| Failure::new(Reason::Tls, format!("TLS handshake with {host}:{port}: {why}"));
    let name = ServerName::try_from(target.server_name.clone())
        .map_err(|_| Failure::new(Reason::Config, format!("{} is no name for TLS", target.server_name)))?;
    let recorder = Arc::new(Recorder { inner: trust::verifier(target.ca_file.as_deref())?, seen: Mutex::default() });
    let config = trust::with_verifier(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>)?;
    let mut stream = connect(host, port).await?;
    if target.start_tls == Some(StartTls::Postgres) {
        ask_postgres_for_tls(&mut stream).await.map_err(|why| tls(why.to_owned()))?;
    }
    let stream =
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| tls(error.to_string()))?;
    let version = match stream.get_ref().1.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        _ => "1.2",
    };
    let seen = std::mem::take(&mut *recorder.seen.lock().unwrap_or_else(PoisonError::into_inner));
    let certificates = seen.chain.iter().enumerate().map(|(at, der)| presented(at, der)).collect::<Result<_, _>>();
    let certificates = certificates
        .map_err(|why| Failure::new(Reason::Decode, format!("a certificate of {host}:{port} cannot be read: {why}")))?;
    Ok(Inspection { certificates, refused: seen.refused, version })
}

/// PostgreSQL's `SSLRequest` (protocol documentation, "Message Formats"): length 8, code 80877103.
async fn ask_postgres_for_tls(stream: &mut TcpStream) -> Result<(), &'static str> {
    let mut answer = [0];
    let asked = async {
        stream.write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]).await?;
        stream.read_exact(&mut answer).await
    };
    match asked.await {
        Ok(_) if answer == *b"S" => Ok(()),
        Ok(_) => Err("the PostgreSQL server does not offer TLS"),
        Err(_) => Err("the PostgreSQL server closed the connection"),
    }
}

fn presented(at: usize, der: &CertificateDer<'_>) -> Result<Presented, String> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
    let common_name = |name: &X509Name<'_>| {
        name.iter_common_name().next().and_then(|cn| cn.as_str().ok()).unwrap_or_default().to_owned()
    };
    Ok(Presented {
        position: if at == 0 { "leaf" } else { "chain" },
        subject_cn: common_name(certificate.subject()),
        issuer_cn: common_name(certificate.issuer()),
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
    })
}

#[derive(Debug, Default)]
struct Seen {
    chain: Vec<CertificateDer<'static>>,
    refused: Option<&'static str>,
}

/// Notes what was presented and what the real verifier says, then lets the handshake end.
#[derive(Debug)]
struct Recorder {
    inner: Arc<rustls::client::WebPkiServerVerifier>,
    seen: Mutex<Seen>,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp, now);
        let chain = std::iter::once(end_entity).chain(intermediates).take(MAX_CERTIFICATES);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.chain = chain.map(|der| der.clone().into_owned()).collect();
        seen.refused = verdict.err().map(|error| word(&error));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// One word of a closed set.
fn word(error: &rustls::Error) -> &'static str {
    use CertificateError as C;
    match error {
        rustls::Error::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => "expired",
        rustls::Error::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => "not_yet_valid",
        rustls::Error::InvalidCertificate(C::UnknownIssuer) => "unknown_issuer",
        rustls::Error::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => "name_mismatch",
        rustls::Error::InvalidCertificate(C::Revoked) => "revoked",
        _ => "other",
    }
}
