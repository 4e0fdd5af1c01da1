//! Alertmanager's routing and inhibition, computed offline: the receivers of an alert, and the alerts that inhibit it.

mod global;
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

/// Deeper trees of routes are refused, because they are walked by recursion.
const MAX_DEPTH: usize = 100;

/// The parts of Alertmanager's configuration that routing needs.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The root of the tree of routes.
    pub route: Route,
    /// The receivers, in order of the file.
    pub receivers: Vec<Receiver>,
    /// The inhibition rules.
    pub inhibit_rules: Vec<InhibitRule>,
    /// Parts of the configuration that are ignored here, a sentence each.
    pub notes: Vec<String>,
}

/// One node of the tree; settings that it lacks are those of its parent.
#[derive(Debug, Clone)]
pub struct Route {
    /// The receiver.
    pub receiver: String,
    /// The labels that alerts are grouped by; `...` for all.
    pub group_by: Vec<String>,
    /// All must hold.
    pub matchers: Vec<Matcher>,
    /// Whether the siblings after it are tried as well (`continue`).
    pub continues: bool,
    /// Its children.
    pub routes: Vec<Route>,
}

/// A receiver and the kinds of its integrations (`slack`, `pagerduty`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// Its name.
    pub name: String,
    /// Its integrations in alphabetical order; a receiver without any sends nothing.
    pub integrations: Vec<String>,
}

/// An inhibition rule: one firing alert of each source inhibits a target.
#[derive(Debug, Clone)]
pub struct InhibitRule {
    /// The sources; an alert of each must fire.
    pub sources: Vec<InhibitSource>,
    /// Matches the alerts that are inhibited.
    pub target: Vec<Matcher>,
}

/// One source of an inhibition rule.
#[derive(Debug, Clone)]
pub struct InhibitSource {
    /// All must hold.
    pub matchers: Vec<Matcher>,
    /// Labels that must be equal in source and target; two missing labels are equal.
    pub equal: Vec<String>,
}

#[derive(Deserialize)]
struct RawConfiguration {
    route: Option<RawRoute>,
    #[serde(default, deserialize_with = "given")]
    receivers: Vec<BTreeMap<String, serde_json::Value>>,
    #[serde(default, deserialize_with = "given")]
    inhibit_rules: Vec<RawInhibitRule>,
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
    #[serde(default, deserialize_with = "given")]
    sources: Vec<RawInhibitSource>,
}

#[derive(Deserialize)]
struct RawInhibitSource {
    #[serde(default, deserialize_with = "texts")]
    matchers: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    equal: Vec<String>,
}

/// What is null is not there.
fn given<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// A list of texts without those that are null.
fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let all: Vec<Option<String>> = given(from)?;
    Ok(all.into_iter().flatten().collect())
}

impl Configuration {
    /// Reads Alertmanager's configuration; refuses what Alertmanager refuses of routes and inhibition.
    ///
    /// # Errors
    /// With the place in words: which route, which rule.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let whole: serde_json::Value = yaml::parse(text)?;
        if let Some(refusal) = refused::check(&whole).first() {
            bail!("{}", refused::named(refusal, &whole));
        }
        let raw: RawConfiguration = yaml::parse(text)?;
        let receivers = raw.receivers.iter().map(receiver).collect::<anyhow::Result<Vec<_>>>()?;
        let mut names = BTreeSet::new();
        for receiver in &receivers {
            ensure!(names.insert(receiver.name.as_str()), "the receiver {:?} is there twice", receiver.name);
        }
        let root = raw.route.context("there is no route:")?;
        ensure!(root.receiver.is_some(), "the root route has no receiver");
        let blank = root.matchers.iter().all(|text| text.trim().is_empty());
        let has_matchers = !(root.equals.is_empty() && root.match_re.is_empty() && blank);
        ensure!(!has_matchers, "the root route has matchers: it must take every alert");
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
        let inhibit_rules = raw.inhibit_rules.iter().enumerate().map(rule).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self { route, receivers, inhibit_rules, notes: notes.into_iter().collect() })
    }

    /// Everything that Alertmanager refuses of keys and values, with its place; what is no YAML has none.
    pub fn refusals(text: &str) -> Vec<Refusal> {
        yaml::parse(text).map(|whole| refused::check(&whole)).unwrap_or_default()
    }

    /// The receivers of an alert: that of every matching route, in Alertmanager's order. A receiver of two matching routes
    /// is listed twice, because it is notified twice.
    pub fn receivers(&self, labels: &Labels) -> Vec<&Receiver> {
        let named = |route: &Route| self.receivers.iter().find(|receiver| receiver.name == route.receiver);
        self.route.taken_by(labels).into_iter().filter_map(named).collect()
    }

    /// Whether any receiver has an integration.
    pub fn tells_somebody(&self) -> bool {
        self.receivers.iter().any(|receiver| !receiver.integrations.is_empty())
    }

    /// The routes that match an alert.
    pub fn routes(&self, labels: &Labels) -> Vec<&Route> {
        self.route.taken_by(labels)
    }

    /// The firing alert that inhibits this one, and the rule, if there is one. The alert itself may be among the others.
    pub fn inhibited<'a>(&'a self, labels: &Labels, others: &'a [Labels]) -> Option<(&'a InhibitRule, &'a Labels)> {
        let holding = |rule: &'a InhibitRule| rule.holds_back(labels, others).map(|source| (rule, source));
        self.inhibit_rules.iter().find_map(holding)
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

    /// Itself and everything below it, parents first.
    pub fn all(&self) -> Vec<&Self> {
        std::iter::once(self).chain(self.routes.iter().flat_map(Self::all)).collect()
    }
}

impl InhibitRule {
    /// The first of the others that inhibits an alert, when there is one for every source. An alert that is source and
    /// target of the rule is not inhibited by another such alert, so that alerts do not silence each other.
    pub fn holds_back<'a>(&self, labels: &Labels, others: &'a [Labels]) -> Option<&'a Labels> {
        let all = |matchers: &[Matcher], of: &Labels| matchers.iter().all(|matcher| matcher.matches(of));
        if !all(&self.target, labels) {
            return None;
        }
        let of = |source: &InhibitSource| {
            let on_both_sides = all(&source.matchers, labels);
            others.iter().find(|other| {
                all(&source.matchers, other)
                    && source.equal.iter().all(|name| value(other, name) == value(labels, name))
                    && !(on_both_sides && all(&self.target, other))
            })
        };
        let holding: Option<Vec<&Labels>> = self.sources.iter().map(of).collect();
        holding?.first().copied()
    }
}

/// A label that is not there is empty.
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
            notes.insert(format!("{place} has {key} ({}): not considered here", intervals.join(", ")));
        }
    }
    let receiver = raw.receiver.unwrap_or_else(|| parent.receiver.clone());
    if !receivers.contains(receiver.as_str()) {
        bail!("{place}: there is no receiver {receiver:?}");
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
    let matchers = matcher::all(&raw.source_match, &raw.source_match_re, &raw.source_matchers).context("source")?;
    let target = matcher::all(&raw.target_match, &raw.target_match_re, &raw.target_matchers).context("target")?;
    if raw.sources.is_empty() {
        return Ok(InhibitRule { sources: vec![InhibitSource { matchers, equal: raw.equal.clone() }], target });
    }
    ensure!(
        matchers.is_empty() && raw.equal.is_empty(),
        "sources stand instead of source_matchers and equal, not beside"
    );
    let of = |(at, source): (usize, &RawInhibitSource)| {
        let matchers = matcher::all(&BTreeMap::new(), &BTreeMap::new(), &source.matchers);
        let matchers = matchers.with_context(|| format!("sources[{at}]"))?;
        let nothing = Labels::new();
        let any = matchers.iter().any(|matcher| !matcher.matches(&nothing));
        ensure!(any, "sources[{at}]: no matcher that an alert without the label fails");
        Ok(InhibitSource { matchers, equal: source.equal.clone() })
    };
    let sources = raw.sources.iter().enumerate().map(of).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(InhibitRule { sources, target })
}
