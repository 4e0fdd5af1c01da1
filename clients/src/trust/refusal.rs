//! Translates errors of certificate verification to a closed set of words and a sentence.

use super::authority::{RSA_BITS, Unfit, rsa_bits};
use rustls::CertificateError;

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
    if let C::Other(other) = invalid
        && let Some(unfit) = other.0.downcast_ref::<Unfit>()
    {
        return (unfit.word(), unfit.to_string());
    }
    let bits = leaf.and_then(rsa_bits);
    let (word, sentence) = match invalid {
        C::Expired | C::ExpiredContext { .. } => ("expired", "the certificate, or one that it depends on, has expired"),
        C::NotValidYet | C::NotValidYetContext { .. } => {
            ("not_yet_valid", "the certificate, or one that it depends on, is not valid yet")
        }
        C::UnknownIssuer => (
            "unknown_issuer",
            "it was not issued by a trusted CA, or the server does not send an intermediate certificate",
        ),
        C::NotValidForName | C::NotValidForNameContext { .. } => {
            ("name_mismatch", "it is not valid for the name of the server")
        }
        C::Revoked => ("revoked", "it was revoked"),
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => {
            ("wrong_purpose", "it is not valid for TLS servers (extended key usage)")
        }
        C::BadEncoding => ("unreadable", "a certificate of the chain cannot be parsed"),
        C::BadSignature if bits.is_some_and(|bits| bits < RSA_BITS) => {
            let bits = bits.unwrap_or_default();
            return ("weak_key", format!("its RSA key has {bits} bits, but clients require {RSA_BITS}"));
        }
        C::BadSignature if leaf.is_none() => {
            ("bad_signature", "a signature is invalid, or its RSA key is shorter than 2048 bits")
        }
        C::BadSignature => ("bad_signature", "a signature is invalid"),
        C::UnhandledCriticalExtension => {
            ("unknown_extension", "it has a critical extension that clients do not support")
        }
        C::UnsupportedSignatureAlgorithmContext { .. } | C::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            ("old_signature", "its signature algorithm is no longer accepted by clients, such as SHA-1")
        }
        C::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::CaUsedAsEndEntity) => {
                ("authority_as_server", "it is a CA certificate (CA:TRUE), not a server certificate")
            }
            Some(webpki::Error::UnsupportedCertVersion) => {
                ("old_version", "it is not an X.509 version 3 certificate, so it has no purposes and names")
            }
            Some(webpki::Error::UnsupportedCriticalExtension) => {
                ("unknown_extension", "it has a critical extension that clients do not support")
            }
            Some(webpki::Error::NameConstraintViolation) => {
                ("name_mismatch", "a CA of its chain may not issue certificates for this name (name constraints)")
            }
            Some(webpki::Error::PathLenConstraintViolated) => {
                ("unknown_issuer", "a CA of its chain may not have so many CAs below it (path length)")
            }
            Some(webpki::Error::EndEntityUsedAsCa) => {
                ("unknown_issuer", "it was issued with a certificate that is not a CA")
            }
            _ => return ("other", other.to_string()),
        },
        _ => return ("other", invalid.to_string()),
    };
    (word, sentence.to_owned())
}
