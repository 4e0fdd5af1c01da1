//! `POST /-/reload`, as in Prometheus: only with `--web.enable-lifecycle`, and never for a request that a page of
//! another site makes in a browser (CSRF). SIGHUP and a change of the file reload without this path.

use super::responses::{not_allowed, text, too_many};
use crate::run::reload::Source;
use crate::run::runtime::there;
use bytes::Bytes;
use http::uri::Authority;
use http_body_util::Full;
use hyper::header::{HOST, HeaderName, ORIGIN};
use hyper::{HeaderMap, Method, Response, StatusCode};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Minimum time between two reloads: each reads the file and compares every check.
const BETWEEN: Duration = Duration::from_secs(1);
/// The header by which browsers report the origin of a request (Fetch Metadata).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Decides who may ask for a reload, and how often.
#[derive(Debug, Default)]
pub struct Lifecycle {
    enabled: bool,
    last: Mutex<Option<Instant>>,
}

impl Lifecycle {
    /// Creates the handler; `enabled` is the option `--web.enable-lifecycle`.
    pub fn new(enabled: bool) -> Self {
        Self { enabled, last: Mutex::default() }
    }

    /// Handles a request to reload checklist.yaml. Only a client with a valid login (`known`) gets the mistakes in the
    /// file.
    pub async fn reload(
        &self,
        checks: &Handle,
        source: &Arc<Source>,
        method: &Method,
        headers: &HeaderMap,
        known: bool,
    ) -> Response<Full<Bytes>> {
        if method != Method::POST && method != Method::PUT {
            return not_allowed("POST, PUT");
        }
        if !self.enabled {
            return text(
                StatusCode::FORBIDDEN,
                "the lifecycle API is not enabled; start the exporter with --web.enable-lifecycle\n",
            );
        }
        if let Some(why) = foreign(headers, known, &crate::run::process::host_name()) {
            return text(StatusCode::FORBIDDEN, &format!("{why}\n"));
        }
        {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|at| at.elapsed() < BETWEEN) {
                return too_many("checklist.yaml was already reloaded within the last second");
            }
            *last = Some(Instant::now());
        }
        let source = Arc::clone(source);
        let reloaded = there(checks, async move { source.reload().await }).await;
        match reloaded.map_err(|failure| anyhow::anyhow!(failure.message)).flatten() {
            Ok(()) => text(StatusCode::OK, "loaded\n"),
            Err(error) if known => text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}\n")),
            Err(_) => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "checklist.yaml cannot be loaded; see the log of the exporter\n",
            ),
        }
    }
}

/// Returns why a request may come from a page of another site, in the browser of somebody who can reach this server.
/// The name in `Host` must be one that only this server can have, because anyone can point a DNS name at this address
/// (DNS rebinding). A request with a login is exempt: browsers send credentials only to the name they belong to.
fn foreign(headers: &HeaderMap, known: bool, own_name: &str) -> Option<&'static str> {
    let of = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = of(&HOST).unwrap_or_default();
    if of(&FETCH_SITE).is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Some("the request comes from a page of another site");
    }
    if let Some(origin) = of(&ORIGIN) {
        let site = origin.split_once("://").map(|(_, site)| site);
        if site.is_none_or(|site| !site.eq_ignore_ascii_case(host)) {
            return Some("the request comes from a page of another site");
        }
    }
    let name = host.parse::<Authority>().ok().map(|host| host.host().trim_matches(['[', ']']).to_ascii_lowercase());
    let name = name.unwrap_or_default();
    let own_name = own_name.to_ascii_lowercase();
    let ours = name.parse::<IpAddr>().is_ok()
        // A name without a dot, or within a cluster, cannot be registered by others.
        || (!name.is_empty() && !name.contains('.'))
        || name.rsplit('.').next() == Some("svc")
        || name.ends_with(".svc.cluster.local")
        || (!own_name.is_empty() && (name == own_name || name.starts_with(&format!("{own_name}."))));
    (!known && !ours).then_some("the Host header does not name this server; use its IP address, or configure a login")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn headers(list: &[(HeaderName, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn cross_site_requests_are_recognized_by_any_header() {
        for (list, known, is_foreign) in [
            (vec![(HOST, "127.0.0.1:9876")], false, false),
            (vec![(HOST, "[::1]:9876")], false, false),
            (vec![(HOST, "localhost:9876")], false, false),
            (vec![(HOST, "checklist-exporter.monitoring.svc:9876")], false, false),
            (vec![(HOST, "checklist-exporter.monitoring.svc.cluster.local:9876")], false, false),
            (vec![(HOST, "Machine.example.com:9876")], false, false),
            (vec![(HOST, "127.0.0.1:9876"), (ORIGIN, "http://127.0.0.1:9876")], false, false),
            (vec![(HOST, "exporter.example.com")], true, false),
            (vec![(HOST, "127.0.0.1:9876"), (ORIGIN, "http://127.0.0.1:80")], false, true),
            (vec![(HOST, "127.0.0.1:9876"), (ORIGIN, "https://evil.example")], true, true),
            (vec![(HOST, "127.0.0.1:9876"), (ORIGIN, "null")], false, true),
            (vec![(HOST, "127.0.0.1:9876"), (FETCH_SITE, "cross-site")], false, true),
            (vec![(HOST, "127.0.0.1:9876"), (FETCH_SITE, "same-site")], true, true),
            (vec![(HOST, "evil.example:9876")], false, true),
            (vec![(HOST, "evil.example:9876"), (ORIGIN, "http://evil.example:9876")], false, true),
            (vec![(HOST, "machine-evil.example")], false, true),
            (vec![(HOST, "a.svc.cluster.evil.example:9876")], false, true),
            (vec![(HOST, "a b")], false, true),
            (vec![], false, true),
        ] {
            assert_eq!(foreign(&headers(&list), known, "machine").is_some(), is_foreign, "{list:?}");
        }
        assert!(foreign(&HeaderMap::new(), false, "").is_some(), "no name is not the name of a machine without one");
    }
}
