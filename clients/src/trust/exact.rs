//! Certificates that are trusted by themselves, as end-entity certificates and not as issuers.

use super::provider::provider;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use std::net::IpAddr;
use webpki::RawPublicKeyEntity;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The certificates of a file of authorities.
#[derive(Debug)]
pub(super) struct Exact(pub(super) Vec<CertificateDer<'static>>);

impl Exact {
    /// Returns whether a presented certificate is one of them.
    pub(super) fn has(&self, certificate: &CertificateDer<'_>) -> bool {
        self.0.iter().any(|own| own.as_ref() == certificate.as_ref())
    }
}

/// Verifies a certificate that needs no issuer: validity period, purpose and name.
pub(super) fn verify(certificate: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
    let certificate = parse(certificate)?;
    let validity = certificate.validity();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    let purpose = certificate.extended_key_usage().map_err(|_| CertificateError::BadEncoding)?;
    if purpose.is_some_and(|purpose| !(purpose.value.server_auth || purpose.value.any)) {
        return Err(CertificateError::InvalidPurpose.into());
    }
    if is_named(&certificate, name)? { Ok(()) } else { Err(CertificateError::NotValidForName.into()) }
}

/// Returns whether the certificate is valid for the name. Without alternative names the common name counts, as in
/// OpenSSL and libpq.
fn is_named(certificate: &X509Certificate<'_>, name: &ServerName<'_>) -> Result<bool, Error> {
    let names = certificate.subject_alternative_name().map_err(|_| CertificateError::BadEncoding)?;
    let names: Vec<_> = names.map(|names| names.value.general_names.clone()).unwrap_or_default();
    let alternative = |known: &GeneralName<'_>| matches!(known, GeneralName::DNSName(_) | GeneralName::IPAddress(_));
    let common = || certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    Ok(match name {
        ServerName::DnsName(wanted) if names.iter().any(alternative) => {
            names.iter().any(|known| matches!(known, GeneralName::DNSName(known) if is_host(known, wanted.as_ref())))
        }
        ServerName::DnsName(wanted) => common().any(|known| is_host(known, wanted.as_ref())),
        ServerName::IpAddress(wanted) if names.iter().any(alternative) => {
            let wanted = match IpAddr::from(*wanted) {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            names.iter().any(|known| matches!(known, GeneralName::IPAddress(known) if **known == *wanted))
        }
        ServerName::IpAddress(wanted) => common().any(|known| known.parse() == Ok(IpAddr::from(*wanted))),
        _ => false,
    })
}

/// Compares host names by RFC 6125: equal, or with a `*` in place of the first label only.
fn is_host(known: &str, wanted: &str) -> bool {
    let (known, wanted) = (known.trim_end_matches('.'), wanted.trim_end_matches('.'));
    match known.strip_prefix("*.") {
        Some(rest) => {
            rest.contains('.')
                && wanted
                    .split_once('.')
                    .is_some_and(|(first, own)| !first.is_empty() && own.eq_ignore_ascii_case(rest))
        }
        None => known.eq_ignore_ascii_case(wanted),
    }
}

/// Verifies the signature of the handshake with the key of a certificate of any X.509 version.
pub(super) fn signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let certificate = parse(certificate)?;
    let key = SubjectPublicKeyInfoDer::from(certificate.public_key().raw);
    let key = RawPublicKeyEntity::try_from(&key).map_err(|_| CertificateError::BadEncoding)?;
    let provider = provider();
    let known = provider.signature_verification_algorithms.mapping;
    let algorithms = known.iter().find(|(scheme, _): &&(SignatureScheme, _)| *scheme == dss.scheme);
    // A signature scheme of TLS 1.2 does not name the curve, so each of its algorithms is tried.
    let fits = algorithms.is_some_and(|(_, algorithms)| {
        algorithms.iter().any(|algorithm| key.verify_signature(*algorithm, message, dss.signature()).is_ok())
    });
    if fits { Ok(HandshakeSignatureValid::assertion()) } else { Err(CertificateError::BadSignature.into()) }
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    X509Certificate::from_der(certificate).map(|(_, parsed)| parsed).map_err(|_| CertificateError::BadEncoding.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_matches_one_dns_label() {
        assert!(is_host("Db.example.com", "db.EXAMPLE.com.") && is_host("*.example.com", "db.example.com"));
        assert!(!is_host("*.example.com", "a.db.example.com") && !is_host("*.example.com", "example.com"));
        assert!(!is_host("*.com", "example.com") && !is_host("*.example.com", ".example.com"));
    }
}
