//! Translates errors of certificate verification to a closed set of words and a sentence.

use rustls::CertificateError;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

/// Minimum length of an RSA key in bits that clients accept.
const RSA_BITS: usize = 2048;

/// Why clients refuse a certificate chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The label value, from a closed set.
    pub word: &'static str,
    /// A sentence for people.
    pub sentence: String,
}

impl Refusal {
    /// Translates an error of the verifier. `leaf` is the certificate of the server in DER, if it is known.
    pub fn of(error: &rustls::Error, leaf: Option<&[u8]>) -> Self {
        let (word, sentence) = match error {
            rustls::Error::InvalidCertificate(invalid) => words(invalid, leaf),
            other => ("other", other.to_string()),
        };
        Self { word, sentence }
    }
}

fn words(invalid: &CertificateError, leaf: Option<&[u8]>) -> (&'static str, String) {
    use CertificateError as C;
    let bits = leaf.and_then(rsa_bits);
    let (word, sentence) = match invalid {
        C::Expired | C::ExpiredContext { .. } => ("expired", "a certificate that is needed has expired"),
        C::NotValidYet | C::NotValidYetContext { .. } => {
            ("not_yet_valid", "a certificate that is needed is not valid yet")
        }
        C::UnknownIssuer => ("unknown_issuer", "no trusted authority issued it, or a certificate between is not sent"),
        C::NotValidForName | C::NotValidForNameContext { .. } => {
            ("name_mismatch", "it is not for the name of the server")
        }
        C::Revoked => ("revoked", "it was revoked"),
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => ("wrong_purpose", "it is not for servers"),
        C::BadEncoding => ("unreadable", "a certificate cannot be read"),
        C::BadSignature if bits.is_some_and(|bits| bits < RSA_BITS) => {
            let bits = bits.unwrap_or_default();
            return ("weak_key", format!("its RSA key has {bits} bits, and clients ask for {RSA_BITS}"));
        }
        C::BadSignature if leaf.is_none() => {
            ("bad_signature", "a signature is wrong, or its RSA key has fewer bits than the 2048 that are asked for")
        }
        C::BadSignature => ("bad_signature", "a signature is wrong"),
        C::UnhandledCriticalExtension => ("unknown_extension", "a critical extension is not known to clients"),
        C::UnsupportedSignatureAlgorithmContext { .. } | C::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            ("old_signature", "it is signed in a way that clients no longer accept, such as with SHA-1")
        }
        C::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::CaUsedAsEndEntity) => {
                ("authority_as_server", "it is the certificate of an authority (CA:TRUE) and not of a server")
            }
            Some(webpki::Error::UnsupportedCertVersion) => {
                ("old_version", "it is not of version 3 of X.509, so it names no purpose and no server")
            }
            _ => return ("other", other.to_string()),
        },
        _ => return ("other", invalid.to_string()),
    };
    (word, sentence.to_owned())
}

fn rsa_bits(leaf: &[u8]) -> Option<usize> {
    let (_, certificate) = X509Certificate::from_der(leaf).ok()?;
    match certificate.public_key().parsed().ok()? {
        PublicKey::RSA(key) => Some(key.key_size()),
        _ => None,
    }
}
