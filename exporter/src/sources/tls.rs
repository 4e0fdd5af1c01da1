//! Inspects a TLS endpoint: reports the presented certificates even if no client should accept them, or if the
//! handshake fails later.

use crate::probe::Failure;
use checklist::Reason;
use checklist::config::{Certificate as Target, StartTls};
use clients::failure::causes;
use clients::trust::authority::{Path, common_name};
use clients::trust::refusal::Refusal;
use clients::trust::{self, Verifier};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{AlertDescription, DigitallySignedStruct, ProtocolVersion, SignatureScheme};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Maximum number of certificates that are examined.
const MAX_CERTIFICATES: usize = 10;
/// Maximum number of addresses of one name that are inspected.
const MAX_ADDRESSES: usize = 16;
/// How long connecting to one of several addresses and its handshake may take: one that does not respond must not hide
/// what the others presented.
const ADDRESS_LIMIT: Duration = Duration::from_secs(3);

/// The handshakes with the addresses of one name. A certificate is often renewed on every server behind it but one.
#[derive(Debug)]
pub struct Inspections {
    /// The addresses that presented certificates; at least one.
    pub seen: Vec<Inspection>,
    /// The addresses that could not be connected to, with the reason. Clients go on to another one.
    pub unreachable: Vec<String>,
    /// The addresses that were connected to and presented nothing, and a message about those beyond the maximum.
    pub failed: Vec<Failure>,
}

/// The result of one handshake.
#[derive(Debug)]
pub struct Inspection {
    pub address: SocketAddr,
    /// The presented certificates that could be parsed, leaf first.
    pub certificates: Vec<Presented>,
    /// The authority of `caFile` that the chain leads to, at position `root`. Clients refuse the chain when it expires,
    /// whether the server presents it or not.
    pub root: Option<Presented>,
    /// Messages about certificates that could not be parsed, or are too many.
    pub unreadable: Vec<String>,
    /// Why clients refuse the chain; `None` if they accept it.
    pub refused: Option<Refusal>,
    /// `1.2` or `1.3`; `None` if the handshake failed.
    pub version: Option<&'static str>,
    /// Why the handshake failed after the certificates were presented.
    pub broken: Option<String>,
}

impl Inspection {
    /// The presented certificates and the authority.
    pub fn all(&self) -> impl Iterator<Item = &Presented> {
        self.certificates.iter().chain(&self.root)
    }
}

/// A certificate that the server presented, or the authority that it leads to.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Presented {
    /// `leaf`, or `chain-1` and so on in the order of the chain; `root` for the authority.
    pub position: String,
    /// Common name of the subject, may be empty.
    pub subject_cn: String,
    /// Common name of the issuer, may be empty.
    pub issuer_cn: String,
    /// Start of validity, Unix seconds.
    pub not_before: i64,
    /// End of validity, Unix seconds.
    pub not_after: i64,
    /// Whether clients that trust the given authorities do not need this certificate: the chain is also accepted without
    /// it, and the way that lasts longest is another one. This is so for a root certificate, and for a cross-signed one
    /// that is sent for older clients.
    pub spare: bool,
}

/// Makes a handshake with each of these addresses, and reports the presented certificates. Fails if no address presented
/// any, with the failure of the first.
pub async fn inspect(target: &Target, addresses: &[SocketAddr]) -> Result<Inspections, Failure> {
    let name = ServerName::try_from(ascii(&target.server_name))
        .map_err(|_| Failure::new(Reason::Config, format!("{} is not a valid TLS server name", target.server_name)))?;
    let verifier = trust::verifier(target.ca_file.as_deref()).await?;
    // One address has the time of the check.
    let limit = if addresses.len() == 1 { Duration::MAX } else { ADDRESS_LIMIT };
    let each = addresses.iter().take(MAX_ADDRESSES).map(|address| {
        let place = match addresses.len() {
            1 => format!("{}:{}", target.host, target.port),
            _ => format!("{address}, an address of {}", target.host),
        };
        Endpoint { target, name: name.clone(), address: *address, place, limit }.handshake(Arc::clone(&verifier))
    });
    let mut inspections = Inspections { seen: Vec::new(), unreachable: Vec::new(), failed: Vec::new() };
    let mut first = None;
    for result in futures::future::join_all(each).await {
        match result {
            Ok(inspection) => inspections.seen.push(inspection),
            Err(failure) => {
                match failure.reason {
                    Reason::Connect => inspections.unreachable.push(failure.message.clone()),
                    _ => inspections.failed.push(failure.clone()),
                }
                first.get_or_insert(failure);
            }
        }
    }
    if inspections.seen.is_empty()
        && let Some(first) = first
    {
        return Err(first);
    }
    if addresses.len() > MAX_ADDRESSES {
        let (host, all) = (&target.host, addresses.len());
        let why = format!("{host} has {all} addresses; only the first {MAX_ADDRESSES} are inspected");
        inspections.failed.push(Failure::new(Reason::Limit, why));
    }
    Ok(inspections)
}

/// One address of a target.
struct Endpoint<'a> {
    target: &'a Target,
    /// The name that is requested.
    name: ServerName<'static>,
    address: SocketAddr,
    /// The address in messages.
    place: String,
    /// How long connecting may take, and how long the handshake.
    limit: Duration,
}

impl Endpoint<'_> {
    /// Makes one handshake. If the peer closes the connection after it presented its certificates, for example because
    /// it requires a client certificate, that is part of the report and no error.
    async fn handshake(self, verifier: Arc<Verifier>) -> Result<Inspection, Failure> {
        let place = &self.place;
        let tls = |why: String| Failure::new(Reason::Tls, format!("TLS handshake with {place}: {why}"));
        let recorder = Arc::new(Recorder { inner: verifier, seen: Mutex::default() });
        let config = trust::with_verifier(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>)?;
        let mut stream = self.connect().await?;
        let shaken = tokio::time::timeout(self.limit, async {
            if self.target.start_tls == Some(StartTls::Postgres) {
                request_postgres_tls(&mut stream).await.map_err(|why| tls(why.to_owned()))?;
            }
            Ok::<_, Failure>(TlsConnector::from(Arc::new(config)).connect(self.name.clone(), stream).await)
        });
        let shaken = shaken.await.map_err(|_| {
            Failure::new(Reason::Timeout, format!("TLS handshake with {place}: no response within {:?}", self.limit))
        })??;
        let seen = std::mem::take(&mut *recorder.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let (version, broken) = match shaken {
            Ok(stream) => (stream.get_ref().1.protocol_version(), None),
            Err(error) if seen.chain.is_empty() => return Err(tls(causes(&error))),
            Err(error) => {
                let what = "failed after its certificate came; it may require one of the client";
                (None, Some(format!("the TLS handshake with {place} {what}: {}", broken(&error))))
            }
        };
        let version = version.map(|version| if version == ProtocolVersion::TLSv1_3 { "1.3" } else { "1.2" });
        let way = seen.path(&recorder.inner);
        // The dates of the system's authorities are not the operator's concern.
        let root = way.as_ref().filter(|_| self.target.ca_file.is_some()).map(root);
        let refused = seen.refused.clone();
        let mut inspection = Inspection {
            address: self.address,
            certificates: Vec::new(),
            root,
            unreadable: Vec::new(),
            refused,
            version,
            broken,
        };
        if seen.beyond > 0 {
            let sent = seen.chain.len() + seen.beyond;
            let what = format!("{place} sent {sent} certificates; only the first {MAX_CERTIFICATES} are examined");
            inspection.unreadable.push(what);
        }
        for (at, der) in seen.chain.iter().enumerate() {
            let is_on_way = way.as_ref().is_some_and(|way| way.between.contains(der));
            let spare = at > 0
                && seen.refused.is_none()
                && !is_on_way
                && seen.is_accepted_without(at, &recorder.inner, &self.name);
            match presented(at, der, spare) {
                Ok(certificate) => inspection.certificates.push(certificate),
                Err(why) => {
                    let which = position(at);
                    inspection.unreadable.push(format!("cannot parse certificate {which} of {place}: {why}"));
                }
            }
        }
        Ok(inspection)
    }

    async fn connect(&self) -> Result<TcpStream, Failure> {
        let failed = |why: &str| Failure::new(Reason::Connect, format!("connecting to {}: {why}", self.place));
        match tokio::time::timeout(self.limit, TcpStream::connect(self.address)).await {
            Ok(connected) => connected.map_err(|error| failed(&error.to_string())),
            Err(_) => Err(failed(&format!("no response within {:?}", self.limit))),
        }
    }
}

/// Returns the name of a place in the chain: `leaf`, `chain-1` and so on.
fn position(at: usize) -> String {
    if at == 0 { "leaf".to_owned() } else { format!("chain-{at}") }
}

/// Returns a name as it stands in DNS and in certificates: `bücher.example` is `xn--bcher-kva.example`.
pub(crate) fn ascii(name: &str) -> String {
    if name.is_ascii() {
        return name.to_owned();
    }
    url::Host::parse(name).map_or_else(|_| name.to_owned(), |host| host.to_string())
}

/// Sends PostgreSQL's `SSLRequest` and reads the response (protocol documentation, "Message Formats": length 8, code
/// 80877103).
pub(crate) async fn request_postgres_tls(stream: &mut TcpStream) -> Result<(), &'static str> {
    let mut response = [0];
    let exchange = async {
        stream.write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]).await?;
        stream.read_exact(&mut response).await
    };
    match exchange.await {
        Ok(_) if response == *b"S" => Ok(()),
        Ok(_) => Err("the PostgreSQL server does not offer TLS"),
        Err(_) => Err("the PostgreSQL server closed the connection"),
    }
}

fn presented(at: usize, der: &CertificateDer<'_>, spare: bool) -> Result<Presented, String> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
    Ok(Presented {
        position: position(at),
        subject_cn: common_name(certificate.subject()),
        issuer_cn: common_name(certificate.issuer()),
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
        spare,
    })
}

/// Returns the authority at the end of a way.
fn root(way: &Path<'_>) -> Presented {
    let authority = way.authority;
    Presented {
        position: "root".to_owned(),
        subject_cn: authority.subject_cn.clone(),
        issuer_cn: authority.issuer_cn.clone(),
        not_before: authority.not_before,
        not_after: authority.not_after,
        spare: false,
    }
}

/// Returns why a handshake failed after the server's certificate came. By then cipher and keys are agreed on, so that
/// the alert of servers that share none has another cause: with TLS 1.2 it is the missing certificate of the client.
fn broken(error: &std::io::Error) -> String {
    match error.get_ref().and_then(|held| held.downcast_ref()) {
        Some(rustls::Error::AlertReceived(AlertDescription::HandshakeFailure)) => {
            "the server ended it with the alert handshake_failure".to_owned()
        }
        _ => causes(error),
    }
}

/// The presented chain, and why the verifier refuses it.
#[derive(Debug, Default)]
struct Seen {
    chain: Vec<CertificateDer<'static>>,
    /// Number of certificates beyond [`MAX_CERTIFICATES`].
    beyond: usize,
    refused: Option<Refusal>,
}

impl Seen {
    /// The way to an authority that lasts longest.
    fn path<'a>(&self, verifier: &'a Verifier) -> Option<Path<'a>> {
        let (leaf, others) = self.chain.split_first()?;
        verifier.path(leaf, others, UnixTime::now())
    }

    /// Whether the verifier accepts the chain without the certificate at this position, and without those of the same
    /// subject and issuer: when a file holds an authority before and after its renewal, a client may choose either.
    fn is_accepted_without(&self, at: usize, verifier: &Verifier, name: &ServerName<'_>) -> bool {
        let Some((leaf, others)) = self.chain.split_first() else { return false };
        let names = |der: &CertificateDer<'_>| {
            let (_, certificate) = X509Certificate::from_der(der).ok()?;
            Some((certificate.subject().as_raw().to_vec(), certificate.issuer().as_raw().to_vec()))
        };
        let own = self.chain.get(at).and_then(names);
        let stays = |(before, other): &(usize, &CertificateDer<'static>)| {
            before + 1 != at && (own.is_none() || names(other) != own)
        };
        let others: Vec<_> = others.iter().enumerate().filter(stays).map(|(_, other)| other.clone()).collect();
        verifier.verify_server_cert(leaf, &others, name, &[], UnixTime::now()).is_ok()
    }

    fn refuse(&mut self, error: &rustls::Error) {
        let leaf = self.chain.first().map(AsRef::as_ref).unwrap_or_default();
        // Only the first reason is kept, because it is the first one to fix.
        self.refused.get_or_insert_with(|| Refusal::of(error, Some(leaf)));
    }
}

/// A verifier that records the presented chain and the verdict of the real verifier, and then accepts everything so
/// that the handshake goes on.
#[derive(Debug)]
struct Recorder {
    inner: Arc<Verifier>,
    seen: Mutex<Seen>,
}

impl Recorder {
    fn note(&self, verdict: Result<HandshakeSignatureValid, rustls::Error>) -> HandshakeSignatureValid {
        if let Err(error) = verdict {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).refuse(&error);
        }
        HandshakeSignatureValid::assertion()
    }
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
        seen.beyond = (1 + intermediates.len()).saturating_sub(MAX_CERTIFICATES);
        if let Err(error) = verdict {
            seen.refuse(&error);
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(self.note(self.inner.verify_tls12_signature(message, cert, dss)))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(self.note(self.inner.verify_tls13_signature(message, cert, dss)))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_international_name_is_requested_as_certificates_contain_it() {
        for (name, expected) in
            [("b\u{fc}cher.example", "xn--bcher-kva.example"), ("www.Example.com", "www.Example.com"), ("::1", "::1")]
        {
            assert_eq!(ascii(name), expected);
        }
    }
}
