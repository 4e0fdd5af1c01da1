//! Verification of passwords with bcrypt. Valid logins are cached by a digest. A login that is not cached always costs
//! the same number of verifications, whether the user exists or not, so that the response time does not reveal user
//! names.

use super::access::digest;
use super::config::cost;
use super::queue::Queue;
use secrecy::{ExposeSecret, SecretString};
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Maximum number of cached logins. Prometheus servers and people need a handful.
const CACHED: usize = 100;
/// Maximum length of a password in bytes. bcrypt ignores the bytes after the 72nd, so that two passwords with the same
/// first 72 bytes would be equal.
const MAX_PASSWORD: usize = 72;
/// Maximum number of logins that are being verified or wait for it. With hashes of cost 10 the last one waits less than
/// a second.
const INSIDE: usize = 16;
/// How many of the logins in [`INSIDE`] may come from one address.
const OF_ONE: usize = 8;

/// Digests of valid logins. The cache outlives a reload of the web configuration, because the digest includes the hash
/// of the password.
pub type Verified = Arc<Mutex<HashSet<[u8; 32]>>>;

/// The result of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// User and password are valid.
    Good,
    /// User or password is wrong.
    Bad,
    /// The login was not verified because too many wait already.
    Overloaded,
}

/// The users with the bcrypt hashes of their passwords.
#[derive(Debug)]
pub struct Passwords {
    users: BTreeMap<String, SecretString>,
    /// One hash of a user for each bcrypt cost that occurs. An unknown user is verified against these hashes.
    of_each_cost: BTreeMap<u32, SecretString>,
    verified: Verified,
    queue: Arc<Queue>,
    #[cfg(test)]
    costs: Mutex<Vec<u32>>,
}

impl Passwords {
    /// Creates the verifier from user names and bcrypt hashes.
    pub fn new(users: BTreeMap<String, SecretString>, verified: Verified) -> Self {
        let of_each_cost =
            users.values().filter_map(|hash| Some((cost(hash.expose_secret())?, hash.clone()))).collect();
        // At most half of the cores verify passwords; the others stay free to answer scrapes.
        let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get() / 2).clamp(1, 2);
        Self {
            users,
            of_each_cost,
            verified,
            queue: Queue::new(threads, INSIDE, OF_ONE),
            #[cfg(test)]
            costs: Mutex::default(),
        }
    }

    /// Verifies a login. A login that is in the cache is accepted without waiting in the queue.
    pub async fn accept(&self, user: &str, password: SecretString, from: IpAddr) -> Login {
        let text = password.expose_secret();
        if text.len() > MAX_PASSWORD || text.contains('\0') {
            return Login::Bad;
        }
        let hash = self.users.get(user);
        let digest = hash.map(|hash| digest([user, hash.expose_secret(), text]));
        // The lookup is by a digest, so that its duration reveals nothing about the password.
        if digest.is_some_and(|digest| self.verified().contains(&digest)) {
            return Login::Good;
        }
        let Some(turn) = self.queue.turn(from).await else { return Login::Overloaded };
        let hashes = self.hashes(user);
        #[cfg(test)]
        self.costs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(hashes.iter().filter_map(|(hash, _)| cost(hash.expose_secret())));
        // If the client goes away, the verification still ends on its thread and keeps its place in the queue until
        // then.
        let verify = move || {
            let _turn = turn;
            let verify = |hash: &SecretString| bcrypt::verify(password.expose_secret(), hash.expose_secret());
            let verified: Vec<bool> = hashes.iter().map(|(hash, own)| verify(hash).unwrap_or(false) && *own).collect();
            verified.contains(&true)
        };
        let good = tokio::task::spawn_blocking(verify).await.unwrap_or(false);
        let Some(digest) = digest.filter(|_| good) else { return Login::Bad };
        let mut verified = self.verified();
        if verified.len() >= CACHED {
            verified.clear();
        }
        verified.insert(digest);
        Login::Good
    }

    /// Returns one hash for every cost that occurs, each with whether it is the user's own. The user's hash replaces
    /// the other one of its cost.
    fn hashes(&self, user: &str) -> Vec<(SecretString, bool)> {
        let own = self.users.get(user).and_then(|hash| Some((cost(hash.expose_secret())?, hash)));
        let each = self.of_each_cost.iter().map(|(cost, any)| match own {
            Some((of_own, hash)) if of_own == *cost => (hash.clone(), true),
            _ => (any.clone(), false),
        });
        each.collect()
    }

    fn verified(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const FROM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn of(users: &[(&str, &str, u32)]) -> anyhow::Result<Passwords> {
        let mut hashed = BTreeMap::new();
        for (name, password, cost) in users {
            hashed.insert((*name).to_owned(), bcrypt::hash(password, *cost)?.into());
        }
        Ok(Passwords::new(hashed, Verified::default()))
    }

    /// Returns the costs of the verifications so far.
    fn costs(passwords: &Passwords) -> MutexGuard<'_, Vec<u32>> {
        passwords.costs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn accept(passwords: &Passwords, user: &str, password: &str) -> Login {
        passwords.accept(user, password.to_owned().into(), FROM).await
    }

    #[tokio::test]
    async fn only_correct_passwords_are_cached() -> anyhow::Result<()> {
        let passwords = of(&[("ann", "open sesame", 4)])?;
        for (user, password, login) in [
            ("ann", "open sesame", Login::Good),
            ("ann", "open sesame", Login::Good),
            ("ann", "wrong", Login::Bad),
            ("bob", "open sesame", Login::Bad),
            ("ann", "", Login::Bad),
        ] {
            assert_eq!(accept(&passwords, user, password).await, login, "{user} {password}");
            assert_eq!(passwords.verified().len(), 1);
        }
        assert!(!format!("{passwords:?}").contains("$2"), "hashes are not shown");
        Ok(())
    }

    #[tokio::test]
    async fn unknown_users_cost_as_many_verifications_as_known_ones() -> anyhow::Result<()> {
        let passwords = of(&[("ann", "one", 4), ("bob", "two", 6), ("eve", "three", 6)])?;
        for user in ["ann", "bob", "eve", "nobody", ""] {
            costs(&passwords).clear();
            assert_eq!(accept(&passwords, user, "wrong").await, Login::Bad);
            assert_eq!(*costs(&passwords), [4, 6], "{user}: each cost once");
        }
        assert_eq!(accept(&passwords, "nobody", "one").await, Login::Bad, "another's password opens nothing");
        assert_eq!(accept(&passwords, "eve", "two").await, Login::Bad, "nor within one cost");
        assert_eq!(accept(&passwords, "eve", "three").await, Login::Good);
        Ok(())
    }

    #[tokio::test]
    async fn passwords_longer_than_bcrypt_supports_are_refused_without_verification() -> anyhow::Result<()> {
        let long = "x".repeat(72);
        let passwords = of(&[("ann", &long, 4)])?;
        for bad in [format!("{long}y"), format!("{long}x"), "a\0b".to_owned()] {
            assert_eq!(accept(&passwords, "ann", &bad).await, Login::Bad, "{} bytes", bad.len());
        }
        assert!(costs(&passwords).is_empty());
        assert_eq!(accept(&passwords, "ann", &long).await, Login::Good);
        Ok(())
    }

    #[tokio::test]
    async fn a_cached_login_does_not_wait_and_survives_a_reload() -> anyhow::Result<()> {
        let users = BTreeMap::from([("ann".to_owned(), bcrypt::hash("open sesame", 4)?.into())]);
        let verified = Verified::default();
        let before = Passwords::new(users.clone(), Arc::clone(&verified));
        assert_eq!(accept(&before, "ann", "open sesame").await, Login::Good);
        let passwords = Passwords::new(users, verified);
        // Fills the queue.
        let mut turns = Vec::new();
        let threads = passwords.queue.clone();
        let waiting: Vec<_> = (0_u8..)
            .take(INSIDE)
            .map(|n| {
                let (queue, from) = (Arc::clone(&threads), IpAddr::from([10, 0, 0, n]));
                tokio::spawn(async move { queue.turn(from).await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(accept(&passwords, "ann", "open sesame").await, Login::Good);
        assert_eq!(accept(&passwords, "ann", "wrong").await, Login::Overloaded);
        turns.extend(waiting);
        turns.iter().for_each(tokio::task::JoinHandle::abort);
        Ok(())
    }
}
