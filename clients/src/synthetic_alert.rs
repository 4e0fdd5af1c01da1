//! Sends a synthetic alert through Alertmanager to its receivers and waits for the proof that it was delivered.

mod alertmanager;

use alertmanager::{Counts, Routing};
use anyhow::{bail, ensure};
use checklist::Severity;
use checklist::config::{Alerting, Alertmanager};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// The prefix of every synthetic alert's name.
pub const NAME: &str = "ChecklistRoutingTest";

/// Returns whether this program's webhook received a firing alert with this name.
pub type Received<'a> = &'a (dyn Fn(&str) -> bool + Sync);

/// How a delivery is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// Alertmanager's counter of notifications that the integration of this name accepted.
    Counter(&'static str),
    /// This program's webhook received the alert.
    Webhook,
}

/// Returns the severities that have a receiver. A webhook of this program receives both severities.
///
/// # Errors
/// No severity has a receiver.
pub fn severities(alerting: &Alerting, has_webhook: bool) -> anyhow::Result<Vec<Severity>> {
    let mut severities = vec![Severity::Critical, Severity::Warning];
    severities.retain(|severity| has_webhook || !integrations(alerting, *severity).is_empty());
    ensure!(!severities.is_empty(), "no receiver is configured under alerting:");
    Ok(severities)
}

/// Sends an alert of a severity, waits for every proof of its delivery, and resolves the alert. Returns the seconds
/// until the delivery.
///
/// In any case Alertmanager must route the alert to receivers of the configured kinds, and must not suppress it.
///
/// # Errors
/// The reason why the alert was not delivered.
pub async fn deliver(
    server: &Alertmanager,
    alerting: &Alerting,
    severity: Severity,
    received: Option<Received<'_>>,
    within: Duration,
) -> anyhow::Result<f64> {
    let integrations = integrations(alerting, severity);
    let proofs = proofs(alerting, &integrations, received.is_some());
    if proofs.is_empty() {
        bail!("Alertmanager's webhook counter includes the heartbeat; use --webhook-listen to verify the webhook");
    }
    let before = alertmanager::counts(server).await?;
    // The name is unique, so that no earlier test's alert group delays the notification, and random, so that nobody can
    // guess it.
    let random = RandomState::new().build_hasher().finish();
    let name = format!("{NAME}{}{:08x}", Timestamp::now().as_millisecond(), random >> 32);
    let starts = Timestamp::now();
    alertmanager::send(server, &name, severity, (starts, starts + SignedDuration::from_mins(10))).await?;
    let expected = Expected { integrations, proofs, received, before };
    let outcome = expected.wait(server, &name, within).await;
    // Resolve the alert also when it was not delivered. Otherwise it could arrive later and wake someone.
    let resolved = alertmanager::send(server, &name, severity, (starts, Timestamp::now())).await;
    outcome.and_then(|seconds| resolved.map(|()| seconds))
}

/// Returns Alertmanager's names of the integrations that are notified of a severity, by the same rules by which
/// rules-gen writes the routes.
fn integrations(alerting: &Alerting, severity: Severity) -> Vec<&'static str> {
    let takes = |severities: &Vec<Severity>| severities.contains(&severity);
    let mut integrations = Vec::new();
    if alerting.email.as_ref().is_some_and(|email| takes(&email.severities)) {
        integrations.push("email");
    }
    if alerting.webhook.as_ref().is_some_and(|webhook| takes(&webhook.severities)) {
        integrations.push("webhook");
    }
    let (pagerduty, slack) = (alerting.pagerduty.is_some(), alerting.slack.is_some());
    match severity {
        Severity::Critical if pagerduty => integrations.push("pagerduty"),
        Severity::Warning if slack => integrations.push("slack"),
        // A single receiver takes all severities, unless another one takes the severity that it is not for.
        _ if integrations.is_empty() && pagerduty => integrations.push("pagerduty"),
        _ if integrations.is_empty() && slack => integrations.push("slack"),
        _ => {}
    }
    integrations
}

/// Returns the proofs to wait for. A webhook delivery is proved by the alert's name, because Alertmanager's counter of
/// webhooks includes the heartbeat, which is sent all the time.
fn proofs(alerting: &Alerting, integrations: &[&'static str], has_webhook: bool) -> Vec<Proof> {
    let is_counted = |kind: &&str| *kind != "webhook" || !(has_webhook || alerting.heartbeat.is_some());
    let counters = integrations.iter().copied().filter(is_counted).map(Proof::Counter);
    counters.chain(has_webhook.then_some(Proof::Webhook)).collect()
}

/// What must be seen before an alert counts as delivered.
struct Expected<'a> {
    integrations: Vec<&'static str>,
    proofs: Vec<Proof>,
    received: Option<Received<'a>>,
    /// Alertmanager's counters before the alert was sent.
    before: BTreeMap<String, Counts>,
}

impl Expected<'_> {
    /// Polls Alertmanager until every proof is there. Returns the seconds that it took.
    async fn wait(&self, server: &Alertmanager, name: &str, within: Duration) -> anyhow::Result<f64> {
        let begun = Instant::now();
        // The counters include all alerts. They prove nothing before Alertmanager shows that it has received this
        // alert.
        let mut routed = false;
        loop {
            if let Some(routing) = alertmanager::routing(server, name).await? {
                self.check_routing(&routing)?;
                routed = true;
            }
            let counts = alertmanager::counts(server).await?;
            if let Some(kind) = self.refused(&counts) {
                bail!("{kind} refused the notification; the log of Alertmanager has the response");
            }
            let missing: Vec<&Proof> =
                self.proofs.iter().filter(|proof| !self.is_there(proof, routed, &counts, name)).collect();
            if missing.is_empty() {
                let seconds = begun.elapsed().as_secs_f64();
                // Alertmanager counts a request shortly before it counts its failure, so the counter of failures is
                // read once more.
                tokio::time::sleep(Duration::from_millis(500)).await;
                if self.refused(&alertmanager::counts(server).await?).is_none() {
                    return Ok(seconds);
                }
                continue;
            }
            if begun.elapsed() > within {
                if !routed {
                    bail!("Alertmanager accepted the alert but did not list it within {within:?}");
                }
                let names = missing.into_iter().map(|proof| match proof {
                    Proof::Counter(kind) => kind,
                    Proof::Webhook => "the webhook of this command",
                });
                let names: Vec<&str> = names.collect();
                bail!("no notification was sent to {} within {within:?}; check the routes", names.join(" and "));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Fails when Alertmanager routes the alert to other receivers than expected, or suppresses it.
    fn check_routing(&self, Routing { kinds, receivers, suppressed }: &Routing) -> anyhow::Result<()> {
        if let Some(missing) = self.integrations.iter().find(|kind| !kinds.contains(**kind)) {
            bail!(
                "the alert is routed to {}, none of which has the integration {missing}; load the configuration that rules-gen generates",
                receivers.join(", ")
            );
        }
        if let Some(why) = suppressed {
            bail!("Alertmanager suppresses the alert: {why}");
        }
        Ok(())
    }

    /// Returns an integration whose counter of failed requests has risen.
    fn refused(&self, counts: &BTreeMap<String, Counts>) -> Option<&'static str> {
        let failed = |all: &BTreeMap<String, Counts>, kind: &str| all.get(kind).map_or(0.0, |counts| counts.failed);
        self.integrations.iter().copied().find(|kind| failed(counts, kind) > failed(&self.before, kind))
    }

    fn is_there(&self, proof: &Proof, routed: bool, counts: &BTreeMap<String, Counts>, name: &str) -> bool {
        let accepted = |all: &BTreeMap<String, Counts>, kind: &str| all.get(kind).map_or(0.0, |counts| counts.accepted);
        match proof {
            Proof::Counter(kind) => routed && accepted(counts, kind) > accepted(&self.before, kind),
            Proof::Webhook => self.received.is_some_and(|received| received(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use checklist::Config;

    fn integrations_of(alerting: &str) -> anyhow::Result<[Vec<&'static str>; 2]> {
        let yaml = format!("health: [{{name: a, url: 'http://a'}}]\nalerting: {alerting}\n");
        let config = Config::parse("checklist.yaml", &yaml)?;
        Ok([Severity::Critical, Severity::Warning].map(|severity| integrations(&config.alerting, severity)))
    }

    #[test]
    fn the_expected_receivers_match_the_routes_of_rules_gen() -> anyhow::Result<()> {
        let (pager, slack) = ("pagerduty: {routingKeyFile: /x}", "slack: {webhookUrlFile: /x}");
        let webhook = "webhook: {url: 'http://w', severities: [warning]}";
        assert_eq!(integrations_of(&format!("{{{pager}, {slack}}}"))?, [vec!["pagerduty"], vec!["slack"]]);
        assert_eq!(integrations_of(&format!("{{{pager}}}"))?, [vec!["pagerduty"], vec!["pagerduty"]]);
        assert_eq!(integrations_of(&format!("{{{slack}}}"))?, [vec!["slack"], vec!["slack"]]);
        assert_eq!(integrations_of(&format!("{{{pager}, {webhook}}}"))?, [vec!["pagerduty"], vec!["webhook"]]);
        assert_eq!(
            integrations_of(&format!("{{{pager}, {slack}, {webhook}}}"))?,
            [vec!["pagerduty"], vec!["webhook", "slack"]]
        );
        assert_eq!(integrations_of("{}")?, [Vec::<&str>::new(), Vec::new()]);
        Ok(())
    }
}
