//! The signal `health`: one GET request to a health endpoint; judges the status code and fields of the JSON body.

mod body;

use crate::probe::{Failure, Probe};
use checklist::config::Health as Target;
use checklist::signals::health::{DURATION, FIELD_OK, STATUS, VERSION};
use checklist::{Object, Samples};
use clients::http::fetch;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::time::Instant;

/// Maximum size of the body in bytes. A usual health page has a few hundred bytes, but some list every dependency.
const MAX_BODY: usize = 1024 * 1024;

/// The probe of the signal `health`.
pub struct Health(pub Target);

impl Probe for Health {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let begun = Instant::now();
            let response = fetch(&self.0.endpoint, "", MAX_BODY).await?;
            samples.set(&DURATION, [], begun.elapsed().as_secs_f64());
            samples.saw(Object::Page, 1);
            evaluate(&self.0, response.status.as_u16(), response.content_type.as_deref(), &response.body, &mut samples);
            Ok(samples)
        }
        .boxed()
    }
}

fn evaluate(target: &Target, status: u16, content_type: Option<&str>, body: &[u8], samples: &mut Samples) {
    samples.set(&STATUS, [], u32::from(status));
    samples.set(&FIELD_OK, ["status_code"], target.status.contains(&status));
    if !target.status.contains(&status) {
        let codes: Vec<String> = target.status.iter().map(u16::to_string).collect();
        samples.evidence.note(format!("the status is {status}, expected {}", codes.join(" or ")));
    }
    samples.saw(Object::Field, target.expect.len());
    if target.expect.is_empty() && target.version_field.is_none() {
        return;
    }
    let body = body::parse(body, content_type);
    samples.set(&FIELD_OK, ["body"], body.is_some());
    if body.is_none() {
        samples.evidence.note("the response body is not JSON");
    }
    let body = body.unwrap_or_default();
    for (path, expected) in &target.expect {
        let found = body::field(&body, path);
        let is = found.is_some_and(|found| body::is(found, expected));
        samples.set(&FIELD_OK, [&format!("body.{path}")], is);
        if !is {
            let found = found.map_or_else(|| "missing".to_owned(), body::shown);
            samples.evidence.note(format!("{path} is {found}, expected {expected}"));
        }
    }
    let version = target.version_field.as_ref().and_then(|path| body::field(&body, path));
    if let Some(version) = version.and_then(body::text) {
        samples.set(&VERSION, [&version], 1_u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use checklist::Config;

    /// Evaluates a response. Returns the fields that differ from the expectation, and the message for people.
    fn judged(target: &str, status: u16, kind: &str, body: &[u8]) -> anyhow::Result<(Vec<String>, String)> {
        let yaml = format!("health: [{{name: h, url: 'http://h', {target}}}]\n");
        let config = Config::parse("checklist.yaml", &yaml)?;
        let mut samples = checklist::signals::health::SIGNAL.samples();
        evaluate(&config.health[0], status, Some(kind), body, &mut samples);
        let message = samples.evidence.to_string();
        let bad = samples.into_series().0.into_iter().filter(|one| one.metric == &FIELD_OK && one.value == 0.0);
        Ok((bad.map(|one| one.labels[0].clone()).collect(), message))
    }

    #[test]
    fn a_health_body_is_parsed_as_by_curl_and_jq() -> anyhow::Result<()> {
        let json = "application/json";
        for (target, kind, body) in [
            ("expect: {status: healthy}", json, &b"\xef\xbb\xbf{\"status\": \"healthy\"}"[..]),
            ("expect: {status: ok}", json, b"{\"status\": \"ok\", \"load\": NaN, \"max\": -Infinity, \"s\": \"NaN\"}"),
            ("expect: {name: 'M\u{fc}ller'}", "application/json; charset=ISO-8859-1", b"{\"name\": \"M\xfcller\"}"),
            ("expect: {status: ok}", json, b"{\"status\": \"ok\", \"name\": \"M\xfcller\"}"),
            ("expect: {pct: 1.0}", json, b"{\"pct\": 1.0}"),
            ("expect: {pct: 1.0}", json, b"{\"pct\": 1}"),
            ("expect: {pct: '1'}", json, b"{\"pct\": 1.0}"),
            ("expect: {big: '9007199254740993'}", json, b"{\"big\": 9007199254740993}"),
            (
                "expect: {'checks.0.status': pass, 'checks[1].status': warn}",
                json,
                b"{\"checks\": [{\"status\": \"pass\"}, {\"status\": \"warn\"}]}",
            ),
            ("expect: {'db.main.state': up}", json, b"{\"db.main\": {\"state\": \"up\"}}"),
            ("expect: {errors: '[]', ready: true}", json, b"{\"errors\": [], \"ready\": true}"),
            ("expect: {'0': ok}", json, b"[\"ok\"]"),
        ] {
            let (bad, message) = judged(target, 200, kind, body)?;
            assert!(bad.is_empty(), "{target}: {bad:?}, {message}");
        }
        Ok(())
    }

    #[test]
    fn a_failed_expectation_is_reported_with_value_and_expected_value() -> anyhow::Result<()> {
        let (bad, message) = judged("expect: {db: up, 'a.b': x}", 200, "", b"{\"db\": \"down\"}")?;
        assert_eq!(bad, ["body.a.b", "body.db"]);
        assert!(
            message.contains("db is \"down\", expected up; ") || message.contains("; db is \"down\", expected up"),
            "{message}"
        );
        assert!(message.contains("a.b is missing, expected x"), "{message}");
        let (bad, message) = judged("statuses: [200, 429]", 503, "", b"")?;
        assert!(bad == ["status_code"] && message.contains("the status is 503, expected 200 or 429"), "{message}");
        assert!(judged("statuses: [200, 429]", 429, "", b"")?.0.is_empty());
        let (bad, message) = judged("expect: {db: up}", 200, "", b"<html>")?;
        assert!(bad == ["body", "body.db"] && message.contains("the response body is not JSON"), "{message}");
        Ok(())
    }
}
