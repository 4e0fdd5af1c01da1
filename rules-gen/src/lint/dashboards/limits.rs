//! Compares the threshold steps of a panel with the limits of alerts on the same metrics.

use crate::lint::expr::{constant, filter};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use crate::outputs::grafana::JUST_ABOVE;
use promql::{Binary, BinaryOp, Expr, Kind, Selector};
use std::collections::{BTreeMap, BTreeSet};

/// For each set of metrics that alerts compare, the numbers that they compare with.
#[derive(Debug, Default)]
pub struct Limits(BTreeMap<BTreeSet<String>, Vec<f64>>);

impl Limits {
    /// Collects the limits of the alerting rules whose expression is a comparison with a number other than zero, or
    /// several of which one must hold (`or`).
    pub(crate) fn of<'a>(rules: impl Iterator<Item = &'a Rule>) -> Self {
        let mut limits = Self::default();
        for ast in rules.filter(|rule| rule.alerts).filter_map(|rule| rule.ast.as_ref()) {
            for one in comparisons(ast) {
                // A limit of zero ("more than none") is not a step on a scale.
                if let Some(limit) = constant(&one.right).filter(|limit| *limit != 0.0) {
                    limits.0.entry(metrics([&one.left])).or_default().push(limit);
                }
            }
        }
        limits
    }

    /// Reports steps of a panel at which no alert on exactly these metrics fires.
    pub(super) fn check(&self, queries: &[Expr], steps: &[f64], near: &str, report: &mut Report<'_>) {
        let Some(limits) = self.0.get(&metrics(queries)) else { return };
        // A panel may show percent where the alert compares a ratio. A step may be slightly above a whole limit,
        // because Grafana's step includes its own value.
        let close = |step: f64, limit: f64| (step - limit).abs() <= 1e-9 * limit.abs().max(1e-9);
        let same = |step: f64, limit: f64| {
            let above = limit.fract() == 0.0 && (step - limit - JUST_ABOVE).abs() <= 1e-6;
            above || [limit, limit * 100.0].iter().any(|limit| close(step, *limit))
        };
        let more_than_none = |step: f64| close(step, JUST_ABOVE);
        let wrong = |step: &&f64| !more_than_none(**step) && !limits.iter().any(|limit| same(**step, *limit));
        for step in steps.iter().filter(wrong) {
            let mut all: Vec<String> = limits.iter().map(ToString::to_string).collect();
            all.sort();
            all.dedup();
            let message =
                format!("the threshold colour changes at {step}, but no alert on the same metrics fires there");
            let fix = format!("thresholds of the alerts: {}", all.join(", "));
            report.near("RG050", Level::Info, near, message, &fix);
        }
    }
}

/// Returns the comparisons of which one must hold.
fn comparisons(expr: &Expr) -> Vec<&Binary> {
    match &expr.bare().kind {
        Kind::Binary(one) if one.op == BinaryOp::Or => {
            [&one.left, &one.right].into_iter().flat_map(comparisons).collect()
        }
        _ => filter(expr.bare()).into_iter().collect(),
    }
}

fn metrics<'a>(all: impl IntoIterator<Item = &'a Expr>) -> BTreeSet<String> {
    let names = all.into_iter().flat_map(Expr::selectors).filter_map(Selector::metric);
    names.map(ToOwned::to_owned).collect()
}
