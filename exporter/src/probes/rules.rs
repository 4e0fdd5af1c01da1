//! The signal `rules`: whether Prometheus has loaded the rules generated from this checklist.yaml, and whether rules
//! fail.

use crate::probe::{Failure, Probe};
use crate::run::time::unix_now;
use crate::sources::null::or_empty;
use crate::sources::prometheus::{ask, shortened};
use checklist::config::Prometheus;
use checklist::self_metrics::RULES_INFO;
use checklist::signals::rules::{DEPLOYED, FAILING, MATCH};
use checklist::{Object, Reason, Samples, Unit};
use clients::AHEAD;
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
struct Data {
    #[serde(deserialize_with = "or_empty")]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    /// Seconds between two evaluations.
    #[serde(default)]
    interval: f64,
    /// When the group was evaluated for the last time: the zero time of Go before the first evaluation.
    last_evaluation: Option<jiff::Timestamp>,
    #[serde(deserialize_with = "or_empty")]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    name: String,
    health: String,
    /// Why the last evaluation failed.
    #[serde(default, deserialize_with = "or_empty")]
    last_error: String,
    #[serde(default, deserialize_with = "or_empty")]
    labels: BTreeMap<String, String>,
}

impl Group {
    /// Whether no rule of the group was evaluated yet, as for a moment after the start of the server.
    fn is_waiting(&self) -> bool {
        !self.rules.is_empty() && self.rules.iter().all(|rule| rule.health == "unknown")
    }

    /// Returns the seconds by which the last evaluation is in the future, beyond what clocks may differ.
    fn ahead(&self, now: f64) -> Option<f64> {
        let ahead = self.last_evaluation?.as_duration().as_secs_f64() - now;
        (ahead > AHEAD.as_secs_f64()).then_some(ahead)
    }

    /// Returns the seconds since the last evaluation, if several were missed since.
    fn overdue(&self, now: f64) -> Option<f64> {
        let last = self.last_evaluation?.as_duration().as_secs_f64();
        let since = now - last;
        (last > 0.0 && since > (3.0 * self.interval).max(2.0 * AHEAD.as_secs_f64())).then_some(since)
    }
}

impl Probe for Rules {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let answer = ask::<Data>(&self.server.endpoint, "/api/v1/rules", MAX_BODY).await?;
            let (groups, is_whole) = (answer.data.groups, answer.partial.is_none());
            if let Some(partial) = answer.partial {
                samples.missed(Object::Rule, Reason::Protocol, partial);
            }
            if self.rule_sets.is_empty() {
                return Err(Failure::new(Reason::Config, "checklist.yaml generates no rules"));
            }
            for rule_set in &self.rule_sets {
                let there = groups.iter().any(|group| group.name == *rule_set && !group.rules.is_empty());
                // In what the server could not read may be the others.
                if there || is_whole {
                    samples.set(&DEPLOYED, [rule_set], there);
                }
            }
            let ours = || groups.iter().filter(|group| self.rule_sets.contains(&group.name));
            for (group, since) in ours().filter_map(|group| Some((group, group.overdue(unix_now())?))) {
                let (since, every) = (Unit::Seconds.human(since), Unit::Seconds.human(group.interval));
                let what =
                    format!("the rules {} were last evaluated {since} ago, and are due every {every}", group.name);
                samples.missed(Object::Rule, Reason::Timeout, what);
            }
            for (group, ahead) in ours().filter_map(|group| Some((group, group.ahead(unix_now())?))) {
                let ahead = Unit::Seconds.human(ahead);
                let what = format!(
                    "the last evaluation of the rules {} is {ahead} in the future: compare the clocks of Prometheus and of this machine",
                    group.name
                );
                samples.missed(Object::Rule, Reason::Decode, what);
            }
            if ours().next().is_some() && ours().all(Group::is_waiting) {
                let what = "no rule that checklist.yaml generates was evaluated yet: does this server evaluate rules?";
                samples.missed(Object::Rule, Reason::NotFound, what.to_owned());
            }
            let rules = || groups.iter().flat_map(|group| &group.rules);
            samples.saw(Object::Rule, rules().count());
            let there = ours().map(|group| group.rules.len()).sum();
            let difference = self.difference(rules().filter(|rule| rule.name == RULES_INFO.name), there);
            if difference.is_none() || is_whole {
                samples.set(&MATCH, [], difference.is_none());
            }
            if let Some(difference) = difference {
                samples.evidence.note(difference);
            }
            let mut failing = groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
            if let Some((group, rule)) = failing.find(|(_, rule)| rule.health == "err") {
                let why = shortened(&rule.last_error);
                samples.evidence.note(format!("the rule {} of the group {} fails: {why}", rule.name, group.name));
            }
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

impl Rules {
    /// Returns how the rules in the server differ from the generated ones. `known_by` are the rules that say from which
    /// checklist.yaml others were generated, and how many there are; `there` is the number of loaded ones. Two copies of
    /// one file give the same alerts, which is no difference.
    fn difference<'a>(&self, known_by: impl Iterator<Item = &'a Rule>, there: usize) -> Option<String> {
        let known_by: Vec<&Rule> = known_by.collect();
        let of = |rule: &Rule| rule.labels.get("fingerprint").is_some_and(|own| *own == self.fingerprint);
        if known_by.is_empty() {
            return Some("no loaded rule says from which checklist.yaml it was generated".to_owned());
        }
        let others = known_by.iter().filter(|rule| !of(rule)).count();
        if others > 0 {
            let and = if others < known_by.len() { "besides those of this one, " } else { "" };
            return Some(format!("{and}rules of another checklist.yaml or version are loaded"));
        }
        let expected =
            known_by.iter().map(|rule| rule.labels.get("rules")?.parse::<usize>().ok()).sum::<Option<usize>>();
        let expected = expected.filter(|expected| *expected != there)?;
        Some(format!("{there} rules are loaded in the generated groups, which have {expected}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_another_checklist_and_missing_rules_are_a_difference() -> Result<(), serde_json::Error> {
        let endpoint =
            checklist::config::Endpoint { url: "http://localhost:9090".to_owned(), bearer_token: None, ca_file: None };
        let server = Prometheus { name: "main".to_owned(), endpoint };
        let probe = Rules { server, rule_sets: Vec::new(), fingerprint: "a".to_owned() };
        let known_by = |all: &[(&str, &str)]| -> Result<Vec<Rule>, serde_json::Error> {
            let rule = |(fingerprint, rules): &(&str, &str)| {
                let labels = serde_json::json!({"fingerprint": fingerprint, "rules": rules});
                serde_json::from_value(serde_json::json!({"name": "n", "health": "ok", "labels": labels}))
            };
            all.iter().map(rule).collect()
        };
        for (all, there, difference) in [
            (&[("a", "53")][..], 53, None),
            (&[("a", "53"), ("a", "53")], 106, None),
            (&[("a", "53")], 51, Some("51 rules are loaded in the generated groups, which have 53")),
            (&[("a", "53"), ("b", "53")], 106, Some("besides those of this one, rules of another")),
            (&[("b", "53")], 53, Some("rules of another checklist.yaml or version are loaded")),
            (&[], 53, Some("no loaded rule says")),
        ] {
            let found = probe.difference(known_by(all)?.iter(), there);
            let same = match (&found, difference) {
                (Some(found), Some(difference)) => found.starts_with(difference),
                (found, difference) => found.is_none() && difference.is_none(),
            };
            assert!(same, "{all:?} with {there}: {found:?}");
        }
        Ok(())
    }

    #[test]
    fn rules_that_are_loaded_and_no_longer_evaluated_are_overdue() -> Result<(), serde_json::Error> {
        let now = 1_767_312_000.0;
        for (interval, last, overdue) in [
            ("60", "\"2026-01-01T23:59:30Z\"", None),
            ("60", "\"2026-01-01T23:00:00Z\"", Some(3600.0)),
            ("1800", "\"2026-01-01T23:00:00Z\"", None),
            // Not evaluated yet, and a server that says nothing.
            ("60", "\"0001-01-01T00:00:00Z\"", None),
            ("60", "null", None),
            ("60", "\"2026-01-02T00:04:00Z\"", None),
        ] {
            let text =
                format!("{{\"name\": \"a\", \"interval\": {interval}, \"lastEvaluation\": {last}, \"rules\": []}}");
            let group: Group = serde_json::from_str(&text)?;
            assert_eq!(group.overdue(now), overdue, "{text}");
            assert_eq!(group.ahead(now), None, "{text}");
        }
        let tomorrow = "{\"name\": \"a\", \"lastEvaluation\": \"2026-01-03T00:00:00Z\", \"rules\": []}";
        assert_eq!(serde_json::from_str::<Group>(tomorrow)?.ahead(now), Some(86_400.0));
        for (first, second, is_waiting) in
            [("unknown", "unknown", true), ("unknown", "ok", false), ("err", "unknown", false)]
        {
            let rule = |health: &str| format!("{{\"name\": \"r\", \"health\": \"{health}\"}}");
            let text = format!("{{\"name\": \"a\", \"rules\": [{}, {}]}}", rule(first), rule(second));
            assert_eq!(serde_json::from_str::<Group>(&text)?.is_waiting(), is_waiting, "{text}");
        }
        Ok(())
    }
}
