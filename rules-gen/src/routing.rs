//! Computes offline which receivers Alertmanager notifies of an alert, and which alerts inhibit it.

mod global;
mod integration_rules;
mod integrations;
mod matcher;
mod refused;
mod times;

pub use matcher::{Matcher, Operator};

use crate::server::Labels;
use crate::server_files::schema::Refusal;
use anyhow::{Context, bail, ensure};
use checklist::yaml;
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};

/// The largest depth of the route tree. Routes are visited by recursion, so deeper trees are refused.
const MAX_DEPTH: usize = 100;

/// The parts of an Alertmanager configuration that routing needs.
#[derive(Debug, Clone)]
pub struct Configuration {
    pub route: Route,
    /// The receivers, in the order of the file.
    pub receivers: Vec<Receiver>,
    pub inhibit_rules: Vec<InhibitRule>,
    /// Parts of the configuration that have no effect here, one sentence each.
    pub notes: Vec<String>,
}

/// A route in the tree. Settings that it lacks are inherited from its parent.
#[derive(Debug, Clone)]
pub struct Route {
    pub receiver: String,
    /// The labels by which alerts are grouped. `...` means all labels.
    pub group_by: Vec<String>,
    /// The matchers, which must all match.
    pub matchers: Vec<Matcher>,
    /// Whether the routes after it are tried too (`continue`).
    pub continues: bool,
    /// The child routes.
    pub routes: Vec<Route>,
}

/// A receiver and the kinds of its integrations, such as `slack` and `pagerduty`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    pub name: String,
    /// The integrations in alphabetical order. A receiver without any notifies nobody.
    pub integrations: Vec<String>,
}

/// An inhibition rule. It inhibits a target alert while a source alert fires.
#[derive(Debug, Clone)]
pub struct InhibitRule {
    /// The matchers of the source alerts, which must all match.
    pub source: Vec<Matcher>,
    /// The matchers of the inhibited alerts.
    pub target: Vec<Matcher>,
    /// Labels whose values must be equal on source and target. A missing label equals another missing label.
    pub equal: Vec<String>,
}

/// The keys of the configuration that routing needs, as they are in the file.
#[derive(Deserialize)]
struct RawConfiguration {
    route: Option<RawRoute>,
    #[serde(default, deserialize_with = "given")]
    receivers: Vec<BTreeMap<String, serde_json::Value>>,
    #[serde(default, deserialize_with = "given")]
    inhibit_rules: Vec<Option<RawInhibitRule>>,
}

#[derive(Deserialize)]
struct RawRoute {
    receiver: Option<String>,
    group_by: Option<Vec<String>>,
    #[serde(default, rename = "match", deserialize_with = "given")]
    equals: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "given")]
    match_re: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "texts")]
    matchers: Vec<String>,
    #[serde(default, rename = "continue", deserialize_with = "given")]
    continues: bool,
    #[serde(default, deserialize_with = "given")]
    routes: Vec<RawRoute>,
    #[serde(default, deserialize_with = "texts")]
    mute_time_intervals: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    active_time_intervals: Vec<String>,
}

#[derive(Deserialize)]
struct RawInhibitRule {
    #[serde(default, deserialize_with = "given")]
    source_match: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "given")]
    source_match_re: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "texts")]
    source_matchers: Vec<String>,
    #[serde(default, deserialize_with = "given")]
    target_match: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "given")]
    target_match_re: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "texts")]
    target_matchers: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    equal: Vec<String>,
}

/// Removes null values, which Alertmanager treats as absent.
fn given<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// Reads a list of texts and skips nulls.
fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let all: Vec<Option<String>> = given(from)?;
    Ok(all.into_iter().flatten().collect())
}

impl Configuration {
    /// Whether any receiver has an integration. If none has, Alertmanager notifies nobody.
    pub fn has_integrations(&self) -> bool {
        self.receivers.iter().any(|receiver| !receiver.integrations.is_empty())
    }

    /// Parses an Alertmanager configuration. What Alertmanager refuses about routes and inhibition is an error.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let whole: serde_json::Value = yaml::parse(text)?;
        if let Some(refusal) = refused::check(&whole).first() {
            bail!("{}", refused::named(refusal, &whole));
        }
        let raw: RawConfiguration = yaml::parse(text)?;
        let receivers = raw.receivers.iter().map(receiver).collect::<anyhow::Result<Vec<_>>>()?;
        let mut names = BTreeSet::new();
        for receiver in &receivers {
            ensure!(names.insert(receiver.name.as_str()), "the receiver {:?} is defined twice", receiver.name);
        }
        let root = raw.route.context("the key route is missing")?;
        ensure!(root.receiver.is_some(), "the root route has no receiver");
        let blank = root.matchers.iter().all(|text| text.trim().is_empty());
        let has_matchers = !(root.equals.is_empty() && root.match_re.is_empty() && blank);
        ensure!(!has_matchers, "the root route has matchers, but it must match every alert");
        let mut notes = BTreeSet::new();
        let nobody = Route {
            receiver: String::new(),
            group_by: Vec::new(),
            matchers: Vec::new(),
            continues: false,
            routes: Vec::new(),
        };
        let route = route(root, &nobody, &names, "route", 0, &mut notes)?;
        ensure!(!route.continues, "the root route has continue: true");
        let rule =
            |(at, raw): (usize, &RawInhibitRule)| inhibit_rule(raw).with_context(|| format!("inhibit_rules[{at}]"));
        let numbered = raw.inhibit_rules.iter().enumerate();
        // Alertmanager skips an entry that is null.
        let given = numbered.filter_map(|(at, raw)| Some((at, raw.as_ref()?)));
        let inhibit_rules = given.map(rule).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self { route, receivers, inhibit_rules, notes: notes.into_iter().collect() })
    }

    /// Returns everything that Alertmanager refuses, with its place in the file. Empty when the text is not YAML.
    pub fn refusals(text: &str) -> Vec<Refusal> {
        yaml::parse(text).map(|whole| refused::check(&whole)).unwrap_or_default()
    }

    /// Returns the receivers of an alert, one for each matching route, in the order of Alertmanager. A receiver of two
    /// matching routes occurs twice, because it is notified twice.
    pub fn receivers(&self, labels: &Labels) -> Vec<&Receiver> {
        let named = |route: &Route| self.receivers.iter().find(|receiver| receiver.name == route.receiver);
        self.route.taken_by(labels).into_iter().filter_map(named).collect()
    }

    /// Returns the routes that match an alert.
    pub fn routes(&self, labels: &Labels) -> Vec<&Route> {
        self.route.taken_by(labels)
    }

    /// Returns the inhibition rule and the firing alert that inhibit this alert, if any. `others` may contain the alert
    /// itself.
    pub fn inhibited<'a>(&'a self, labels: &Labels, others: &'a [Labels]) -> Option<(&'a InhibitRule, &'a Labels)> {
        let inhibiting = |rule: &'a InhibitRule| rule.inhibited_by(labels, others).map(|source| (rule, source));
        self.inhibit_rules.iter().find_map(inhibiting)
    }
}

impl Route {
    fn taken_by(&self, labels: &Labels) -> Vec<&Self> {
        if !self.matchers.iter().all(|matcher| matcher.matches(labels)) {
            return Vec::new();
        }
        let mut all = Vec::new();
        for child in &self.routes {
            let taken = child.taken_by(labels);
            let found = !taken.is_empty();
            all.extend(taken);
            if found && !child.continues {
                break;
            }
        }
        if all.is_empty() {
            all.push(self);
        }
        all
    }

    /// Returns the route and all routes below it, parents first.
    pub fn all(&self) -> Vec<&Self> {
        std::iter::once(self).chain(self.routes.iter().flat_map(Self::all)).collect()
    }
}

impl InhibitRule {
    /// Returns the first alert that inhibits this one. As in Alertmanager, an alert that matches both sides of the rule
    /// is not inhibited by another one that does, so that alerts do not inhibit each other.
    pub fn inhibited_by<'a>(&self, labels: &Labels, others: &'a [Labels]) -> Option<&'a Labels> {
        let all = |matchers: &[Matcher], of: &Labels| matchers.iter().all(|matcher| matcher.matches(of));
        if !all(&self.target, labels) {
            return None;
        }
        let on_both_sides = all(&self.source, labels);
        others.iter().find(|other| {
            all(&self.source, other)
                && self.equal.iter().all(|name| value(other, name) == value(labels, name))
                && !(on_both_sides && all(&self.target, other))
        })
    }
}

/// Returns the value of a label. A missing label is empty.
fn value<'a>(labels: &'a Labels, name: &str) -> &'a str {
    labels.get(name).map_or("", String::as_str)
}

fn receiver(raw: &BTreeMap<String, serde_json::Value>) -> anyhow::Result<Receiver> {
    let name = raw.get("name").and_then(|name| name.as_str()).unwrap_or_default();
    ensure!(!name.is_empty(), "a receiver has no name");
    let used = |value: &serde_json::Value| value.as_array().is_some_and(|list| !list.is_empty());
    let integrations = raw.iter().filter(|(_, value)| used(value)).filter_map(|(key, _)| key.strip_suffix("_configs"));
    Ok(Receiver { name: name.to_owned(), integrations: integrations.map(ToOwned::to_owned).collect() })
}

fn route(
    raw: RawRoute,
    parent: &Route,
    receivers: &BTreeSet<&str>,
    place: &str,
    depth: usize,
    notes: &mut BTreeSet<String>,
) -> anyhow::Result<Route> {
    ensure!(depth < MAX_DEPTH, "the routes are nested more than {MAX_DEPTH} deep");
    for (key, intervals) in
        [("mute_time_intervals", &raw.mute_time_intervals), ("active_time_intervals", &raw.active_time_intervals)]
    {
        if !intervals.is_empty() {
            notes.insert(format!(
                "{place} has {key} ({}), which this test does not take into account",
                intervals.join(", ")
            ));
        }
    }
    let receiver = raw.receiver.unwrap_or_else(|| parent.receiver.clone());
    if !receivers.contains(receiver.as_str()) {
        bail!("{place}: the receiver {receiver:?} is not defined");
    }
    let matchers = matcher::all(&raw.equals, &raw.match_re, &raw.matchers).with_context(|| place.to_owned())?;
    let mut own = Route {
        receiver,
        group_by: raw.group_by.unwrap_or_else(|| parent.group_by.clone()),
        matchers,
        continues: raw.continues,
        routes: Vec::new(),
    };
    for (at, child) in raw.routes.into_iter().enumerate() {
        let child = route(child, &own, receivers, &format!("{place}.routes[{at}]"), depth + 1, notes)?;
        own.routes.push(child);
    }
    Ok(own)
}

fn inhibit_rule(raw: &RawInhibitRule) -> anyhow::Result<InhibitRule> {
    let source = matcher::all(&raw.source_match, &raw.source_match_re, &raw.source_matchers).context("source")?;
    let target = matcher::all(&raw.target_match, &raw.target_match_re, &raw.target_matchers).context("target")?;
    Ok(InhibitRule { source, target, equal: raw.equal.clone() })
}
