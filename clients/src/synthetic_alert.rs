//! One synthetic alert goes through Alertmanager to its receivers, and what proves that it arrived.

mod alertmanager;

use alertmanager::{Counts, Routing};
use anyhow::{bail, ensure};
use checklist::Severity;
use checklist::config::{Alerting, Alertmanager};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// What every synthetic alert's name begins with.
pub const NAME: &str = "ChecklistRoutingTest";

/// Whether our own webhook received a firing alert of a name.
pub type Received<'a> = &'a (dyn Fn(&str) -> bool + Sync);

/// What proves a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// Alertmanager's count of what an integration accepted.
    Counter(&'static str),
    /// Our own webhook received the alert's name.
    Webhook,
}

/// The severities that have a receiver; a webhook of our own receives both.
///
/// # Errors
/// When nobody would be notified of anything.
pub fn severities(alerting: &Alerting, has_webhook: bool) -> anyhow::Result<Vec<Severity>> {
    let mut severities = vec![Severity::Critical, Severity::Warning];
    severities.retain(|severity| has_webhook || !integrations(alerting, *severity).is_empty());
    ensure!(!severities.is_empty(), "no receiver is configured under alerting:");
    Ok(severities)
}

/// Sends an alert of a severity, waits until every proof of its delivery is there, and resolves it. Gives the seconds
/// that it took.
///
/// Whatever proves it, the alert's own receivers must be of the configured kinds, and nothing may hold it back.
///
/// # Errors
/// Why it did not arrive, in words for people.
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
        bail!("the count of webhooks includes the heartbeat: prove it with --webhook-listen");
    }
    let before = alertmanager::counts(server).await?;
    // A name of its own, so that no group of an earlier test holds it back, and one that nobody can guess.
    let random = RandomState::new().build_hasher().finish();
    let name = format!("{NAME}{}{:08x}", Timestamp::now().as_millisecond(), random >> 32);
    let starts = Timestamp::now();
    alertmanager::send(server, &name, severity, (starts, starts + SignedDuration::from_mins(10))).await?;
    let expected = Expected { integrations, proofs, received, before };
    let outcome = expected.wait(server, &name, within).await;
    // Resolved also when it did not arrive, or it would arrive later and wake someone.
    let resolved = alertmanager::send(server, &name, severity, (starts, Timestamp::now())).await;
    outcome.and_then(|seconds| resolved.map(|()| seconds))
}

/// Alertmanager's names for the kinds of receivers that are notified of a severity, as rules-gen routes it.
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
        // A single receiver takes everything, unless another one takes what it is not for.
        _ if integrations.is_empty() && pagerduty => integrations.push("pagerduty"),
        _ if integrations.is_empty() && slack => integrations.push("slack"),
        _ => {}
    }
    integrations
}

/// Our webhook proves a delivery by the alert's name. Alertmanager's count of webhooks would include the heartbeat, which
/// is sent all the time.
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
    /// Alertmanager's counts before the alert was sent.
    before: BTreeMap<String, Counts>,
}

impl Expected<'_> {
    /// Waits until everything was seen.
    async fn wait(&self, server: &Alertmanager, name: &str, within: Duration) -> anyhow::Result<f64> {
        let begun = Instant::now();
        // A counter counts everybody's alerts: it proves nothing before Alertmanager has shown that it has this one.
        let mut routed = false;
        loop {
            if let Some(routing) = alertmanager::routing(server, name).await? {
                self.check_routing(&routing)?;
                routed = true;
            }
            let counts = alertmanager::counts(server).await?;
            if let Some(kind) = self.refused(&counts) {
                bail!("{kind} refused the notification; Alertmanager's log has its answer");
            }
            let missing: Vec<&Proof> =
                self.proofs.iter().filter(|proof| !self.is_there(proof, routed, &counts, name)).collect();
            if missing.is_empty() {
                let seconds = begun.elapsed().as_secs_f64();
                // A request is counted a moment before its failure is, so the failures are read once more.
                tokio::time::sleep(Duration::from_millis(500)).await;
                if self.refused(&alertmanager::counts(server).await?).is_none() {
                    return Ok(seconds);
                }
                continue;
            }
            if begun.elapsed() > within {
                if !routed {
                    bail!("Alertmanager took the alert and never showed it among its alerts within {within:?}");
                }
                let names = missing.into_iter().map(|proof| match proof {
                    Proof::Counter(kind) => kind,
                    Proof::Webhook => "the webhook of this command",
                });
                let names: Vec<&str> = names.collect();
                bail!("nothing went to {} within {within:?}: is the route right?", names.join(" and "));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn check_routing(&self, Routing { kinds, receivers, suppressed }: &Routing) -> anyhow::Result<()> {
        if let Some(missing) = self.integrations.iter().find(|kind| !kinds.contains(**kind)) {
            bail!(
                "the alert is routed to {}, and none of them is {missing}: load what rules-gen generates",
                receivers.join(", ")
            );
        }
        if let Some(why) = suppressed {
            bail!("Alertmanager holds the alert back: {why}");
        }
        Ok(())
    }

    /// An integration with more failed requests than before.
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
    fn the_receivers_are_those_that_rules_gen_routes_to() -> anyhow::Result<()> {
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
