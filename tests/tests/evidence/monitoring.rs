//! Rules that a Prometheus has loaded and does not evaluate, errors that it sends with status 200, and silences of an
//! Alertmanager that contradict themselves.

use crate::verdicts;
use checklist::{Reason, Verdict};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use stack::checks::jobs;
use stack::http::{response, serve};
use stack::monitoring::loaded_rules;

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_are_loaded_and_were_not_evaluated_lately_have_no_verdict() -> anyhow::Result<()> {
    let now = Timestamp::now();
    let tomorrow = (now + SignedDuration::from_hours(24)).to_string();
    let yesterday = (now - SignedDuration::from_hours(24)).to_string();
    let now = now.to_string();
    for (health, evaluated, verdict, part) in [
        ("ok", now.as_str(), Verdict::Passed, "rules"),
        (
            "unknown",
            "0001-01-01T00:00:00Z",
            Verdict::CannotTell,
            "no rule that checklist.yaml generates was evaluated yet",
        ),
        ("ok", &tomorrow, Verdict::CannotTell, "in the future: compare the clocks"),
        ("ok", &yesterday, Verdict::CannotTell, "were last evaluated"),
    ] {
        // The rules do not depend on the port.
        let yaml =
            |port: u16| format!("prometheus: [{{name: main, url: 'http://127.0.0.1:{port}', skip: [dashboards]}}]\n");
        let body = loaded_rules(&yaml(9), health, evaluated)?.to_string();
        let server = serve(None, move |_| {
            let body = body.clone();
            async move { response(200, "application/json", body) }
        })
        .await?;
        let (found, words) = &verdicts(&jobs(&yaml(server.port))?).await["rules"];
        assert_eq!(*found, verdict, "{health} {evaluated}: {words}");
        assert!(words.contains(part), "{health} {evaluated}: {words}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_prometheus_with_any_status_is_a_failure_with_its_text() -> anyhow::Result<()> {
    for (status, data, text) in [
        (200, json!({"groups": []}), "the store is \u{1b}[31mempty, Bearer abcdefghij"),
        (200, json!([]), "the store is empty"),
        (200, json!(null), ""),
        // As an agent says.
        (422, json!(null), "the store is unavailable with Prometheus Agent"),
    ] {
        let body = json!({"status": "error", "errorType": "internal", "error": text, "data": data}).to_string();
        let server = serve(None, move |_| {
            let body = body.clone();
            async move { response(status, "application/json", body) }
        })
        .await?;
        let jobs = jobs(&format!("prometheus: [{{name: main, url: 'http://127.0.0.1:{}'}}]\n", server.port))?;
        let all = verdicts(&jobs).await;
        for job in &jobs {
            let (id, reason) =
                (job.state().check.signal.id, job.state().failure.as_ref().map(|failure| failure.reason));
            let (verdict, words) = &all[id];
            assert_eq!((*verdict, reason), (Verdict::CannotTell, Some(Reason::Protocol)), "{id} {data}: {words}");
            let cleaned = if text.is_empty() { "internal" } else { "the store is " };
            assert!(words.contains("GET http://127.0.0.1") && words.contains(cleaned), "{id}: {words}");
            assert!(!words.contains('\u{1b}') && !words.contains("abcdefghij"), "{id}: {words}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn silences_whose_state_and_end_contradict_each_other_are_not_judged() -> anyhow::Result<()> {
    let at = |hours: i64| (Timestamp::now() + SignedDuration::from_hours(hours)).to_string();
    let zero = || "0001-01-01T00:00:00Z".to_owned();
    for (state, end, verdict, part) in [
        ("active", at(1), Verdict::Passed, ""),
        ("active", zero(), Verdict::CannotTell, "active and ended 0001-01-01T00:00:00Z"),
        ("active", at(-2), Verdict::CannotTell, "active and ended "),
        ("pending", zero(), Verdict::CannotTell, "pending and ended 0001-01-01T00:00:00Z"),
        ("expired", at(-2), Verdict::Passed, ""),
        ("expired", at(24 * 90), Verdict::CannotTell, "expired and ends "),
        ("", at(24 * 90), Verdict::CannotTell, "none of active, pending and expired"),
        ("active", "9999-12-01T00:00:00Z".to_owned(), Verdict::Warning, ""),
    ] {
        let silences =
            json!([{"endsAt": at(1), "status": {"state": "active"}}, {"endsAt": end, "status": {"state": state}}]);
        let silences = silences.to_string();
        let server = serve(None, move |request: hyper::Request<_>| {
            let body = if request.uri().path() == "/api/v2/silences" { silences.clone() } else { "[]".to_owned() };
            async move { response(200, "application/json", body) }
        })
        .await?;
        let yaml = format!("alertmanagers: [{{name: am, url: 'http://127.0.0.1:{}'}}]\n", server.port);
        let (found, words) = &verdicts(&jobs(&yaml)?).await["alerts"];
        assert_eq!(*found, verdict, "{state:?} {end}: {words}");
        assert!(words.contains(part), "{state:?} {end}: {words}");
    }
    Ok(())
}
