//! The paths: metrics, the status page, one probe now, health and reload. A scrape never waits for a probe.

use super::exposition::collector::States;
use super::exposition::format::Accepted;
use super::exposition::snapshot::Snapshot;
use super::site::Site;
use super::web::Rules;
use super::web::access::Access;
use super::web::auth;
use super::{page, verdicts};
use crate::run::job::Job;
use crate::run::reload::Source;
use crate::run::schedule::Schedule;
use crate::run::time::unix_now;
use bytes::Bytes;
use clients::Failure;
use http_body_util::Full;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, VARY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use std::sync::Arc;
use std::time::Duration;

/// Answers on the listener that shows health alone, to anyone.
pub(super) fn health<B>(site: &Site, request: &Request<B>) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is allowed\n");
    }
    match request.uri().path() {
        "/-/healthy" => healthy(),
        "/-/ready" => ready(&site.source.schedule),
        _ => text(StatusCode::NOT_FOUND, "only /-/healthy and /-/ready are shown here\n"),
    }
}

/// Answers a request if it is authorized; the only caller of [`respond`].
pub(super) async fn authorize<B>(site: &Site, rules: &Rules, request: Request<B>) -> Response<Full<Bytes>> {
    let (passwords, tokens) = (rules.passwords.as_ref(), site.tokens());
    match auth::authorize(passwords, tokens.as_deref(), request.headers(), request.method(), request.uri().path()).await
    {
        Access::Granted => respond(site, request).await,
        Access::Unauthenticated => {
            let mut response = text(StatusCode::UNAUTHORIZED, "unauthorized\n");
            let schemes = [
                passwords.map(|_| HeaderValue::from_static("Basic realm=\"checklist\"")),
                tokens.map(|_| HeaderValue::from_static("Bearer realm=\"checklist\"")),
            ];
            for scheme in schemes.into_iter().flatten() {
                response.headers_mut().append(WWW_AUTHENTICATE, scheme);
            }
            response
        }
        Access::Forbidden => text(StatusCode::FORBIDDEN, "forbidden\n"),
        Access::Undecided => text(StatusCode::SERVICE_UNAVAILABLE, "the Kubernetes API does not say who you are\n"),
    }
}

async fn respond<B>(site: &Site, request: Request<B>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if path == "/-/reload" {
        return reload(&site.source, request.method());
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is allowed\n");
    }
    let (source, schedule) = (&site.source, &site.source.schedule);
    match path {
        "/metrics" => {
            let accepted = Accepted::by(request.headers());
            metrics(site.latest.body(&accepted), &accepted)
        }
        "/probe" => probe(schedule, request.uri().query().unwrap_or_default(), request.headers()).await,
        "/-/healthy" => healthy(),
        "/-/ready" => ready(schedule),
        "/" => html(page::overview(schedule, &source.config())),
        "/tasks" => html(crate::server::page_tasks::overview(&source.config(), jiff::Timestamp::now()).await),
        "/api/v1/checks" => whole(StatusCode::OK, "application/json", verdicts::json(&schedule.ours()).to_string()),
        _ => match path.strip_prefix("/checks/") {
            Some(check) => page::history(&schedule.ours(), &source.config(), check)
                .map_or_else(|| text(StatusCode::NOT_FOUND, "no such check is made here\n"), html),
            None => text(StatusCode::NOT_FOUND, "no such page; see /\n"),
        },
    }
}

fn healthy() -> Response<Full<Bytes>> {
    text(StatusCode::OK, "checklist-exporter is healthy\n")
}

fn ready(schedule: &Schedule) -> Response<Full<Bytes>> {
    match schedule.states().iter().filter(|state| !state.has_run()).count() {
        0 => text(StatusCode::OK, "every check has run\n"),
        waiting => text(StatusCode::SERVICE_UNAVAILABLE, &format!("{waiting} checks have not run yet\n")),
    }
}

/// Loads checklist.yaml again; the answer has every mistake.
fn reload(source: &Source, method: &Method) -> Response<Full<Bytes>> {
    if method != Method::POST {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only POST is allowed\n");
    }
    match source.reload() {
        Ok(()) => text(StatusCode::OK, "loaded\n"),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}\n")),
    }
}

/// An exposition, or that it cannot be written.
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

/// Runs one configured check now, within the scrape's own timeout, and shows it alone.
async fn probe(schedule: &Schedule, query: &str, headers: &HeaderMap) -> Response<Full<Bytes>> {
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
        return text(StatusCode::NOT_FOUND, "no such check is configured\n");
    }
    let elsewhere = || text(StatusCode::CONFLICT, "the holder of the lease makes this check, and that is not us\n");
    if !jobs.iter().all(|job| job.is_ours()) {
        return elsewhere();
    }
    let seconds =
        headers.get("x-prometheus-scrape-timeout-seconds").and_then(|value| value.to_str().ok()?.parse().ok());
    let within = Duration::try_from_secs_f64(seconds.unwrap_or(10.0_f64).clamp(0.5, 120.0) * 0.95).unwrap_or_default();
    let runs = futures::future::join_all(jobs.iter().map(|job| job.run()));
    if tokio::time::timeout(within, runs).await.is_err() {
        return text(StatusCode::GATEWAY_TIMEOUT, "the check did not end within the scrape timeout\n");
    }
    // The lease may have been lost meanwhile.
    if !jobs.iter().all(|job| job.is_ours()) {
        return elsewhere();
    }
    let states =
        States { states: jobs.iter().map(|job| job.state()).collect(), now: unix_now(), process: schedule.status() };
    let accepted = Accepted::by(headers).uncompressed();
    metrics(Snapshot::of(states).body(accepted.format, accepted.encoding), &accepted)
}

fn text(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    whole(status, "text/plain; charset=utf-8", message.to_owned())
}

/// A page that may load nothing, from anywhere.
fn html(page: String) -> Response<Full<Bytes>> {
    let mut response = whole(StatusCode::OK, "text/html; charset=utf-8", page);
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

fn whole(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
