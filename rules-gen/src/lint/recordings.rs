//! What the linted recording rules say about the series that they write: the labels, and how often one is written.

use super::labels::labels;
use super::metric_facts::{MetricFacts, RecordedLabels};
use super::rule_file::Rule;
use super::threads::on_all_cores;
use promql::{Expr, Selector};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

/// How often labels are worked out again. Recorded series may be made of other recorded series.
const ROUNDS: usize = 5;

/// The recorded series by name.
#[derive(Debug, Default)]
pub struct Recordings<'a> {
    series: HashMap<&'a str, Series<'a>>,
    /// The names that have the same parts but one, by the name without that part. Computed when first needed.
    similar: OnceLock<HashMap<String, Vec<&'a str>>>,
    /// The labels of the series. Nothing else is known here.
    facts: MetricFacts,
}

/// A recorded series.
#[derive(Debug, Default)]
struct Series<'a> {
    /// The rules that record it. Their expressions parse.
    rules: Vec<&'a Rule>,
    /// The longest interval in seconds at which a group writes the series. Only groups that set one count.
    interval: Option<f64>,
}

impl<'a> Recordings<'a> {
    pub(super) fn of(rules: impl Iterator<Item = &'a Rule>) -> Self {
        let rules: Vec<(&Rule, &Expr)> =
            rules.filter(|rule| !rule.alerts).filter_map(|rule| Some((rule, rule.ast.as_ref()?))).collect();
        let mut recordings = Self::default();
        for (rule, _) in &rules {
            let series = recordings.series.entry(&rule.name.value).or_default();
            series.rules.push(rule);
            if let Some(interval) = rule.group.interval {
                series.interval = Some(series.interval.map_or(interval, |longest| longest.max(interval)));
            }
        }
        let reads_recorded =
            |ast: &Expr| ast.selectors().into_iter().filter_map(Selector::metric).any(|name| recordings.has(name));
        let rounds = if rules.iter().any(|(_, ast)| reads_recorded(ast)) { ROUNDS } else { 1 };
        for _ in 0..rounds {
            let known = recorded(&rules, &recordings.facts);
            let more = known.len() > recordings.facts.recorded().len();
            recordings.facts.set_recorded(Arc::new(known));
            if !more {
                break;
            }
        }
        recordings
    }

    /// Whether a linted rule records the series.
    pub fn has(&self, name: &str) -> bool {
        self.series.contains_key(name)
    }

    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Returns the recorded series whose names have the same parts (`level:metric:operations`) but one, in order.
    pub fn similar(&self, name: &str) -> BTreeSet<&'a str> {
        let similar = self.similar.get_or_init(|| {
            let mut similar: HashMap<String, Vec<&str>> = HashMap::new();
            for name in self.series.keys() {
                for rest in without_one_part(name) {
                    similar.entry(rest).or_default().push(name);
                }
            }
            similar
        });
        without_one_part(name).filter_map(|rest| similar.get(&rest)).flatten().copied().collect()
    }

    /// Returns the expressions that record a series.
    pub fn exprs(&self, name: &str) -> impl Iterator<Item = &'a Expr> {
        self.rules(name).iter().filter_map(|rule| rule.ast.as_ref())
    }

    /// Returns the rules that record a series.
    pub fn rules(&self, name: &str) -> &[&'a Rule] {
        self.series.get(name).map_or(&[], |series| &series.rules)
    }

    /// Returns the longest interval in seconds at which a series is written, if its groups set one.
    pub fn interval(&self, name: &str) -> Option<f64> {
        self.series.get(name)?.interval
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

/// Returns the labels that each series can have, if all of its rules say them.
fn recorded(rules: &[(&Rule, &Expr)], facts: &MetricFacts) -> RecordedLabels {
    let of_rule = |(rule, ast): &(&Rule, &Expr)| {
        let possible = labels(ast, facts).possible?;
        let own = rule.labels.iter().map(|(name, _)| name.clone());
        Some(possible.into_iter().map(ToOwned::to_owned).chain(own).collect::<BTreeSet<String>>())
    };
    let mut all: HashMap<&str, Option<BTreeSet<String>>> = HashMap::with_capacity(rules.len());
    for ((rule, _), own) in rules.iter().zip(on_all_cores(rules, &of_rule)) {
        match all.entry(&rule.name.value) {
            Entry::Vacant(entry) => {
                entry.insert(own);
            }
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                *known = known.take().zip(own).map(|(known, own)| &known | &own);
            }
        }
    }
    all.into_iter().filter_map(|(name, labels)| Some((name.to_owned(), labels?))).collect()
}
