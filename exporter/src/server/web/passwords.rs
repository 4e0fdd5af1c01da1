//! Passwords: verified with bcrypt once and cached by a digest. An unknown name takes as long as a known one.

use super::access::digest;
use super::config::cost;
use secrecy::{ExposeSecret, SecretString};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// Good logins in the cache; Prometheus servers and people need a handful.
const CACHED: usize = 100;
/// bcrypt is slow by design: this many at a time, whoever asks.
const AT_A_TIME: usize = 2;

/// Users and the hashes of their passwords.
#[derive(Debug)]
pub struct Passwords {
    users: BTreeMap<String, SecretString>,
    /// Verified in place of the hash of an unknown name, so that the time does not show which names exist.
    dummy: SecretString,
    verified: Mutex<HashSet<[u8; 32]>>,
    permits: Arc<Semaphore>,
}

impl Passwords {
    /// Of these users: names and bcrypt hashes.
    pub fn new(users: BTreeMap<String, SecretString>) -> Self {
        let cost = users.values().filter_map(|hash| cost(hash.expose_secret())).max().unwrap_or(10);
        // A hash of nothing: 53 characters that no password gives but by chance.
        let dummy = format!("$2y${cost:02}${}", "./".repeat(26) + ".").into();
        Self { users, dummy, verified: Mutex::default(), permits: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    /// Whether a login is good.
    pub async fn accept(&self, user: &str, password: SecretString) -> bool {
        let hash = self.users.get(user);
        let against = hash.unwrap_or(&self.dummy).clone();
        let digest = digest([user, against.expose_secret(), password.expose_secret()]);
        // Looked up by a digest: how long it takes tells nothing about the password.
        if hash.is_some() && self.verified().contains(&digest) {
            return true;
        }
        let Ok(_permit) = self.permits.acquire().await else { return false };
        let verify = move || bcrypt::verify(password.expose_secret(), against.expose_secret()).unwrap_or(false);
        let good = tokio::task::spawn_blocking(verify).await.unwrap_or(false) && hash.is_some();
        if good {
            let mut verified = self.verified();
            if verified.len() >= CACHED {
                verified.clear();
            }
            verified.insert(digest);
        }
        good
    }

    fn verified(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_good_password_is_cached_and_a_bad_one_never() {
        let hash = bcrypt::hash("open sesame", 4).unwrap();
        let passwords = Passwords::new(BTreeMap::from([("ann".to_owned(), hash.into())]));
        for (user, password, good) in [
            ("ann", "open sesame", true),
            ("ann", "open sesame", true),
            ("ann", "wrong", false),
            ("bob", "open sesame", false),
            ("ann", "", false),
        ] {
            assert_eq!(passwords.accept(user, password.to_owned().into()).await, good, "{user} {password}");
            assert_eq!(passwords.verified().len(), 1);
        }
        assert!(!format!("{passwords:?}").contains("$2"), "hashes are not shown");
    }
}
