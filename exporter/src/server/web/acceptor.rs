//! The server side of TLS: the server's certificate, and the verification of client certificates.

use super::config::{ClientAuth, Tls, Version};
use crate::probe::Failure;
use checklist::Reason;
use clients::{file, trust};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, SupportedProtocolVersion};
use secrecy::zeroize::Zeroizing;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Deadline of a handshake, which takes a few round trips.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Maximum size of the key file in bytes. RSA keys, the longest ones, have some kilobytes.
const MAX_KEY: u64 = 1024 * 1024;

/// Accepts TLS connections.
#[derive(Clone)]
pub struct Acceptor {
    acceptor: TlsAcceptor,
    /// Names of which a client's certificate must have one; empty allows all.
    allowed: Arc<[String]>,
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

impl Acceptor {
    /// Reads the certificate, the key and the authorities of clients.
    pub fn new(tls: &Tls) -> Result<Self, Failure> {
        let wrong = |why: String| Failure::new(Reason::Config, format!("tls_server_config: {why}"));
        let chain = trust::certificates(&tls.cert_file)?;
        let unreadable = |why: &str| wrong(format!("cannot read the key in {}: {why}", tls.key_file.display()));
        let pem = file::read_now(&tls.key_file, MAX_KEY).map_err(|error| unreadable(&error.to_string()))?;
        let pem = Zeroizing::new(pem.bytes);
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| unreadable(trust::pem_mistake(&error)))?;
        let versions: Vec<&'static SupportedProtocolVersion> =
            [(Version::TLS12, &rustls::version::TLS12), (Version::TLS13, &rustls::version::TLS13)]
                .into_iter()
                .filter(|(version, _)| *version >= tls.min_version && tls.max_version.is_none_or(|max| *version <= max))
                .map(|(_, known)| known)
                .collect();
        let mut provider = (*trust::provider()).clone();
        if !tls.cipher_suites.is_empty() {
            let name = |suite: &rustls::SupportedCipherSuite| format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
            let known: Vec<String> = provider.cipher_suites.iter().map(name).collect();
            if let Some(unknown) = tls.cipher_suites.iter().find(|suite| !known.contains(suite)) {
                return Err(wrong(format!("cipher_suites: unknown suite {unknown}; known: {}", known.join(", "))));
            }
            // As in Go, the list applies to TLS 1.2 only; cipher suites of TLS 1.3 cannot be chosen.
            provider.cipher_suites.retain(|suite| suite.tls13().is_some() || tls.cipher_suites.contains(&name(suite)));
        }
        if !tls.curve_preferences.is_empty() {
            let curves = [("CurveP256", "secp256r1"), ("CurveP384", "secp384r1"), ("X25519", "X25519")];
            let wanted = |name: &String| curves.iter().find(|(go, _)| go == name).map(|(_, ours)| *ours);
            if let Some(unknown) = tls.curve_preferences.iter().find(|name| wanted(name).is_none()) {
                return Err(wrong(format!(
                    "curve_preferences: unknown curve {unknown}; known: CurveP256, CurveP384, X25519"
                )));
            }
            let wanted: Vec<&str> = tls.curve_preferences.iter().filter_map(wanted).collect();
            provider.kx_groups.retain(|group| wanted.contains(&format!("{:?}", group.name()).as_str()));
        }
        let provider = Arc::new(provider);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .map_err(|error| wrong(error.to_string()))?;
        let builder = match (tls.client_auth_type, &tls.client_ca_file) {
            (ClientAuth::VerifyClientCertIfGiven | ClientAuth::RequireAndVerifyClientCert, Some(file)) => {
                let roots = trust::roots(Some(file))?;
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let optional = tls.client_auth_type == ClientAuth::VerifyClientCertIfGiven;
                let verifier = if optional { verifier.allow_unauthenticated() } else { verifier };
                builder.with_client_cert_verifier(verifier.build().map_err(|error| wrong(error.to_string()))?)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| wrong(error.to_string()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: Arc::new(config).into(), allowed: tls.client_allowed_sans.clone().into() })
    }

    /// Makes the handshake. Refuses a client whose certificate has none of the allowed names.
    pub async fn accept<S>(&self, stream: S) -> Result<TlsStream<S>, String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = tokio::time::timeout(HANDSHAKE, self.acceptor.accept(stream)).await;
        let stream =
            handshake.map_err(|_| "the TLS handshake timed out".to_owned())?.map_err(|error| error.to_string())?;
        if !self.allowed.is_empty() {
            let (_, connection) = stream.get_ref();
            let names = connection.peer_certificates().and_then(|chain| chain.first()).map(|leaf| names(leaf));
            if !names.unwrap_or_default().iter().any(|name| self.allowed.contains(name)) {
                return Err("the client certificate has none of the names in client_allowed_sans".to_owned());
            }
        }
        Ok(stream)
    }
}

/// Returns the subject alternative names of a certificate: DNS names, addresses, e-mail addresses and URIs.
fn names(der: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return Vec::new() };
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => Some((*text).to_owned()),
        GeneralName::IPAddress([a, b, c, d]) => Some(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string()),
        GeneralName::IPAddress(bytes) => Some(std::net::Ipv6Addr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string()),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).collect()
}
