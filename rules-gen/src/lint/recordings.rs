//! What the linted recording rules say about the series that they write: the labels, and how often one is written.

use super::labels::labels;
use super::metric_facts::MetricFacts;
use super::rule_file::Rule;
use promql::{Expr, Selector};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How often labels are worked out again. Recorded series may be made of other recorded series.
const ROUNDS: usize = 5;

/// The recorded series by name.
#[derive(Debug, Default)]
pub struct Recordings<'a> {
    exprs: BTreeMap<&'a str, Vec<&'a Expr>>,
    /// The rules that record each series.
    rules: BTreeMap<&'a str, Vec<&'a Rule>>,
    /// The names that have the same parts but one, by the name without that part.
    similar: HashMap<String, Vec<&'a str>>,
    /// The longest interval in seconds at which a group writes the series. Only groups that set one count.
    intervals: BTreeMap<&'a str, f64>,
    /// The labels of the series. Nothing else is known here.
    facts: MetricFacts,
}

impl<'a> Recordings<'a> {
    pub(super) fn of(rules: impl Iterator<Item = &'a Rule>) -> Self {
        let rules: Vec<(&Rule, &Expr)> =
            rules.filter(|rule| !rule.alerts).filter_map(|rule| Some((rule, rule.ast.as_ref()?))).collect();
        let mut recordings = Self::default();
        for (rule, ast) in &rules {
            recordings.exprs.entry(&rule.name.value).or_default().push(ast);
            recordings.rules.entry(&rule.name.value).or_default().push(rule);
            if let Some(interval) = rule.group.interval {
                let longest = recordings.intervals.entry(&rule.name.value).or_default();
                *longest = longest.max(interval);
            }
        }
        for name in recordings.rules.keys() {
            for rest in without_one_part(name) {
                recordings.similar.entry(rest).or_default().push(name);
            }
        }
        let reads_recorded =
            |ast: &Expr| ast.selectors().into_iter().filter_map(Selector::metric).any(|name| recordings.has(name));
        let rounds = if rules.iter().any(|(_, ast)| reads_recorded(ast)) { ROUNDS } else { 1 };
        for _ in 0..rounds {
            let known = recorded(&rules, &recordings.facts);
            let more = known.len() > recordings.facts.recorded().len();
            recordings.facts.set_recorded(known);
            if !more {
                break;
            }
        }
        recordings
    }

    /// Whether a linted rule records the series.
    pub fn has(&self, name: &str) -> bool {
        self.exprs.contains_key(name)
    }

    /// Returns the names of the recorded series.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.exprs.keys().copied()
    }

    /// Returns the recorded series whose names have the same parts (`level:metric:operations`) but one, in order.
    pub fn similar(&self, name: &str) -> BTreeSet<&'a str> {
        without_one_part(name).filter_map(|rest| self.similar.get(&rest)).flatten().copied().collect()
    }

    /// Returns the expressions that record a series.
    pub fn exprs(&self, name: &str) -> &[&'a Expr] {
        self.exprs.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns the rules that record a series.
    pub fn rules(&self, name: &str) -> &[&'a Rule] {
        self.rules.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns the longest interval in seconds at which a series is written, if its groups set one.
    pub fn interval(&self, name: &str) -> Option<f64> {
        self.intervals.get(name).copied()
    }

    /// Returns the labels of recorded series, without facts about other metrics.
    pub const fn facts(&self) -> &MetricFacts {
        &self.facts
    }
}

/// Returns the name without each of its parts in turn, except the first one. Nothing when it has less than three parts.
fn without_one_part(name: &str) -> impl Iterator<Item = String> {
    let parts = if name.matches(':').count() < 2 { 0 } else { name.split(':').count() };
    (1..parts).map(move |left_out| {
        let part = |(at, part)| if at == left_out { "" } else { part };
        name.split(':').enumerate().map(part).collect::<Vec<_>>().join(":")
    })
}

/// Returns the labels that each series can have, where all of its rules show them.
fn recorded(rules: &[(&Rule, &Expr)], facts: &MetricFacts) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, Option<BTreeSet<String>>> = BTreeMap::new();
    for (rule, ast) in rules {
        let own = labels(ast, facts).possible.map(|possible| {
            possible.into_iter().chain(rule.labels.iter().map(|(name, _)| name.clone())).collect::<BTreeSet<String>>()
        });
        let known = all.entry(rule.name.value.clone()).or_insert_with(|| Some(BTreeSet::new()));
        *known = known.take().zip(own).map(|(known, own)| &known | &own);
    }
    all.into_iter().filter_map(|(name, labels)| Some((name, labels?))).collect()
}
