//! Bearer tokens, as kube-rbac-proxy judges them: the Kubernetes API says whose a token is (`TokenReview`, for our
//! audiences) and whether that one may use the path (`SubjectAccessReview`).

use super::auth::{Verdict, digest};
use crate::probe::Failure;
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
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Answers that are remembered: a handful of scrapers, people, and whoever guesses.
const REMEMBERED: usize = 1_000;
/// A right that is taken away holds this long; an API server is asked twice a minute for each scraper.
const GRANTED_FOR: Duration = Duration::from_mins(1);
/// A right that is given takes this long.
const REFUSED_FOR: Duration = Duration::from_secs(10);
/// Guessing does not become a load on the API server.
const AT_A_TIME: usize = 4;
/// Within the ten seconds that a scraper waits.
const DEADLINE: Duration = Duration::from_secs(5);
const TOKEN_REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const ACCESS_REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/// Asks one cluster about tokens.
pub struct Tokens {
    cluster: Arc<Cluster>,
    known: Mutex<Known>,
    permits: Semaphore,
    /// Whether the last question was answered, so that an outage is one line in the log.
    answered: AtomicBool,
}

/// Serialized from where the token is, so that no value in between has a copy of it; the body is the client's own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenQuestion<'a> {
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
    /// Tokens of this cluster, meant for the audiences that its target names.
    pub fn new(cluster: Arc<Cluster>) -> Self {
        Self { cluster, known: Mutex::default(), permits: Semaphore::new(AT_A_TIME), answered: AtomicBool::new(true) }
    }

    /// Whether these are the tokens of that cluster.
    pub fn are_of(&self, cluster: &Arc<Cluster>) -> bool {
        Arc::ptr_eq(&self.cluster, cluster)
    }

    /// Whether the holder of a token may use a path.
    pub async fn judge(&self, token: &SecretString, method: &Method, path: &str) -> Verdict {
        let verb = method.as_str().to_ascii_lowercase();
        let question = digest([token.expose_secret(), &verb, path]);
        if let Some(verdict) = self.known().get(&question, Instant::now()) {
            return verdict;
        }
        let asked = tokio::time::timeout(DEADLINE, self.ask(token, &verb, path)).await;
        let result = asked.unwrap_or_else(|_| {
            Err(Failure::new(Reason::Timeout, format!("the Kubernetes API gave no answer within {DEADLINE:?}")))
        });
        match result {
            Ok(verdict) => {
                if !self.answered.swap(true, Ordering::Relaxed) {
                    tracing::info!("tokens are reviewed again");
                }
                self.known().put(question, verdict, Instant::now());
                verdict
            }
            // Not remembered: the next one asks again.
            Err(failure) => {
                if self.answered.swap(false, Ordering::Relaxed) {
                    tracing::error!("no token can be reviewed, so none is let in: {}", failure.message);
                }
                Verdict::Undecided
            }
        }
    }

    async fn ask(&self, token: &SecretString, verb: &str, path: &str) -> Result<Verdict, Failure> {
        let _permit = self.permits.acquire().await;
        let client = &self.cluster.watched().await?.client;
        let audiences = self.cluster.target.web_audiences.as_slice();
        let question = TokenQuestion {
            api_version: "authentication.k8s.io/v1",
            kind: "TokenReview",
            spec: TokenSpec { token: token.expose_secret(), audiences },
        };
        let review: TokenReview = post(client, TOKEN_REVIEWS, &question).await?;
        let status = review.status.ok_or_else(|| meaningless(TOKEN_REVIEWS))?;
        // A server that knows nothing of audiences names none: then nobody knows whom the token is meant for.
        let meant_for_us = status.audiences.unwrap_or_default().iter().any(|audience| audiences.contains(audience));
        let (Some(true), true, Some(user)) = (status.authenticated, meant_for_us, status.user) else {
            return Ok(Verdict::Stranger);
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
        Ok(if granted { Verdict::Granted } else { Verdict::Forbidden })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn post<T: DeserializeOwned>(client: &Client, path: &str, question: &impl Serialize) -> Result<T, Failure> {
    let invalid = |error: String| Failure::new(Reason::Config, format!("{path}: {error}"));
    let body = serde_json::to_vec(question).map_err(|error| invalid(error.to_string()))?;
    let request = Request::post(path).header(http::header::CONTENT_TYPE, "application/json").body(body);
    let request = request.map_err(|error| invalid(error.to_string()))?;
    client.request(request).await.map_err(|error| match &error {
        // The words of a server may repeat the token that it was sent; its number cannot.
        kube::Error::Api(status) => {
            Failure::new(failure(&error, path).reason, format!("Kubernetes API {path}: it answered {}", status.code))
        }
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => meaningless(path),
        _ => failure(&error, path),
    })
}

fn meaningless(path: &str) -> Failure {
    Failure::new(Reason::Decode, format!("Kubernetes API {path}: the answer makes no sense"))
}

/// Answers of the last minute.
#[derive(Debug, Default)]
struct Known(HashMap<[u8; 32], (Verdict, Instant)>);

impl Known {
    fn get(&self, question: &[u8; 32], now: Instant) -> Option<Verdict> {
        let (verdict, until) = self.0.get(question)?;
        (now < *until).then_some(*verdict)
    }

    fn put(&mut self, question: [u8; 32], verdict: Verdict, now: Instant) {
        let lasts = match verdict {
            Verdict::Granted => GRANTED_FOR,
            Verdict::Forbidden | Verdict::Stranger => REFUSED_FOR,
            Verdict::Undecided => return,
        };
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, (_, until)| now < *until);
        }
        // Full of what still holds: somebody guesses, and who is known pays with a question.
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert(question, (verdict, now + lasts));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_for_its_time_and_no_answer_for_none() {
        let mut known = Known::default();
        let now = Instant::now();
        let just_before = |lasts: Duration| now + lasts.checked_sub(Duration::from_millis(1)).unwrap();
        for (n, verdict, lasts) in [
            (1, Verdict::Granted, GRANTED_FOR),
            (2, Verdict::Forbidden, REFUSED_FOR),
            (3, Verdict::Stranger, REFUSED_FOR),
        ] {
            known.put([n; 32], verdict, now);
            assert_eq!(known.get(&[n; 32], just_before(lasts)), Some(verdict));
            assert_eq!(known.get(&[n; 32], now + lasts), None, "{verdict:?} is asked again");
        }
        known.put([4; 32], Verdict::Undecided, now);
        assert_eq!(known.get(&[4; 32], now), None);
    }

    #[test]
    fn guessing_does_not_fill_the_memory() {
        let mut known = Known::default();
        let now = Instant::now();
        for n in 0..10_000_u32 {
            known.put(digest([&n.to_string(), "get", "/metrics"]), Verdict::Stranger, now);
            assert!(known.0.len() <= REMEMBERED);
        }
        let later = now + REFUSED_FOR;
        known.put([0; 32], Verdict::Granted, later);
        assert_eq!(known.get(&[0; 32], later), Some(Verdict::Granted));
    }
}
