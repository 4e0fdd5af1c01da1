//! `verify-alerts`: one synthetic alert of each severity goes through Alertmanager to its receivers.

mod alertmanager;
mod webhook;

use crate::records::{Act, Record, append};
use alertmanager::{Counts, Way};
use anyhow::{bail, ensure};
use checklist::Severity;
use checklist::config::{Alerting, RecordPlace, Server};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};
pub use webhook::Webhook;

/// What every synthetic alert's name begins with.
pub const NAME: &str = "ChecklistRoutingTest";

/// How a delivery is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Witness {
    /// Alertmanager's count of what an integration accepted.
    Counter(&'static str),
    /// Our own webhook was told the alert's name.
    Webhook,
}

/// Sends an alert of each severity, waits until every witness has seen it, resolves it, and records every result.
///
/// Whatever proves it, the alert's own receivers must be of the configured kinds, and nothing may hold it back.
pub async fn verify(
    server: &Server,
    alerting: &Alerting,
    webhook: Option<&Webhook>,
    place: &RecordPlace,
    within: Duration,
    by: &str,
) -> anyhow::Result<Vec<(Severity, anyhow::Result<f64>)>> {
    let mut results = Vec::new();
    for severity in [Severity::Critical, Severity::Warning] {
        let told = told(alerting, severity);
        if told.is_empty() && webhook.is_none() {
            continue;
        }
        let witnesses = witnesses(alerting, &told, webhook.is_some());
        let result = deliver(server, severity, &told, &witnesses, webhook, within).await;
        let act = Act::Routed {
            alertmanager: server.name.clone(),
            level: severity.as_str().to_owned(),
            passed: result.is_ok(),
            why: result.as_ref().err().map(|error| format!("{error:#}")),
            seconds: result.as_ref().ok().copied(),
        };
        append(place, &Record { at: Timestamp::now(), by: by.to_owned(), act }).await?;
        results.push((severity, result));
    }
    ensure!(!results.is_empty(), "no receiver is configured under alerting:");
    Ok(results)
}

/// Alertmanager's names for the kinds of receivers that are told of a severity, as rules-gen routes it.
fn told(alerting: &Alerting, severity: Severity) -> Vec<&'static str> {
    let takes = |severities: &Vec<Severity>| severities.contains(&severity);
    let mut told = Vec::new();
    if alerting.email.as_ref().is_some_and(|email| takes(&email.severities)) {
        told.push("email");
    }
    if alerting.webhook.as_ref().is_some_and(|webhook| takes(&webhook.severities)) {
        told.push("webhook");
    }
    let (pagerduty, slack) = (alerting.pagerduty.is_some(), alerting.slack.is_some());
    match severity {
        Severity::Critical if pagerduty => told.push("pagerduty"),
        Severity::Warning if slack => told.push("slack"),
        // One alone is told everything, unless another one takes what it is not for.
        _ if told.is_empty() && pagerduty => told.push("pagerduty"),
        _ if told.is_empty() && slack => told.push("slack"),
        _ => {}
    }
    told
}

/// The webhook proves itself by name; the count of webhooks would include the heartbeat, which is sent all the time.
fn witnesses(alerting: &Alerting, told: &[&'static str], webhook: bool) -> Vec<Witness> {
    let counted = |kind: &&str| *kind != "webhook" || !(webhook || alerting.heartbeat.is_some());
    let counters = told.iter().copied().filter(counted).map(Witness::Counter);
    counters.chain(webhook.then_some(Witness::Webhook)).collect()
}

async fn deliver(
    server: &Server,
    severity: Severity,
    told: &[&'static str],
    witnesses: &[Witness],
    webhook: Option<&Webhook>,
    within: Duration,
) -> anyhow::Result<f64> {
    if witnesses.is_empty() {
        bail!("the count of webhooks includes the heartbeat: prove it with --webhook-listen");
    }
    let before = alertmanager::counts(server).await?;
    // A name of its own, so that no group of a test before holds it back, and one that nobody can guess.
    let chance = RandomState::new().build_hasher().finish();
    let name = format!("{NAME}{}{:08x}", Timestamp::now().as_millisecond(), chance >> 32);
    let ends = Timestamp::now() + SignedDuration::from_mins(10);
    alertmanager::send(server, &name, severity, ends).await?;
    let outcome = watch(server, &name, told, witnesses, webhook, &before, within).await;
    // Resolved also when it did not arrive, or it would arrive later and wake someone.
    let resolved = alertmanager::send(server, &name, severity, Timestamp::now()).await;
    outcome.and_then(|took| resolved.map(|()| took))
}

/// Waits until all have seen it.
async fn watch(
    server: &Server,
    name: &str,
    told: &[&'static str],
    witnesses: &[Witness],
    webhook: Option<&Webhook>,
    before: &BTreeMap<String, Counts>,
    within: Duration,
) -> anyhow::Result<f64> {
    let begun = Instant::now();
    // A counter counts everybody's alerts: it proves nothing before Alertmanager has shown that it has this one.
    let mut routed = false;
    let of = |counts: &BTreeMap<String, Counts>, kind: &str| counts.get(kind).copied().unwrap_or_default();
    loop {
        if let Some(Way { kinds, receivers, held_back }) = alertmanager::way(server, name).await? {
            if let Some(missing) = told.iter().find(|kind| !kinds.contains(**kind)) {
                bail!(
                    "the alert is routed to {}, and none of them is {missing}: load what rules-gen generates",
                    receivers.join(", ")
                );
            }
            if let Some(why) = held_back {
                bail!("Alertmanager holds the alert back: {why}");
            }
            routed = true;
        }
        let counts = alertmanager::counts(server).await?;
        let refused = told.iter().find(|kind| of(&counts, kind).failed > of(before, kind).failed);
        if let Some(kind) = refused {
            bail!("{kind} refused the notification; Alertmanager's log has its answer");
        }
        let seen = |witness: &Witness| match witness {
            Witness::Counter(kind) => routed && of(&counts, kind).accepted > of(before, kind).accepted,
            Witness::Webhook => webhook.is_some_and(|webhook| webhook.was_told(name)),
        };
        let waited_for: Vec<&Witness> = witnesses.iter().filter(|witness| !seen(witness)).collect();
        if waited_for.is_empty() {
            let took = begun.elapsed().as_secs_f64();
            // A request is counted a moment before its failure is: looked at twice, it was delivered.
            tokio::time::sleep(Duration::from_millis(500)).await;
            let counts = alertmanager::counts(server).await?;
            if told.iter().all(|kind| of(&counts, kind).failed <= of(before, kind).failed) {
                return Ok(took);
            }
            continue;
        }
        if begun.elapsed() > within {
            if !routed {
                bail!("Alertmanager took the alert and never showed it among its alerts within {within:?}");
            }
            let names: Vec<&str> = waited_for
                .into_iter()
                .map(|witness| match witness {
                    Witness::Counter(kind) => kind,
                    Witness::Webhook => "the webhook of this command",
                })
                .collect();
            bail!("nothing went to {} within {within:?}: is the route right?", names.join(" and "));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use checklist::Config;

    fn told_of(alerting: &str) -> anyhow::Result<[Vec<&'static str>; 2]> {
        let yaml = format!("health: [{{name: a, url: 'http://a'}}]\nalerting: {alerting}\n");
        let config = Config::parse("checklist.yaml", &yaml)?;
        Ok([Severity::Critical, Severity::Warning].map(|severity| told(&config.alerting, severity)))
    }

    #[test]
    fn who_is_told_is_who_rules_gen_routes_to() -> anyhow::Result<()> {
        let (pager, slack) = ("pagerduty: {routingKeyFile: /x}", "slack: {webhookUrlFile: /x}");
        let webhook = "webhook: {url: 'http://w', severities: [warning]}";
        assert_eq!(told_of(&format!("{{{pager}, {slack}}}"))?, [vec!["pagerduty"], vec!["slack"]]);
        assert_eq!(told_of(&format!("{{{pager}}}"))?, [vec!["pagerduty"], vec!["pagerduty"]]);
        assert_eq!(told_of(&format!("{{{slack}}}"))?, [vec!["slack"], vec!["slack"]]);
        assert_eq!(told_of(&format!("{{{pager}, {webhook}}}"))?, [vec!["pagerduty"], vec!["webhook"]]);
        assert_eq!(
            told_of(&format!("{{{pager}, {slack}, {webhook}}}"))?,
            [vec!["pagerduty"], vec!["webhook", "slack"]]
        );
        assert_eq!(told_of("{}")?, [Vec::<&str>::new(), Vec::new()]);
        Ok(())
    }
}
