//! Bearer tokens, verified as kube-rbac-proxy does: the Kubernetes API says whose token it is (`TokenReview`, for the
//! configured audiences) and whether that user may use the path (`SubjectAccessReview`).

use super::access::{Access, digest};
use super::queue::Queue;
use crate::probe::Failure;
use crate::run::runtime::there;
use crate::sources::kubernetes::{Cluster, failure};
use checklist::Reason;
use http::Request;
use hyper::Method;
use k8s_openapi::api::authentication::v1::{TokenReview, UserInfo};
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Maximum number of cached decisions. There are a handful of scrapers and people; the rest is room for wrong tokens.
const CACHED: usize = 1_000;
/// How long a granted request is cached. A revoked right stays valid this long, and each scraper causes at most one
/// review a minute.
const GRANTED_FOR: Duration = Duration::from_mins(1);
/// How long a refusal is cached. A new right takes effect after this time at the latest.
const REFUSED_FOR: Duration = Duration::from_secs(10);
/// Number of reviews at a time, so that guessing tokens puts no load on the API server.
const AT_A_TIME: usize = 4;
/// Maximum number of reviews that run or wait: in total, and from one address.
const INSIDE: (usize, usize) = (32, 16);
/// Deadline of a review, shorter than Prometheus' default scrape timeout of ten seconds.
const DEADLINE: Duration = Duration::from_secs(5);
const TOKEN_REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const ACCESS_REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/// The reviewer of the tokens of one cluster.
pub struct Tokens {
    cluster: Arc<Cluster>,
    /// The runtime of the checks, which drives the connections to the cluster.
    checks: Handle,
    cache: Mutex<Cache>,
    queue: Arc<Queue>,
    /// Whether the last review got a response, so that an outage is logged only once.
    available: AtomicBool,
}

/// A `TokenReview` that borrows the token, so that serializing it makes no further copy of the token in memory.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenReviewRequest<'a> {
    api_version: &'a str,
    kind: &'a str,
    spec: TokenSpec<'a>,
}

#[derive(Serialize)]
struct TokenSpec<'a> {
    token: &'a str,
    audiences: &'a [String],
}

impl Tokens {
    /// Creates the reviewer for tokens of this cluster, for the audiences that its target names.
    pub fn new(cluster: Arc<Cluster>, checks: Handle) -> Self {
        let queue = Queue::new(AT_A_TIME, INSIDE.0, INSIDE.1);
        Self { cluster, checks, cache: Mutex::default(), queue, available: AtomicBool::new(true) }
    }

    /// Whether the reviewer belongs to that cluster.
    pub fn are_of(&self, cluster: &Arc<Cluster>) -> bool {
        Arc::ptr_eq(&self.cluster, cluster)
    }

    /// Decides whether the holder of a token may use a path. `from` is the address of the client.
    pub async fn authorize(&self, token: &SecretString, method: &Method, path: &str, from: IpAddr) -> Access {
        let verb = method.as_str().to_ascii_lowercase();
        let question = digest([token.expose_secret(), &verb, path]);
        if let Some(access) = self.cache().get(&question, Instant::now()) {
            return access;
        }
        let decision = async {
            let Some(_turn) = self.queue.turn(from).await else { return Ok(Access::Overloaded) };
            let (cluster, token, path) = (Arc::clone(&self.cluster), token.clone(), path.to_owned());
            there(&self.checks, async move { review(&cluster, &token, &verb, &path).await }).await.flatten()
        };
        let result = tokio::time::timeout(DEADLINE, decision).await;
        let result = result.unwrap_or_else(|_| {
            Err(Failure::new(Reason::Timeout, format!("the Kubernetes API gave no response within {DEADLINE:?}")))
        });
        match result {
            Ok(Access::Overloaded) => Access::Overloaded,
            Ok(access) => {
                if !self.available.swap(true, Ordering::Relaxed) {
                    tracing::info!("token reviews work again");
                }
                self.cache().put(question, access, Instant::now());
                access
            }
            // A failure is not cached: the next request is reviewed again.
            Err(failure) => {
                if self.available.swap(false, Ordering::Relaxed) {
                    tracing::error!("token reviews fail, so every token is refused: {}", failure.message);
                }
                Access::Undecided
            }
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn review(cluster: &Cluster, token: &SecretString, verb: &str, path: &str) -> Result<Access, Failure> {
    let client = &cluster.watched().await?.client;
    let audiences = cluster.target.web_audiences.as_slice();
    let question = TokenReviewRequest {
        api_version: "authentication.k8s.io/v1",
        kind: "TokenReview",
        spec: TokenSpec { token: token.expose_secret(), audiences },
    };
    let review: TokenReview = post(client, TOKEN_REVIEWS, &question).await?;
    let status = review.status.ok_or_else(|| meaningless(TOKEN_REVIEWS))?;
    // An API server that does not support audiences returns none. Then it is unknown whom the token is meant for.
    let meant_for_us = status.audiences.unwrap_or_default().iter().any(|audience| audiences.contains(audience));
    let (Some(true), true, Some(user)) = (status.authenticated, meant_for_us, status.user) else {
        return Ok(Access::Unauthenticated);
    };
    let UserInfo { username, uid, groups, extra } = user;
    let question = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {
            "user": username, "uid": uid, "groups": groups, "extra": extra,
            "nonResourceAttributes": {"path": path, "verb": verb},
        },
    });
    let review: SubjectAccessReview = post(client, ACCESS_REVIEWS, &question).await?;
    let status = review.status.ok_or_else(|| meaningless(ACCESS_REVIEWS))?;
    let granted = status.allowed && status.denied != Some(true);
    Ok(if granted { Access::Granted } else { Access::Forbidden })
}

async fn post<T: DeserializeOwned>(client: &Client, path: &str, question: &impl Serialize) -> Result<T, Failure> {
    let invalid = |error: String| Failure::new(Reason::Config, format!("{path}: {error}"));
    let body = serde_json::to_vec(question).map_err(|error| invalid(error.to_string()))?;
    let request = Request::post(path).header(http::header::CONTENT_TYPE, "application/json").body(body);
    let request = request.map_err(|error| invalid(error.to_string()))?;
    client.request(request).await.map_err(|error| match &error {
        // The message of the server may repeat the token, so only its status code is reported.
        kube::Error::Api(status) => Failure::new(
            failure(&error, path).reason,
            format!("Kubernetes API {path}: the response is {}", status.code),
        ),
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => meaningless(path),
        _ => failure(&error, path),
    })
}

fn meaningless(path: &str) -> Failure {
    Failure::new(Reason::Decode, format!("Kubernetes API {path}: the response cannot be parsed"))
}

/// The cached decisions with the end of their validity.
#[derive(Debug, Default)]
struct Cache(HashMap<[u8; 32], (Access, Instant)>);

impl Cache {
    fn get(&self, question: &[u8; 32], now: Instant) -> Option<Access> {
        let (access, until) = self.0.get(question)?;
        (now < *until).then_some(*access)
    }

    fn put(&mut self, question: [u8; 32], access: Access, now: Instant) {
        let lasts = match access {
            Access::Granted => GRANTED_FOR,
            Access::Forbidden | Access::Unauthenticated => REFUSED_FOR,
            Access::Undecided | Access::Overloaded => return,
        };
        if self.0.len() >= CACHED {
            self.0.retain(|_, (_, until)| now < *until);
        }
        // A cache full of valid entries means that somebody is guessing tokens. It is emptied, and known clients are
        // reviewed once more.
        if self.0.len() >= CACHED {
            self.0.clear();
        }
        self.0.insert(question, (access, now + lasts));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_decision_is_cached_for_its_lifetime_and_an_outage_is_not() {
        let mut cache = Cache::default();
        let now = Instant::now();
        let just_before = |lasts: Duration| now + lasts.checked_sub(Duration::from_millis(1)).unwrap();
        for (n, access, lasts) in [
            (1, Access::Granted, GRANTED_FOR),
            (2, Access::Forbidden, REFUSED_FOR),
            (3, Access::Unauthenticated, REFUSED_FOR),
        ] {
            cache.put([n; 32], access, now);
            assert_eq!(cache.get(&[n; 32], just_before(lasts)), Some(access));
            assert_eq!(cache.get(&[n; 32], now + lasts), None, "{access:?} is asked again");
        }
        cache.put([4; 32], Access::Undecided, now);
        assert_eq!(cache.get(&[4; 32], now), None);
    }

    #[test]
    fn guessed_tokens_do_not_fill_the_cache() {
        let mut cache = Cache::default();
        let now = Instant::now();
        for n in 0..10_000_u32 {
            cache.put(digest([&n.to_string(), "get", "/metrics"]), Access::Unauthenticated, now);
            assert!(cache.0.len() <= CACHED);
        }
        let later = now + REFUSED_FOR;
        cache.put([0; 32], Access::Granted, later);
        assert_eq!(cache.get(&[0; 32], later), Some(Access::Granted));
    }
}
