//! The signal `rules`: whether Prometheus has loaded the rules generated from this checklist.yaml, and whether rules
//! fail.

use crate::probe::{Failure, Probe};
use crate::sources::null::or_empty;
use checklist::config::Prometheus;
use checklist::self_metrics::RULES_INFO;
use checklist::signals::rules::{DEPLOYED, FAILING, MATCH};
use checklist::{Object, Reason, Samples};
use clients::http::fetch_json;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Maximum size of a response in bytes. Ten thousand rules have some megabytes.
const MAX_BODY: usize = clients::http::MOST;

/// The probe of the signal `rules`.
pub struct Rules {
    pub server: Prometheus,
    /// Names of the rule groups that are generated from checklist.yaml.
    pub rule_sets: Vec<String>,
    /// Fingerprint of the generated rules. The rule [`RULES_INFO`] carries it as a label.
    pub fingerprint: String,
}

#[derive(Deserialize)]
struct RulesResponse {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(deserialize_with = "or_empty")]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    #[serde(deserialize_with = "or_empty")]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    name: String,
    health: String,
    #[serde(default, deserialize_with = "or_empty")]
    labels: BTreeMap<String, String>,
}

impl Probe for Rules {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let response: RulesResponse = fetch_json(&self.server.endpoint, "/api/v1/rules", MAX_BODY).await?;
            let groups = response.data.groups;
            if self.rule_sets.is_empty() {
                return Err(Failure::new(Reason::Config, "checklist.yaml generates no rules"));
            }
            for rule_set in &self.rule_sets {
                let there = groups.iter().any(|group| group.name == *rule_set && !group.rules.is_empty());
                samples.set(&DEPLOYED, [rule_set], there);
            }
            let rules = || groups.iter().flat_map(|group| &group.rules);
            samples.saw(Object::Rule, rules().count());
            let known_by = |rule: &&Rule| rule.name == RULES_INFO.name;
            let mut fingerprints = rules().filter(known_by).filter_map(|rule| rule.labels.get("fingerprint"));
            samples.set(&MATCH, [], fingerprints.any(|fingerprint| *fingerprint == self.fingerprint));
            samples.set(&FAILING, [], rules().filter(|rule| rule.health == "err").count());
            let waiting = rules().filter(|rule| rule.health == "unknown").count();
            if waiting > 0 {
                samples.evidence.note(format!("{} not evaluated yet", Object::Rule.counted(waiting as u64)));
            }
            Ok(samples)
        }
        .boxed()
    }
}
