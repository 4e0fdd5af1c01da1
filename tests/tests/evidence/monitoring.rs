//! Rules that a Prometheus has loaded and does not evaluate.

use crate::verdicts;
use anyhow::Context;
use checklist::Verdict;
use serde_json::{Value, json};
use stack::checks::jobs;
use stack::http::{response, serve};

/// Returns the response of a Prometheus that has loaded the generated rules, each of them with this health.
fn rules(yaml: &str, health: &str, evaluated: &str) -> anyhow::Result<Value> {
    let files = rules_gen::outputs::generate(&checklist::Config::parse("checklist.yaml", yaml)?, "checklist.yaml")?;
    let file = files.iter().find(|file| file.path.ends_with("rules/checklist.yaml")).context("there are rules")?;
    let mut loaded: Value = serde_yaml::from_str(&file.content)?;
    for group in loaded["groups"].as_array_mut().context("groups")? {
        (group["interval"], group["lastEvaluation"]) = (json!(60), json!(evaluated));
        for rule in group["rules"].as_array_mut().context("rules")? {
            let name = rule.get("alert").or_else(|| rule.get("record")).cloned();
            (rule["name"], rule["health"]) = (name.context("a name")?, json!(health));
        }
    }
    Ok(json!({"status": "success", "data": loaded}))
}

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
        let body = rules(&yaml(9), health, evaluated)?.to_string();
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
