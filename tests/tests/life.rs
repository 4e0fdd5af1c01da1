//! The benchmark of ordinary operation, in the size for which there is time in a test: the small shop with one seed.

use anyhow::Context;
use checklist::Config;
use rules_gen::routing::Configuration;
use serde_json::{Value, json};
use stack::http::{json as get_json, request};
use stack::life::board::Labels;
use stack::life::evaluate::Firing;
use stack::life::score::score;
use stack::life::shop::{Kind, Shop};
use stack::monitoring::Alertmanager;
use stack::waiting::passes;
use std::collections::{BTreeMap, BTreeSet};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn in_a_simulated_month_no_critical_alert_is_false_and_every_incident_alerts() -> anyhow::Result<()> {
    let shop = Shop::new(Kind::Small, 1);
    let result = score(&shop, None).await?;
    let ours = result.first().context("nothing was judged")?;
    let outcome = &ours.outcome;
    println!("{}\n{outcome}", outcome.row());
    assert_eq!(outcome.false_pages, Vec::<String>::new());
    assert_eq!(outcome.missed(), Vec::<&str>::new());
    assert!(outcome.incidents.len() >= 30, "{}", outcome.incidents.len());
    // An incident that needs a page got one.
    let unpaged = outcome.incidents.iter().filter(|incident| incident.wants_page && incident.pages == 0);
    assert_eq!(unpaged.map(|incident| incident.what.as_str()).collect::<Vec<_>>(), Vec::<&str>::new());
    assert_eq!(outcome.false_messages, Vec::<String>::new());
    holds_back_what_alertmanager_does(&shop, &ours.firing).await
}

/// Sends the twenty moments of the month with the most alerts to a real Alertmanager. It must inhibit the same alerts
/// and choose the same receivers.
async fn holds_back_what_alertmanager_does(shop: &Shop, firing: &[Firing]) -> anyhow::Result<()> {
    let config =
        Config::parse("checklist.yaml", &shop.checklist()).map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
    let outputs = rules_gen::outputs::generate(&config, "checklist.yaml")?;
    let text = &outputs.iter().find(|output| output.path.ends_with("alertmanager.yaml")).context("no routes")?.content;
    let routes = Configuration::parse(text)?;
    let changes: BTreeSet<usize> = firing.iter().map(|one| one.begin).collect();
    let at = |minute: usize| -> BTreeSet<Labels> {
        let now = firing.iter().filter(|one| one.begin <= minute && minute < one.end);
        now.map(|one| one.labels.clone()).collect()
    };
    let mut moments: Vec<BTreeSet<Labels>> = changes.into_iter().map(at).collect::<BTreeSet<_>>().into_iter().collect();
    moments.sort_by_key(|alerts| std::cmp::Reverse(alerts.len()));
    moments.truncate(20);
    assert!(moments.len() == 20 && moments.iter().any(|alerts| alerts.len() > 3), "{}", moments.len());
    let mut held_back = 0;
    for alerts in moments {
        let alerts: Vec<Labels> = alerts.into_iter().collect();
        let ours: BTreeMap<Labels, (bool, BTreeSet<String>)> = alerts
            .iter()
            .map(|alert| {
                let receivers = routes.routes(alert).into_iter().map(|route| route.receiver.clone()).collect();
                (alert.clone(), (routes.inhibited(alert, &alerts).is_some(), receivers))
            })
            .collect();
        held_back += ours.values().filter(|(held, _)| *held).count();
        let folder = TempDir::new()?;
        let file = folder.path().join("alertmanager.yaml");
        std::fs::write(&file, text)?;
        let server = Alertmanager::start(stack::process::free_port()?, &file, folder.path()).await?;
        let url = format!("http://127.0.0.1:{}/api/v2/alerts", server.port);
        let body: Vec<Value> = alerts.iter().map(|labels| json!({"labels": labels})).collect();
        let headers = [("content-type", "application/json")];
        let (status, response) = request(&url, Some(&Value::from(body).to_string()), &headers).await?;
        anyhow::ensure!(status == 200, "{}", String::from_utf8_lossy(&response));
        // Alertmanager processes alerts and inhibitions one after the other.
        passes(|| async {
            let theirs = state(&get_json(&url).await?);
            anyhow::ensure!(theirs == ours, "Alertmanager: {theirs:#?}\nhere: {ours:#?}");
            Ok(())
        })
        .await?;
    }
    assert!(held_back > 0, "nothing was held back at any of them");
    Ok(())
}

/// Returns for each alert whether Alertmanager inhibits it, and its receivers.
fn state(response: &Value) -> BTreeMap<Labels, (bool, BTreeSet<String>)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |alert: &Value| {
        let labels = alert["labels"].as_object().into_iter().flatten();
        let labels = labels.map(|(name, value)| (name.clone(), text(value))).collect();
        let receivers = alert["receivers"].as_array().into_iter().flatten().map(|one| text(&one["name"])).collect();
        (labels, (alert["status"]["state"] == "suppressed", receivers))
    };
    response.as_array().into_iter().flatten().map(one).collect()
}
