//! TLS trust of the clients: the system's authorities, a given file, or any certificate where the operator asked for
//! that.

pub mod authority;
mod exact;
mod provider;
pub mod refusal;

use crate::failure::Failure;
use crate::file;
use authority::{Authority, Path as Way, Unfit};
use checklist::Reason;
use exact::Exact;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub use provider::provider;

/// The limit of a file in bytes. A bundle of all public authorities has 250 KiB.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Returns the system's authorities. They are loaded once.
fn system() -> Arc<Vec<Authority>> {
    static SYSTEM: OnceLock<Arc<Vec<Authority>>> = OnceLock::new();
    Arc::clone(SYSTEM.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs().certs;
        Arc::new(found.iter().filter_map(|der| Authority::of(der).ok()).collect())
    }))
}

/// Returns the authorities of a PEM file, or those of the system, for a server that judges the certificates of clients.
///
/// # Errors
/// The file cannot be read or contains no certificate.
pub fn roots(ca_file: Option<&Path>) -> Result<Arc<RootCertStore>, Failure> {
    let authorities = match ca_file {
        Some(path) => Arc::new(read(path, &certificates(path)?)?),
        None => system(),
    };
    Ok(Arc::new(authority::all(&authorities)))
}

fn read(path: &Path, certificates: &[CertificateDer<'static>]) -> Result<Vec<Authority>, Failure> {
    let all: Result<Vec<_>, _> = certificates.iter().map(Authority::of).collect();
    all.map_err(|error| unreadable(path, &error.to_string()))
}

/// Returns the certificates of a PEM file, at least one.
///
/// # Errors
/// The file cannot be read or contains no certificate.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let content = file::read_now(path, MAX_BYTES).map_err(|error| unreadable(path, &error.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content.bytes).collect();
    let found = found.map_err(|error| unreadable(path, pem_mistake(&error)))?;
    if found.is_empty() {
        return Err(unreadable(path, "the file contains no certificate"));
    }
    Ok(found)
}

/// Describes what is wrong with a PEM file, without any byte of the file, because it may contain a key.
pub fn pem_mistake(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a -----BEGIN line without an -----END line",
        pem::Error::IllegalSectionStart { .. } => {
            "text after the last dashes of a -----BEGIN line; were the line breaks lost?"
        }
        pem::Error::Base64Decode(_) => "the content between -----BEGIN and -----END is not base64",
        pem::Error::NoItemsFound => "the file contains no certificate or key of the required kind",
        pem::Error::SectionTooLarge => "a section of the file is too large",
        pem::Error::Io(error) if error.kind() == std::io::ErrorKind::NotFound => "the file does not exist",
        pem::Error::Io(error) if error.kind() == std::io::ErrorKind::PermissionDenied => "permission denied",
        _ => "the file is not PEM",
    }
}

fn unreadable(path: &Path, why: &str) -> Failure {
    Failure::new(Reason::Config, format!("cannot read the CA certificates in {}: {why}", path.display()))
}

/// Makes a verifier with the authorities of a file, or with those of the system. The file is read on a thread of its
/// own, because its mount may be dead.
///
/// # Errors
/// The file cannot be read or contains no certificate.
pub async fn verifier(ca_file: Option<&Path>) -> Result<Arc<Verifier>, Failure> {
    let Some(path) = ca_file else {
        let nothing = || Failure::new(Reason::Config, "the system has no CA certificate: set caFile");
        let authorities = Some(system()).filter(|found| !found.is_empty()).ok_or_else(nothing)?;
        return Ok(Arc::new(Verifier { authorities, exact: Exact(Vec::new()) }));
    };
    let own: PathBuf = path.to_owned();
    let made = file::aside(path, file::PATIENCE, move || {
        let certificates = certificates(&own)?;
        let authorities = Arc::new(read(&own, &certificates)?);
        Ok::<_, Failure>(Verifier { authorities, exact: Exact(certificates) })
    });
    Ok(Arc::new(made.await.map_err(|error| file::failure(path, &error))??))
}

/// Makes a TLS client configuration that verifies chain and name.
///
/// # Errors
/// The authorities cannot be read.
pub async fn verified(ca_file: Option<&Path>) -> Result<ClientConfig, Failure> {
    with_verifier(verifier(ca_file).await?)
}

/// Makes a TLS client configuration that accepts any certificate, for targets that the operator marked so.
///
/// # Errors
/// TLS cannot be set up.
pub fn unverified() -> Result<ClientConfig, Failure> {
    with_verifier(Arc::new(AnyCertificate))
}

/// Makes a TLS client configuration with a given verifier.
///
/// # Errors
/// TLS cannot be set up.
pub fn with_verifier(verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, Failure> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::new(Reason::Config, format!("cannot set up TLS: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(config)
}

/// Verifies chain and name as browsers do. As for OpenSSL and Go, an authority that is not valid now does not count. In
/// addition it accepts a certificate that is itself in the file of authorities, of any kind. Such certificates are made
/// by `openssl req -x509`, and curl, psql and Python accept them.
#[derive(Debug)]
pub struct Verifier {
    authorities: Arc<Vec<Authority>>,
    exact: Exact,
}

impl Verifier {
    /// Returns the way from a certificate to an authority that lasts longest, also if the authority is not valid now.
    /// `None` if there is no way, and if the certificate is trusted by itself.
    pub fn path(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>], now: UnixTime) -> Option<Way<'_>> {
        if self.exact.has(leaf) { None } else { authority::path(&self.authorities, leaf, others, now) }
    }

    fn verify_chain(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let parsed = ParsedCertificate::try_from(leaf)?;
        let valid = authority::valid(&self.authorities, now);
        let algorithms = provider().signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &valid, others, now, algorithms)
            .map_err(|error| self.because(&error, leaf, others, now).unwrap_or(error))?;
        verify_server_name(&parsed, name)
    }

    /// Returns why a chain is refused if that is because of its authority.
    fn because(
        &self,
        error: &rustls::Error,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Option<rustls::Error> {
        let is_signature = *error == CertificateError::BadSignature.into();
        let unfit = match authority::path(&self.authorities, leaf, others, now) {
            Some(way) => Unfit::outdated(way.authority, now),
            None if is_signature => Unfit::weak(&self.authorities, leaf, others),
            None => None,
        };
        unfit.map(|unfit| CertificateError::Other(OtherError(Arc::new(unfit))).into())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let judged = self.verify_chain(end_entity, intermediates, server_name, now);
        let is_exact = judged.is_err() && self.exact.has(end_entity);
        let judged = if is_exact { exact::verify(end_entity, server_name, now) } else { judged };
        judged.map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if self.exact.has(cert) {
            return exact::signature(message, cert, dss);
        }
        verify_tls12_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if self.exact.has(cert) {
            return exact::signature(message, cert, dss);
        }
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Encryption without authentication, as with libpq's `sslmode=require`, or for kubelets with self-signed certificates.
/// Signatures are not verified either: without a trusted certificate they do not distinguish the server from an
/// attacker in between.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_an_invalid_pem_file_contains_no_byte_of_it() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("ca.pem");
        for text in [
            "-----BEGIN PRIVATE KEY-----TUlJRXZ3SUJBREFO-----END PRIVATE KEY-----",
            "-----BEGIN CERTIFICATE-----TUlJRXZ3SUJBREFO-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\nTUlJRXZ3SUJBREFO",
            "-----BEGIN CERTIFICATE-----\nTUlJRXZ3SUJBREFO!\n-----END CERTIFICATE-----",
        ] {
            std::fs::write(&file, text)?;
            let message = certificates(&file).err().map(|failure| failure.message).unwrap_or_default();
            assert!(message.contains("ca.pem: "), "{message}");
            let numbers: Vec<String> = b"TUlJ".iter().map(ToString::to_string).collect();
            assert!(!message.contains("TUlJ") && !message.contains(&numbers.join(", ")), "{message}");
        }
        Ok(())
    }
}
