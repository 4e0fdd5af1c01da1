//! The signal `health`: one GET request to a health endpoint; judges the status code and fields of the JSON body.

mod body;

use crate::probe::{Failure, Probe};
use checklist::config::Health as Target;
use checklist::signals::health::{DURATION, FIELD_OK, STATUS, VERSION};
use checklist::{Object, Reason, Samples, Unit};
use clients::AHEAD;
use clients::http::{HttpResponse, fetch};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
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
            evaluate(&self.0, &response, &mut samples);
            Ok(samples)
        }
        .boxed()
    }
}

fn evaluate(target: &Target, response: &HttpResponse, samples: &mut Samples) {
    if let Some(age) = response.age.filter(|age| *age > AHEAD.as_secs_f64()) {
        let age = Unit::Seconds.human(age);
        let what = format!("a cache answered with a page that is {age} old, and nobody asked the application since");
        samples.missed(Object::Page, Reason::Protocol, what);
    }
    let status = response.status.as_u16();
    samples.set(&STATUS, [], u32::from(status));
    samples.set(&FIELD_OK, ["status_code"], target.status.contains(&status));
    if !target.status.contains(&status) {
        let codes: Vec<String> = target.status.iter().map(u16::to_string).collect();
        let leads = response.location.as_ref().map(|to| format!("; it leads to {to}, and redirects are not followed"));
        let expected = codes.join(" or ");
        samples.evidence.note(format!("the status is {status}, expected {expected}{}", leads.unwrap_or_default()));
    }
    samples.saw(Object::Field, target.expect.len());
    if target.expect.is_empty() && target.version_field.is_none() {
        return;
    }
    let body = body::parse(&response.body, response.content_type.as_deref());
    samples.set(&FIELD_OK, ["body"], body.is_some());
    if body.is_none() {
        samples.evidence.note("the response body is not JSON");
    }
    let value = body.as_ref().map_or(&Value::Null, |body| &body.value);
    let twice = |keys: &[String]| {
        let key = body.as_ref()?.twice(keys)?;
        Some(format!("the body has {key} twice, and only the last one was judged"))
    };
    for (path, expected) in &target.expect {
        let (found, keys) = body::field(value, path);
        let is = found.is_some_and(|found| body::is(found, expected));
        samples.set(&FIELD_OK, [&format!("body.{path}")], is);
        if !is {
            let found = found.map_or_else(|| "missing".to_owned(), body::shown);
            samples.evidence.note(format!("{path} is {found}, expected {expected}"));
        }
        if let Some(what) = twice(&keys) {
            samples.missed(Object::Field, Reason::Decode, what);
        }
    }
    if let Some(path) = target.version_field.as_ref().filter(|_| body.is_some()) {
        let (found, keys) = body::field(value, path);
        if let Some(version) = found.and_then(body::text) {
            samples.set(&VERSION, [&version], 1_u32);
        } else {
            let what = format!("the version: the body has no text or number at {path}, which versionField names");
            samples.missed(Object::Field, Reason::NotFound, what);
        }
        if let Some(what) = twice(&keys) {
            samples.missed(Object::Field, Reason::Decode, what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use checklist::Config;
    use hyper::StatusCode;

    /// Evaluates a response. Returns the fields that differ from the expectation, and the message for people.
    fn judged(target: &str, status: u16, kind: &str, body: &[u8]) -> anyhow::Result<(Vec<String>, String)> {
        let yaml = format!("health: [{{name: h, url: 'http://h', {target}}}]\n");
        let config = Config::parse("checklist.yaml", &yaml)?;
        let mut samples = checklist::signals::health::SIGNAL.samples();
        let response = HttpResponse {
            status: StatusCode::from_u16(status)?,
            body: body.to_vec().into(),
            content_type: Some(kind.to_owned()),
            modified: None,
            age: None,
            location: Some("https://h/login".to_owned()).filter(|_| status == 302),
        };
        evaluate(&config.health[0], &response, &mut samples);
        let message = format!("{} | {}", samples.evidence, samples.evidence.gaps());
        let bad = samples.into_series().0.into_iter().filter(|one| one.metric == &FIELD_OK && one.value == 0.0);
        Ok((bad.map(|one| one.labels[0].clone()).collect(), message))
    }

    #[test]
    fn a_health_body_is_parsed_as_by_curl_and_jq() -> anyhow::Result<()> {
        let json = "application/json";
        let deep = format!("{{\"status\": \"ok\", \"[\": {}\"x]\"{}}}", "[".repeat(200), "]".repeat(200));
        for (target, kind, body) in [
            ("expect: {status: healthy}", json, &b"\xef\xbb\xbf{\"status\": \"healthy\"}"[..]),
            ("expect: {status: ok}", json, b"{\"status\": \"ok\", \"load\": NaN, \"max\": -Infinity, \"s\": \"NaN\"}"),
            ("expect: {name: 'M\u{fc}ller'}", "application/json; charset=ISO-8859-1", b"{\"name\": \"M\xfcller\"}"),
            ("expect: {status: ok}", json, b"{\"status\": \"ok\", \"name\": \"M\xfcller\"}"),
            ("expect: {name: '\u{20ac}'}", "text/json;Charset=\"Windows-1252\"", b"{\"name\": \"\x80\"}"),
            ("expect: {name: '\u{20ac}'}", "application/json; charset=iso-8859-15", b"{\"name\": \"\xa4\"}"),
            ("expect: {ok: 1}", json, b"\xff\xfe{\0\"\0o\0k\0\"\0:\x001\0}\0"),
            ("expect: {ok: 1}", json, b"\xfe\xff\0{\0\"\0o\0k\0\"\0:\x001\0}"),
            ("expect: {status: ok}", json, b"{\"bytes\": 1e400, \"low\": -1E999, \"status\": \"ok\"}"),
            ("expect: {status: ok}", json, deep.as_bytes()),
            ("expect: {ready: True, done: FALSE}", json, b"{\"ready\": true, \"done\": false}"),
            ("expect: {'disk[/data].status': UP}", json, b"{\"disk[/data]\": {\"status\": \"UP\"}}"),
            ("expect: {'checks[\"db\"].status': UP}", json, b"{\"checks\": {\"db\": {\"status\": \"UP\"}}}"),
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
        let cut = format!("{{\"db\": \"up\", \"x\": {}", "[".repeat(200));
        assert_eq!(judged("expect: {db: up}", 200, "", cut.as_bytes())?.0, ["body", "body.db"], "a part is not a body");
        let (bad, message) = judged("", 302, "", b"")?;
        assert!(bad == ["status_code"] && message.contains("it leads to https://h/login"), "{message}");
        Ok(())
    }

    #[test]
    fn a_field_that_a_page_has_twice_or_not_at_all_is_not_seen() -> anyhow::Result<()> {
        let unseen = |target: &str, body: &str| anyhow::Ok(judged(target, 200, "", body.as_bytes())?.1);
        for body in [
            "{\"db\": {\"state\": \"down\", \"state\": \"up\"}}",
            "{\"db\": {\"state\": \"down\"}, \"load\": NaN, \"db\": {\"state\": \"up\"}}",
        ] {
            let message = unseen("expect: {db.state: up}", body)?;
            assert!(message.contains(" twice, and only the last one was judged"), "{body}: {message}");
        }
        let message = unseen("expect: {db: up}", "{\"db\": \"up\", \"other\": 1, \"other\": 2}")?;
        assert!(message.ends_with(" | "), "nobody asked for the other one: {message}");
        for (target, body, told) in [
            ("expect: {db.main.s: up}", "{\"db.main\": {\"s\": \"down\"}, \"db.main\": {\"s\": \"up\"}}", true),
            (
                "expect: {'checks[\"db\"].s': up}",
                "{\"checks\": {\"db\": {\"s\": \"down\"}, \"db\": {\"s\": \"up\"}}}",
                true,
            ),
            ("expect: {'a[1].s': up}", "{\"a\": [{}, {\"s\": \"down\", \"s\": \"up\"}]}", true),
            ("expect: {'a[0].s': up}", "{\"a\": [{\"s\": \"up\"}, {\"s\": 1, \"s\": 2}]}", false),
            ("expect: {db.s: up}", "{\"db\": {\"s\": \"up\"}, \"cache\": {\"s\": 1, \"s\": 2}}", false),
            ("versionField: version", "{\"version\": \"1\", \"version\": \"2\"}", true),
            ("versionField: version", "{\"version\": \"1\", \"other\": 1, \"other\": 2}", false),
        ] {
            let message = unseen(target, body)?;
            assert_eq!(message.contains(" twice, and only the last one was judged"), told, "{body}: {message}");
        }
        let message = unseen("versionField: version", "null")?;
        assert!(message.contains("no text or number at version"), "{message}");
        for (body, there) in
            [("{}", false), ("{\"build\": {\"version\": null}}", false), ("{\"build\": {\"version\": 7}}", true)]
        {
            let message = unseen("versionField: build.version", body)?;
            assert_eq!(!message.contains("no text or number at build.version"), there, "{body}: {message}");
        }
        Ok(())
    }

    #[test]
    fn a_page_that_a_cache_stored_for_long_is_no_evidence_about_the_application() -> anyhow::Result<()> {
        let config = Config::parse("checklist.yaml", "health: [{name: h, url: 'http://h', expect: {ok: true}}]\n")?;
        for (age, seen) in [(None, true), (Some(59.0), true), (Some(90_000.0), false)] {
            let mut samples = checklist::signals::health::SIGNAL.samples();
            let body = b"{\"ok\": true}".to_vec().into();
            let response =
                HttpResponse { status: StatusCode::OK, body, content_type: None, modified: None, age, location: None };
            evaluate(&config.health[0], &response, &mut samples);
            assert_eq!(
                samples.evidence.gaps().contains("a cache answered with a page that is 25h old"),
                !seen,
                "{age:?}"
            );
        }
        Ok(())
    }
}
