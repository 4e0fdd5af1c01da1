//! The result of a backtest, as it is written in JSON.

use super::history::{History, shown};
use super::machine::Episode;
use super::replay::{Curve, Outcome};
use super::settings::Settings;
use super::sweep::{Budget, Variant};
use checklist::Unit;

use crate::promql::LimitComparison;
use crate::review::rule_set::ListedRule;
use crate::review::statistics::Statistics;
use crate::server::Labels;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;

/// The result of a backtest.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The time of the first evaluation.
    pub start: Timestamp,
    /// The time of the last evaluation.
    pub end: Timestamp,
    /// Seconds between two evaluations.
    pub step_seconds: f64,
    /// The time zone by which pages are counted for each hour of the day.
    pub time_zone: String,
    /// The budget of pages, as the argument `--budget` was written.
    pub budget: Option<String>,
    /// Warnings about the whole backtest, such as a history that is shorter than the range.
    pub warnings: Vec<String>,
    /// The alerts, by number of pages, the highest first.
    pub alerts: Vec<Alert>,
    /// Alerts that were not evaluated.
    pub failed: Vec<Failed>,
}

/// An alert that was not evaluated.
#[derive(Debug, Serialize)]
pub struct Failed {
    pub alert: String,
    pub group: String,
    pub expr: String,
    /// The reason: the expression does not parse, or the server cannot evaluate it.
    pub why: String,
}

impl Failed {
    pub(super) fn new(rule: &ListedRule, why: String) -> Self {
        Self { alert: rule.name.clone(), group: rule.group.clone(), expr: rule.expr.clone(), why }
    }
}

/// The result of one alerting rule.
#[derive(Debug, Serialize)]
pub struct Alert {
    pub alert: String,
    pub group: String,
    /// The labels that the rule sets.
    pub labels: Labels,
    pub expr: String,
    /// The value of `for`.
    pub for_seconds: f64,
    /// The value of `keep_firing_for`.
    pub keep_firing_for_seconds: f64,
    /// Seconds of the range for which the server has samples.
    pub covered_seconds: f64,
    /// When and how often the rule would have fired.
    pub statistics: Statistics,
    /// Whether the pages are within the budget. `None` without a budget.
    pub within_budget: Option<bool>,
    /// Whether there is no evidence for a comparison with the budget: the rule did not fire, and the server has no sample
    /// of what it reads.
    pub unjudged: bool,
    /// The result with each value of the sweep, the most sensitive value first.
    pub sweep: Vec<Tried>,
    /// The most sensitive value of the sweep that is within the budget.
    pub recommendation: Option<String>,
    /// Warnings about this alert, such as a selector without samples.
    pub warnings: Vec<String>,
    pub episodes: Vec<Fired>,
    /// The comparison of the expression. The chart draws its limit.
    #[serde(skip)]
    pub(super) compared: Option<LimitComparison>,
    #[serde(skip)]
    pub(super) curves: BTreeMap<Labels, Curve>,
    /// The episodes of the rule as it is, then of each value of the sweep.
    #[serde(skip)]
    outcomes: Vec<Outcome>,
    /// Whether the values of the sweep can be ordered by sensitivity, which a recommendation needs.
    #[serde(skip)]
    ordered: bool,
}

/// The result of a rule with one value of the sweep.
#[derive(Debug, Serialize)]
pub struct Tried {
    /// The limit or the duration of `for` that was tried.
    pub value: String,
    pub statistics: Statistics,
    /// Whether the pages are within the budget. `None` without a budget.
    pub within_budget: Option<bool>,
}

/// One episode of one label set.
#[derive(Debug, Serialize)]
pub struct Fired {
    /// The labels of the alert, as in the series `ALERTS`.
    pub labels: Labels,
    pub begin: Timestamp,
    /// When it ended. If it still fires, the end of the range.
    pub end: Timestamp,
    /// Whether it still fires at the end of the range.
    pub open: bool,
}

impl Report {
    pub(super) fn new(
        settings: &Settings,
        history: &History,
        zone: &TimeZone,
        mut alerts: Vec<Alert>,
        failed: Vec<Failed>,
    ) -> Self {
        let clock = &history.clock;
        let mut warnings = Vec::new();
        if let Some(begin) = history.shortened() {
            let whole = Unit::Seconds.human((clock.last() - clock.start) as f64 / 1000.0);
            let there = Unit::Seconds.human((clock.last() - begin) as f64 / 1000.0);
            warnings.push(format!("the history starts at {}: {there} of the requested {whole}", shown(begin)));
        }
        if history.missed() > 0 {
            let away = Unit::Seconds.human(history.missed() as f64 * clock.step as f64 / 1000.0);
            warnings.push(format!(
                "Prometheus has no samples for {away} of the range; alerts keep their state during that time"
            ));
        }
        alerts.sort_by(|a, b| {
            (b.statistics.pages, b.statistics.episodes)
                .cmp(&(a.statistics.pages, a.statistics.episodes))
                .then(a.alert.cmp(&b.alert))
        });
        let at = |at: i64| Timestamp::from_millisecond(at).unwrap_or_default();
        Self {
            start: at(clock.start),
            end: at(clock.last()),
            step_seconds: clock.step as f64 / 1000.0,
            time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
            budget: settings.budget.as_ref().map(|budget| budget.text.clone()),
            warnings,
            alerts,
            failed,
        }
    }

    /// Whether some alert could not be compared with the budget.
    pub fn is_unjudged(&self) -> bool {
        self.alerts.iter().any(|alert| alert.unjudged)
    }

    /// Whether some alert has more pages than the budget allows. Of an alert that was swept, every value must be beyond
    /// it.
    pub fn is_beyond_budget(&self) -> bool {
        self.alerts.iter().any(|alert| match alert.sweep.as_slice() {
            [] => alert.within_budget == Some(false),
            tried => tried.iter().all(|tried| tried.within_budget == Some(false)),
        })
    }
}

impl Alert {
    pub(super) fn new(
        rule: &ListedRule,
        compared: Option<LimitComparison>,
        variants: &[Variant],
        ordered: bool,
        outcomes: Vec<Outcome>,
        curves: BTreeMap<Labels, Curve>,
    ) -> Self {
        let tried = variants.iter().filter_map(|variant| variant.value.clone());
        Self {
            alert: rule.name.clone(),
            group: rule.group.clone(),
            labels: rule.labels.clone(),
            expr: rule.expr.clone(),
            for_seconds: rule.pending.as_secs_f64(),
            keep_firing_for_seconds: rule.keep_firing.as_secs_f64(),
            covered_seconds: 0.0,
            statistics: Statistics::default(),
            within_budget: None,
            unjudged: false,
            sweep: tried.map(|value| Tried { value, statistics: Statistics::default(), within_budget: None }).collect(),
            recommendation: None,
            warnings: Vec::new(),
            episodes: outcomes.first().map(fired).unwrap_or_default(),
            compared,
            curves,
            outcomes,
            ordered,
        }
    }

    /// Fills in the statistics of the rule and of each value of the sweep, and compares their pages with the budget.
    /// `covered` are the seconds that could be evaluated. `sees` is whether the server has samples of what it reads.
    pub(super) fn judged_by(mut self, budget: Option<&Budget>, covered: f64, sees: bool, zone: &TimeZone) -> Self {
        let notifies = self.severity() != "none";
        let statistics = |outcome: &Outcome| {
            let statistics = Statistics::of(outcome.values().map(Vec::as_slice), zone);
            // The severity `none` has no receiver: a Watchdog fires all the time and pages nobody.
            if notifies { statistics } else { Statistics { pages: 0, pages_by_hour: [0; 24], ..statistics } }
        };
        self.unjudged =
            budget.is_some() && !sees && self.outcomes.first().is_none_or(|own| own.values().all(Vec::is_empty));
        let unjudged = self.unjudged;
        let within = |pages: usize| budget.filter(|_| !unjudged).map(|budget| budget.allows(pages, covered));
        self.covered_seconds = covered;
        if let Some(own) = self.outcomes.first() {
            self.statistics = statistics(own);
            self.within_budget = within(self.statistics.pages);
        }
        for (tried, outcome) in self.sweep.iter_mut().zip(self.outcomes.iter().skip(1)) {
            tried.statistics = statistics(outcome);
            tried.within_budget = within(tried.statistics.pages);
        }
        if let Some(budget) = budget {
            if self.ordered {
                let best = self.sweep.iter().find(|tried| tried.within_budget == Some(true));
                self.recommendation = best.map(|tried| tried.value.clone());
            }
            if covered < budget.per.as_secs_f64() {
                let there = Unit::Seconds.human(covered);
                self.warnings
                    .push(format!("only {there} could be evaluated, which is less than the period of the budget"));
            }
        }
        self
    }

    /// Adds warnings.
    pub(super) fn warned(mut self, warnings: Vec<String>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    /// Returns the label `severity`, or an empty text.
    pub fn severity(&self) -> &str {
        self.labels.get("severity").map_or("", String::as_str)
    }

    /// Returns the remark about the budget for the table: which value is recommended, or that there are too many pages.
    pub(super) fn advice(&self, budget: Option<&str>) -> Option<String> {
        let budget = budget?;
        if self.unjudged {
            return Some(format!("not compared with {budget}, because nothing that it reads has samples"));
        }
        if self.sweep.is_empty() {
            return (self.within_budget == Some(false)).then(|| format!("more pages than {budget}"));
        }
        Some(match &self.recommendation {
            Some(value) => format!("recommended: {value}, the most sensitive value within {budget}"),
            None if self.ordered => format!("no value of the sweep is within {budget}"),
            None => "equality has no more or less sensitive values: nothing to recommend".to_owned(),
        })
    }
}

fn fired(outcome: &Outcome) -> Vec<Fired> {
    let of_set = |(labels, episodes): (&Labels, &Vec<Episode>)| {
        let labels = labels.clone();
        let at = |at: i64| Timestamp::from_millisecond(at).unwrap_or_default();
        let one = move |episode: &Episode| Fired {
            labels: labels.clone(),
            begin: at(episode.begin),
            end: at(episode.end),
            open: episode.open,
        };
        episodes.iter().map(one).collect::<Vec<_>>()
    };
    let mut all: Vec<Fired> = outcome.iter().flat_map(of_set).collect();
    all.sort_by_key(|fired| fired.begin);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::backtest::output::rows;
    use crate::review::rule_set::Kind;
    use std::time::Duration;

    /// An alert with one episode of an hour, within three hours of history.
    fn alert(name: &str, severity: &str, check: &str) -> Alert {
        let labels = |pairs: &[(&str, &str)]| -> Labels {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let rule = ListedRule {
            group: "g".to_owned(),
            interval: None,
            kind: Kind::Alert,
            name: name.to_owned(),
            expr: "up == 0".to_owned(),
            pending: Duration::ZERO,
            keep_firing: Duration::ZERO,
            labels: labels(&[("severity", severity), ("check", check)]),
            annotations: Labels::new(),
        };
        let hour = Episode { begin: 0, end: 3_600_000, open: false };
        let outcome = Outcome::from([(labels(&[("instance", "a")]), vec![hour])]);
        let budget = Budget::parse("1/week").unwrap();
        Alert::new(&rule, None, &[], false, vec![outcome], BTreeMap::new()).judged_by(
            Some(&budget),
            3.0 * 3_600.0,
            true,
            &TimeZone::UTC,
        )
    }

    #[test]
    fn alerts_without_a_receiver_are_not_pages_and_three_hours_give_no_weekly_rate() {
        let (page, watchdog) = (alert("A", "critical", "a"), alert("Watchdog", "none", "b"));
        assert_eq!((page.statistics.pages, page.within_budget), (1, Some(true)), "one page is within one a week");
        assert_eq!((watchdog.statistics.pages, watchdog.statistics.episodes), (0, 1));
        let report = Report {
            start: Timestamp::default(),
            end: Timestamp::default(),
            step_seconds: 60.0,
            time_zone: "UTC".to_owned(),
            budget: Some("1/week".to_owned()),
            failed: Vec::new(),
            warnings: Vec::new(),
            alerts: vec![page, alert("A", "critical", "other"), watchdog],
        };
        let shown: Vec<(String, String)> =
            rows(&report).into_iter().skip(1).map(|row| (row[0].clone(), row[5].clone())).collect();
        let row = |name: &str| (name.to_owned(), "-".to_owned());
        assert_eq!(shown, [row("A (a)"), row("A (other)"), row("Watchdog")]);
    }
}
