//! Trusted authorities: whether they are valid now, and which of them a server's certificate leads to.

use super::provider::provider;
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::cell::RefCell;
use std::cmp::Reverse;
use std::{fmt, ptr};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;

/// Minimum length of an RSA key in bits that clients accept.
pub(super) const RSA_BITS: usize = 2048;

/// The end of an authority without one (RFC 5280, section 4.1.2.5): 9999-12-31.
const NEVER: i64 = 253_402_300_799;

/// A certificate that is trusted as issuer.
#[derive(Debug)]
pub struct Authority {
    anchor: TrustAnchor<'static>,
    /// The subject in DER.
    subject: Vec<u8>,
    /// Common name of the subject, may be empty.
    pub subject_cn: String,
    /// Common name of the issuer, may be empty.
    pub issuer_cn: String,
    /// Start of validity, Unix seconds.
    pub not_before: i64,
    /// End of validity, Unix seconds.
    pub not_after: i64,
    rsa_bits: Option<usize>,
}

impl Authority {
    /// Reads a certificate.
    pub(super) fn of(der: &CertificateDer<'static>) -> Result<Self, rustls::Error> {
        let mut store = RootCertStore::empty();
        store.add(der.clone())?;
        let anchor = store.roots.pop().ok_or(rustls::CertificateError::BadEncoding)?;
        let Ok((_, parsed)) = X509Certificate::from_der(der) else {
            // The verifier can read it. So it is trusted, although its dates are not known.
            return Ok(Self {
                anchor,
                subject: Vec::new(),
                subject_cn: String::new(),
                issuer_cn: String::new(),
                not_before: 0,
                not_after: NEVER,
                rsa_bits: None,
            });
        };
        Ok(Self {
            anchor,
            subject: parsed.subject().as_raw().to_vec(),
            subject_cn: common_name(parsed.subject()),
            issuer_cn: common_name(parsed.issuer()),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            rsa_bits: rsa_bits(der),
        })
    }

    fn is_valid(&self, now: i64) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// Returns the first common name of a subject or issuer; empty if there is none.
pub fn common_name(name: &X509Name<'_>) -> String {
    name.iter_common_name().next().and_then(|cn| cn.as_str().ok()).unwrap_or_default().to_owned()
}

/// Returns the length of a certificate's RSA key; `None` for another key.
pub(super) fn rsa_bits(der: &[u8]) -> Option<usize> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    match certificate.public_key().parsed().ok()? {
        PublicKey::RSA(key) => Some(key.key_size()),
        _ => None,
    }
}

fn seconds(now: UnixTime) -> i64 {
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// Returns all authorities as the verifier of rustls wants them.
pub(super) fn all(authorities: &[Authority]) -> RootCertStore {
    RootCertStore { roots: authorities.iter().map(|one| one.anchor.clone()).collect() }
}

/// Returns the authorities that are valid at a time. The verifier of rustls does not look at their dates, but OpenSSL
/// and Go do.
pub(super) fn valid(all: &[Authority], now: UnixTime) -> RootCertStore {
    let valid = all.iter().filter(|one| one.is_valid(seconds(now)));
    RootCertStore { roots: valid.map(|one| one.anchor.clone()).collect() }
}

/// A way from a server's certificate to an authority.
#[derive(Debug)]
pub struct Path<'a> {
    /// The authority at its end.
    pub authority: &'a Authority,
    /// The certificates in between.
    pub between: Vec<CertificateDer<'static>>,
}

/// Returns the way that lasts longest. One to an authority that is not valid now is the last choice.
pub(super) fn path<'a>(
    all: &'a [Authority],
    leaf: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    now: UnixTime,
) -> Option<Path<'a>> {
    let entity = EndEntityCert::try_from(leaf).ok()?;
    let anchors: Vec<TrustAnchor<'static>> = all.iter().map(|one| one.anchor.clone()).collect();
    let best = RefCell::new(None);
    let see = |path: &VerifiedPath<'_>| {
        let at = anchors.iter().position(|anchor| ptr::eq(anchor, path.anchor()));
        if let Some(authority) = at.and_then(|at| all.get(at)) {
            let between: Vec<_> = path.intermediate_certificates().map(|one| one.der().into_owned()).collect();
            let ends = between.iter().filter_map(|der| not_after(der)).min().unwrap_or(i64::MAX);
            let (is_valid, end) = (authority.is_valid(seconds(now)), authority.not_after);
            let rank = (is_valid, ends.min(end), Reverse(between.len()), end);
            let mut best = best.borrow_mut();
            if best.as_ref().is_none_or(|(other, _)| rank > *other) {
                *best = Some((rank, Path { authority, between }));
            }
        }
        // The verifier looks for another way when one is refused, so that every way is seen.
        Err(webpki::Error::UnknownIssuer)
    };
    let algorithms = provider().signature_verification_algorithms.all;
    let usage = KeyUsage::server_auth();
    // Always an error, because each way is refused above.
    let _ = entity.verify_for_usage(algorithms, &anchors, others, now, usage, None, Some(&see)).map(drop);
    best.into_inner().map(|(_, path)| path)
}

fn not_after(der: &CertificateDer<'_>) -> Option<i64> {
    X509Certificate::from_der(der).ok().map(|(_, parsed)| parsed.validity().not_after.timestamp())
}

/// What is wrong with an authority, where the verifier of rustls says nothing or less.
#[derive(Debug, Clone)]
pub(super) enum Unfit {
    /// It has expired: its name and end.
    Expired(String, i64),
    /// It is not valid yet: its name and begin.
    NotYet(String, i64),
    /// Its RSA key is too short: its name, and the bits of the key.
    Weak(String, usize),
}

impl Unfit {
    /// Returns why a chain is refused that leads to an authority which is not valid now.
    pub(super) fn outdated(authority: &Authority, now: UnixTime) -> Option<Self> {
        let name = || authority.subject_cn.clone();
        if seconds(now) > authority.not_after {
            return Some(Self::Expired(name(), authority.not_after));
        }
        (seconds(now) < authority.not_before).then(|| Self::NotYet(name(), authority.not_before))
    }

    /// Returns the issuer of a chain with too short a key, whose signatures the verifier calls invalid.
    pub(super) fn weak(all: &[Authority], leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Option<Self> {
        let parse = |der| X509Certificate::from_der(der).ok().map(|(_, parsed)| parsed);
        let sent: Vec<_> = others.iter().filter_map(|der| Some((parse(der)?, rsa_bits(der)))).collect();
        let issuers: Vec<_> = parse(leaf).iter().chain(sent.iter().map(|(one, _)| one)).map(issuer).collect();
        let known = all.iter().map(|one| (one.subject.as_slice(), one.subject_cn.clone(), one.rsa_bits));
        let sent = sent.iter().map(|(one, bits)| (one.subject().as_raw(), common_name(one.subject()), *bits));
        let mut weak = sent.chain(known).filter_map(|(subject, name, bits)| {
            let bits = bits.filter(|bits| *bits < RSA_BITS)?;
            issuers.iter().any(|issuer| issuer == subject).then_some(Self::Weak(name, bits))
        });
        weak.next()
    }

    /// The word of the closed set of reasons.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Expired(..) => "expired",
            Self::NotYet(..) => "not_yet_valid",
            Self::Weak(..) => "weak_key",
        }
    }
}

fn issuer(certificate: &X509Certificate<'_>) -> Vec<u8> {
    certificate.issuer().as_raw().to_vec()
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = |at: i64| jiff::Timestamp::from_second(at).unwrap_or_default().strftime("%Y-%m-%d");
        let named = |name: &str| if name.is_empty() { String::new() } else { format!(" {name:?}") };
        match self {
            Self::Expired(name, at) => {
                write!(f, "the CA certificate{} that it depends on has expired on {}", named(name), day(*at))
            }
            Self::NotYet(name, at) => {
                write!(f, "the CA certificate{} that it depends on is valid only from {}", named(name), day(*at))
            }
            Self::Weak(name, bits) => {
                let name = named(name);
                write!(f, "the RSA key of its CA certificate{name} has {bits} bits, but clients require {RSA_BITS}")
            }
        }
    }
}

impl std::error::Error for Unfit {}
