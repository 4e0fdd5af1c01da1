//! Rules that a Prometheus has loaded and does not evaluate.

use crate::verdicts;
use checklist::Verdict;
use stack::checks::jobs;
use stack::http::{response, serve};
use stack::monitoring::loaded_rules;

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_are_loaded_and_were_not_evaluated_lately_have_no_verdict() -> anyhow::Result<()> {
    let now = jiff::Timestamp::now();
    let tomorrow = (now + jiff::SignedDuration::from_hours(24)).to_string();
    let yesterday = (now - jiff::SignedDuration::from_hours(24)).to_string();
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
