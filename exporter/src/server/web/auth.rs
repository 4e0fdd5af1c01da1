//! Authorization of requests: by passwords of the web configuration and by bearer tokens of Kubernetes. Once either is
//! configured, a request without valid credentials is refused.

use super::access::Access;
use super::passwords::{Login, Passwords};
use super::tokens::Tokens;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Method};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use std::net::IpAddr;

/// Maximum length of credentials in bytes. bcrypt takes passwords of at most 72 bytes, and tokens of Kubernetes have
/// some 1,500; longer ones are refused unread.
const MAX_CREDENTIALS: usize = 8 * 1024;
/// The base64 decoder (RFC 4648). Padding is optional because some clients leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The credentials of a request.
enum Credentials {
    Basic(String, SecretString),
    Bearer(SecretString),
}

/// Authorizes a request from an address. Without passwords and tokens every request is granted.
pub async fn authorize(
    passwords: Option<&Passwords>,
    tokens: Option<&Tokens>,
    from: IpAddr,
    headers: &HeaderMap,
    method: &Method,
    path: &str,
) -> Access {
    if passwords.is_none() && tokens.is_none() {
        return Access::Granted;
    }
    match (credentials(headers), passwords, tokens) {
        (Some(Credentials::Basic(user, password)), Some(passwords), _) => {
            match passwords.accept(&user, password, from).await {
                Login::Good => Access::Granted,
                Login::Bad => Access::Unauthenticated,
                Login::Overloaded => Access::Overloaded,
            }
        }
        (Some(Credentials::Bearer(token)), _, Some(tokens)) => tokens.authorize(&token, method, path, from).await,
        _ => Access::Unauthenticated,
    }
}

/// Parses the header `Authorization`: `Basic` with user:password in base64 (RFC 7617), or `Bearer` with a token (RFC
/// 6750).
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
    // The full capacity is allocated at once: a buffer that grows would leave copies of the password behind.
    let mut decoded = Zeroizing::new(Vec::with_capacity(rest.len()));
    BASE64.decode_vec(rest, &mut decoded).ok()?;
    let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(Credentials::Basic(user.to_owned(), password.to_owned().into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::web::passwords::Verified;
    use hyper::header::HeaderValue;
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;

    const FROM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    async fn asking(passwords: &Passwords, value: &str) -> Access {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())]);
        authorize(Some(passwords), None, FROM, &headers, &Method::GET, "/").await
    }

    #[tokio::test]
    async fn basic_auth_is_decoded_with_and_without_padding_and_other_text_is_refused() {
        let hash = bcrypt::hash("open sesam", 4).unwrap();
        let passwords = Passwords::new(BTreeMap::from([("ann".to_owned(), hash.into())]), Verified::default());
        for good in ["Basic YW5uOm9wZW4gc2VzYW0=", "basic YW5uOm9wZW4gc2VzYW0", "BASIC  YW5uOm9wZW4gc2VzYW0= "] {
            assert_eq!(asking(&passwords, good).await, Access::Granted, "{good}");
        }
        // In this order: ann:wrong, bob:open sesam, no credentials, empty, no base64, no colon, no UTF-8, another
        // alphabet, other schemes, no scheme, too long.
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
            assert_eq!(asking(&passwords, bad).await, Access::Unauthenticated, "{bad}");
        }
        assert_eq!(
            authorize(Some(&passwords), None, FROM, &HeaderMap::new(), &Method::GET, "/").await,
            Access::Unauthenticated,
            "no credentials"
        );
        assert_eq!(
            authorize(None, None, FROM, &HeaderMap::new(), &Method::GET, "/").await,
            Access::Granted,
            "nothing is configured"
        );
    }
}
