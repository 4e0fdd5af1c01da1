//! Who is let in. One place decides, before anything is answered: passwords of the web configuration, tokens of
//! Kubernetes, and nobody else once either is asked for.

use super::passwords::Passwords;
use super::tokens::Tokens;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Method};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};

/// Passwords are cut by bcrypt at 72 bytes, tokens of Kubernetes have some 1,500; longer ones are nobody's.
const MAX_CREDENTIALS: usize = 8 * 1024;
/// Base64 of RFC 4648; some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered.
    Granted,
    /// It says nothing, or nothing true, about who asks: 401.
    Stranger,
    /// Who asks is known and may not: 403.
    Forbidden,
    /// Nobody could say: 503, never an answer.
    Undecided,
}

/// What a request says about who asks.
enum Credentials {
    Basic(String, SecretString),
    Bearer(SecretString),
}

/// Judges one request. Without passwords and tokens anyone is let in.
pub async fn judge(
    passwords: Option<&Passwords>,
    tokens: Option<&Tokens>,
    headers: &HeaderMap,
    method: &Method,
    path: &str,
) -> Verdict {
    if passwords.is_none() && tokens.is_none() {
        return Verdict::Granted;
    }
    match (credentials(headers), passwords, tokens) {
        (Some(Credentials::Basic(user, password)), Some(passwords), _) => {
            if passwords.accept(&user, password).await {
                Verdict::Granted
            } else {
                Verdict::Stranger
            }
        }
        (Some(Credentials::Bearer(token)), _, Some(tokens)) => tokens.judge(&token, method, path).await,
        _ => Verdict::Stranger,
    }
}

/// RFC 7617 and 6750: `Basic` and user:password in base64, or `Bearer` and a token.
fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if rest.is_empty() || rest.len() > MAX_CREDENTIALS {
        return None;
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Credentials::Bearer(rest.to_owned().into()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    // Room for everything at the start: a buffer that grows leaves copies behind.
    let mut decoded = Zeroizing::new(Vec::with_capacity(rest.len()));
    BASE64.decode_vec(rest, &mut decoded).ok()?;
    let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(Credentials::Basic(user.to_owned(), password.to_owned().into()))
}

/// What three texts are remembered by: their lengths count, so that no two triples read the same.
pub(super) fn digest(parts: [&str; 3]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;
    use std::collections::BTreeMap;

    async fn asking(passwords: &Passwords, value: &str) -> Verdict {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())]);
        judge(Some(passwords), None, &headers, &Method::GET, "/").await
    }

    #[tokio::test]
    async fn a_login_is_read_with_and_without_padding_and_anything_else_is_a_stranger() {
        let hash = bcrypt::hash("open sesam", 4).unwrap();
        let passwords = Passwords::new(BTreeMap::from([("ann".to_owned(), hash.into())]));
        for good in ["Basic YW5uOm9wZW4gc2VzYW0=", "basic YW5uOm9wZW4gc2VzYW0", "BASIC  YW5uOm9wZW4gc2VzYW0= "] {
            assert_eq!(asking(&passwords, good).await, Verdict::Granted, "{good}");
        }
        // ann:wrong, bob:open sesam, no base64, no colon, bytes that are no text, another alphabet, too long
        let long = format!("Basic {}", "YW5u".repeat(4_000));
        for bad in [
            "Basic YW5uOndyb25n",
            "Basic Ym9iOm9wZW4gc2VzYW0=",
            "Basic",
            "Basic ",
            "Basic !!!!",
            "Basic YW5u",
            "Basic /////w==",
            "Basic YW5uOm9wZW4gc2Vz-W0=",
            "Bearer YW5uOm9wZW4gc2VzYW0=",
            "Digest YW5uOm9wZW4gc2VzYW0=",
            "YW5uOm9wZW4gc2VzYW0=",
            &long,
        ] {
            assert_eq!(asking(&passwords, bad).await, Verdict::Stranger, "{bad}");
        }
        assert_eq!(
            judge(Some(&passwords), None, &HeaderMap::new(), &Method::GET, "/").await,
            Verdict::Stranger,
            "nothing said"
        );
        assert_eq!(judge(None, None, &HeaderMap::new(), &Method::GET, "/").await, Verdict::Granted, "nothing asked");
    }
}
