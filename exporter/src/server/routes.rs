//! The routes: metrics, the status page, a single probe, health and reload. A scrape never waits for a probe.

use super::exposition::collector::States;
use super::exposition::format::Accepted;
use super::exposition::snapshot::Snapshot;
use super::responses::{html, not_allowed, text, too_many, whole, without_one_host};
use super::site::Site;
use super::web::Rules;
use super::web::access::Access;
use super::web::auth;
use super::{page, verdicts};
use crate::run::job::Job;
use crate::run::schedule::Schedule;
use crate::run::status::Refused;
use crate::run::time::unix_now;
use bytes::Bytes;
use clients::Failure;
use http_body_util::Full;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Answers requests on the listener of `--health-listen`, which needs no login.
pub(super) fn health<B>(site: &Site, request: &Request<B>) -> Response<Full<Bytes>> {
    if let Some(bad) = without_one_host(request) {
        return bad;
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return not_allowed("GET, HEAD");
    }
    match request.uri().path() {
        "/-/healthy" => healthy(),
        "/-/ready" => ready(&site.source.schedule),
        _ => text(StatusCode::NOT_FOUND, "this listener serves only /-/healthy and /-/ready\n"),
    }
}

/// Answers a request if it is authorized. Also returns whether the request had a valid login. This is the only caller
/// of [`respond`], so that no path is answered without authorization.
pub(super) async fn authorize<B>(
    site: &Site,
    rules: &Rules,
    from: IpAddr,
    request: Request<B>,
) -> (Response<Full<Bytes>>, bool) {
    if let Some(bad) = without_one_host(&request) {
        return (bad, false);
    }
    let (passwords, tokens) = (rules.passwords.as_ref(), site.tokens());
    let (headers, method, path) = (request.headers(), request.method(), request.uri().path());
    let refused = |why: Refused, status: StatusCode, words: &str| {
        site.web.status.refuse(why);
        text(status, words)
    };
    let response = match auth::authorize(passwords, tokens.as_deref(), from, headers, method, path).await {
        Access::Granted => {
            let known = passwords.is_some() || tokens.is_some();
            return (respond(site, request, known).await, known);
        }
        Access::Unauthenticated => {
            let mut response = refused(Refused::Unauthenticated, StatusCode::UNAUTHORIZED, "unauthorized\n");
            let schemes = [
                passwords.map(|_| HeaderValue::from_static("Basic realm=\"checklist\"")),
                tokens.map(|_| HeaderValue::from_static("Bearer realm=\"checklist\"")),
            ];
            for scheme in schemes.into_iter().flatten() {
                response.headers_mut().append(WWW_AUTHENTICATE, scheme);
            }
            response
        }
        Access::Forbidden => refused(Refused::Forbidden, StatusCode::FORBIDDEN, "forbidden\n"),
        Access::Undecided => {
            let words = "the Kubernetes API cannot review the token now\n";
            refused(Refused::Undecided, StatusCode::SERVICE_UNAVAILABLE, words)
        }
        Access::Overloaded => {
            site.web.status.refuse(Refused::Overloaded);
            too_many("too many logins are waiting for verification")
        }
    };
    (response, false)
}

/// Answers an authorized request. `known` says whether it had a valid login; without passwords and tokens nobody has
/// one.
async fn respond<B>(site: &Site, request: Request<B>, known: bool) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if path == "/-/reload" {
        return site.lifecycle.reload(&site.checks, &site.source, request.method(), request.headers(), known).await;
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return not_allowed("GET, HEAD");
    }
    let (source, schedule) = (&site.source, &site.source.schedule);
    match path {
        "/metrics" => {
            let accepted = Accepted::by(request.headers());
            metrics(site.latest.body(&accepted), &accepted)
        }
        "/probe" => probe(site, request.uri().query().unwrap_or_default(), request.headers()).await,
        "/-/healthy" => healthy(),
        "/-/ready" => ready(schedule),
        "/" => html(page::overview(schedule, &source.config())),
        "/tasks" => match site.tasks.get(&site.checks, source.config()).await {
            Some(page) => html(page.as_bytes().to_vec()),
            None => too_many("too many requests are waiting for this page"),
        },
        "/api/v1/checks" => whole(StatusCode::OK, "application/json", verdicts::json(&schedule.ours()).to_string()),
        _ => match path.strip_prefix("/checks/") {
            Some(check) => page::history(&schedule.ours(), &source.config(), check)
                .map_or_else(|| text(StatusCode::NOT_FOUND, "this exporter does not run such a check\n"), html),
            None => text(StatusCode::NOT_FOUND, "page not found; see /\n"),
        },
    }
}

fn healthy() -> Response<Full<Bytes>> {
    text(StatusCode::OK, "checklist-exporter is healthy\n")
}

fn ready(schedule: &Schedule) -> Response<Full<Bytes>> {
    match schedule.states().iter().filter(|state| !state.has_run()).count() {
        0 => text(StatusCode::OK, "all checks have run\n"),
        waiting => text(StatusCode::SERVICE_UNAVAILABLE, &format!("{waiting} checks have not run yet\n")),
    }
}

/// Returns the response with an exposition, or 500 if the body could not be written.
fn metrics(body: Result<Bytes, Failure>, accepted: &Accepted) -> Response<Full<Bytes>> {
    let body = match body {
        Ok(body) => body,
        Err(failure) => return text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{}\n", failure.message)),
    };
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(CONTENT_TYPE, accepted.content_type());
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if let Some(encoding) = accepted.encoding.name() {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// Runs the configured checks of one signal now, within the scrape timeout, and returns their series alone. Requests
/// within a second share one run, which goes on to its end even if the clients go away.
async fn probe(site: &Site, query: &str, headers: &HeaderMap) -> Response<Full<Bytes>> {
    let schedule = &site.source.schedule;
    let mut check = None;
    let mut target = None;
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match key.as_ref() {
            "check" => check = Some(value.into_owned()),
            "target" => target = Some(value.into_owned()),
            other => return text(StatusCode::BAD_REQUEST, &format!("unknown parameter {other}\n")),
        }
    }
    let Some(check) = check else { return text(StatusCode::BAD_REQUEST, "the parameter check is missing\n") };
    let wanted = |job: &&Arc<Job>| {
        let state = job.state();
        state.check.signal.id == check && target.as_ref().is_none_or(|target| *target == state.check.target)
    };
    let all = schedule.jobs();
    let jobs: Vec<_> = all.iter().filter(wanted).collect();
    if jobs.is_empty() {
        return text(StatusCode::NOT_FOUND, "checklist.yaml does not configure such a check\n");
    }
    let not_the_holder = || {
        text(StatusCode::CONFLICT, "only the holder of the lease runs this check, and this exporter does not hold it\n")
    };
    if !jobs.iter().all(|job| job.is_ours()) {
        return not_the_holder();
    }
    let seconds =
        headers.get("x-prometheus-scrape-timeout-seconds").and_then(|value| value.to_str().ok()?.parse().ok());
    let within = Duration::try_from_secs_f64(seconds.unwrap_or(10.0_f64).clamp(0.5, 120.0) * 0.95).unwrap_or_default();
    let Ok(_place) = site.probing.try_acquire() else { return too_many("too many requests are waiting for probes") };
    let runs = futures::future::join_all(jobs.iter().map(|job| job.run_shared(&site.checks)));
    if tokio::time::timeout(within, runs).await.is_err() {
        return text(StatusCode::GATEWAY_TIMEOUT, "the check did not end within the scrape timeout\n");
    }
    // The lease may have been lost during the run.
    if !jobs.iter().all(|job| job.is_ours()) {
        return not_the_holder();
    }
    let states =
        States { states: jobs.iter().map(|job| job.state()).collect(), now: unix_now(), process: schedule.status() };
    let accepted = Accepted::by(headers).uncompressed();
    metrics(Snapshot::of(states).body(accepted.format, accepted.encoding), &accepted)
}
