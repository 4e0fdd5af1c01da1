//! TLS trust of the clients: the system's authorities, a given file, or any certificate where the operator asked for
//! that.

mod exact;
mod provider;
pub mod refusal;

use crate::failure::Failure;
use crate::file;
use checklist::Reason;
use exact::Exact;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub use provider::provider;

/// The limit of a file in bytes. A bundle of all public authorities has 250 KiB.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Returns the system's authorities. They are loaded once.
fn system() -> Arc<RootCertStore> {
    static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    Arc::clone(SYSTEM.get_or_init(|| {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(store)
    }))
}

/// Returns the authorities of a PEM file, or those of the system.
///
/// # Errors
/// The file cannot be read or contains no certificate.
pub fn roots(ca_file: Option<&Path>) -> Result<Arc<RootCertStore>, Failure> {
    let Some(path) = ca_file else { return Ok(system()) };
    store(path, &certificates(path)?)
}

fn store(path: &Path, certificates: &[CertificateDer<'static>]) -> Result<Arc<RootCertStore>, Failure> {
    let mut store = RootCertStore::empty();
    for certificate in certificates {
        store.add(certificate.clone()).map_err(|error| unreadable(path, &error.to_string()))?;
    }
    Ok(Arc::new(store))
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
    let Some(path) = ca_file else { return Verifier::new(system(), Vec::new()) };
    let own: PathBuf = path.to_owned();
    let read = file::aside(path, file::PATIENCE, move || {
        let certificates = certificates(&own)?;
        Ok::<_, Failure>((store(&own, &certificates)?, certificates))
    });
    let (store, certificates) = read.await.map_err(|error| file::failure(path, &error))??;
    Verifier::new(store, certificates)
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

/// Verifies chain and name as browsers do. In addition it accepts a certificate that is itself in the file of
/// authorities, of any kind. Such certificates are made by `openssl req -x509`, and curl, psql and Python accept them.
#[derive(Debug)]
pub struct Verifier {
    chains: Arc<WebPkiServerVerifier>,
    exact: Exact,
}

impl Verifier {
    fn new(store: Arc<RootCertStore>, certificates: Vec<CertificateDer<'static>>) -> Result<Arc<Self>, Failure> {
        let chains = WebPkiServerVerifier::builder_with_provider(store, provider())
            .build()
            .map_err(|error| Failure::new(Reason::Config, format!("no CA certificate can be used: {error}")))?;
        Ok(Arc::new(Self { chains, exact: Exact(certificates) }))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let judged = self.chains.verify_server_cert(end_entity, intermediates, server_name, ocsp, now);
        if judged.is_err() && self.exact.has(end_entity) {
            return exact::verify(end_entity, server_name, now).map(|()| ServerCertVerified::assertion());
        }
        judged
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
        self.chains.verify_tls12_signature(message, cert, dss)
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
        self.chains.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
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
