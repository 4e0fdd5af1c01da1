//! Passwords: verified with bcrypt once, remembered by a digest, as slow for a stranger as for a known name.

use super::config::cost;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Good logins that are remembered; Prometheus servers and people need a handful.
const REMEMBERED: usize = 100;
/// bcrypt is slow by design: this many at a time, whoever asks.
const AT_A_TIME: usize = 2;
/// Longer passwords are cut by bcrypt, longer headers are nobody's.
const MAX_HEADER: usize = 1024;

/// Names and hashes of those who are let in.
#[derive(Debug)]
pub struct Passwords {
    users: BTreeMap<String, String>,
    /// Verified in place of a stranger's hash, so that names cannot be told by the time it takes.
    nobody: String,
    known: Mutex<HashSet<[u8; 32]>>,
    permits: Arc<Semaphore>,
}

impl Passwords {
    /// Lets these users in.
    pub fn new(users: BTreeMap<String, String>) -> Self {
        let cost = users.values().filter_map(|hash| cost(hash)).max().unwrap_or(10);
        // A hash of nothing: 53 characters that no password gives but by chance.
        let nobody = format!("$2y${cost:02}${}", "./".repeat(26) + ".");
        Self { users, nobody, known: Mutex::default(), permits: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    /// Whether a request's `Authorization` is good.
    pub async fn accept(&self, headers: &HeaderMap) -> bool {
        let Some((user, password)) = credentials(headers) else { return false };
        let hash = self.users.get(&user);
        let digest = digest(&user, hash.unwrap_or(&self.nobody), password.expose_secret());
        if hash.is_some() && self.known().contains(&digest) {
            return true;
        }
        let Ok(_permit) = self.permits.acquire().await else { return false };
        let against = hash.unwrap_or(&self.nobody).clone();
        let verify = move || bcrypt::verify(password.expose_secret(), &against).unwrap_or(false);
        let good = tokio::task::spawn_blocking(verify).await.unwrap_or(false) && hash.is_some();
        if good {
            let mut known = self.known();
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(digest);
        }
        good
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<[u8; 32]>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(user: &str, hash: &str, password: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [user, hash, password] {
        // With lengths, so that no two logins read the same.
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// RFC 7617: `Basic` and user:password in base64.
fn credentials(headers: &HeaderMap) -> Option<(String, SecretString)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > MAX_HEADER {
        return None;
    }
    let decoded = String::from_utf8(base64(encoded.trim())?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned().into()))
}

/// Base64 of RFC 4648, with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for c in text.trim_end_matches('=').bytes() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn asking(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))])
    }

    #[tokio::test]
    async fn a_good_password_is_remembered_and_a_bad_one_never() {
        let hash = bcrypt::hash("open sesame", 4).unwrap();
        let passwords = Passwords::new(BTreeMap::from([("ann".to_owned(), hash)]));
        assert!(passwords.accept(&asking("Basic YW5uOm9wZW4gc2VzYW1l")).await);
        assert_eq!(passwords.known().len(), 1);
        assert!(passwords.accept(&asking("basic YW5uOm9wZW4gc2VzYW1l")).await, "remembered");
        // ann:wrong, bob:open sesame, nothing, no base64, no colon
        for bad in ["Basic YW5uOndyb25n", "Basic Ym9iOm9wZW4gc2VzYW1l", "Basic", "Basic !!!!", "Basic YW5u", "Bearer x"]
        {
            assert!(!passwords.accept(&asking(bad)).await, "{bad}");
        }
        assert!(!passwords.accept(&HeaderMap::new()).await);
        assert_eq!(passwords.known().len(), 1);
    }
}
