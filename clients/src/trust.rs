//! Whom a TLS client trusts: the system, a given authority, or (only where asked for) anyone.

use crate::failure::Failure;
use checklist::Reason;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// The one cryptography of the program.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider())))
}

/// The authorities of a PEM file, or the system's.
pub fn roots(ca_file: Option<&Path>) -> Result<Arc<RootCertStore>, Failure> {
    static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let Some(path) = ca_file else {
        return Ok(Arc::clone(SYSTEM.get_or_init(|| {
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            Arc::new(store)
        })));
    };
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|error| unreadable(path, &error.to_string()))?;
    }
    Ok(Arc::new(store))
}

/// The certificates of a PEM file, at least one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let unreadable = |error: rustls::pki_types::pem::Error| unreadable(path, &error.to_string());
    let found = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(unreadable)?;
    if found.is_empty() {
        return Err(self::unreadable(path, "there is no certificate in it"));
    }
    Ok(found)
}

fn unreadable(path: &Path, why: &str) -> Failure {
    Failure::new(Reason::Config, format!("cannot read the authorities in {}: {why}", path.display()))
}

/// A verifier for the given authorities.
pub fn verifier(ca_file: Option<&Path>) -> Result<Arc<WebPkiServerVerifier>, Failure> {
    WebPkiServerVerifier::builder_with_provider(roots(ca_file)?, provider())
        .build()
        .map_err(|error| Failure::new(Reason::Config, format!("no authority is trusted: {error}")))
}

/// A client that checks chain and name.
pub fn verified(ca_file: Option<&Path>) -> Result<ClientConfig, Failure> {
    with_verifier(verifier(ca_file)?)
}

/// A client that accepts any certificate, for what the operator marked so.
pub fn unverified() -> Result<ClientConfig, Failure> {
    with_verifier(Arc::new(AnyCertificate))
}

/// A client with a verifier of its own.
pub fn with_verifier(verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, Failure> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::new(Reason::Config, format!("cannot set up TLS: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(config)
}

/// Encryption without identity: libpq's `sslmode=require`, kubelets with certificates of their own.
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
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
