//! RG017: results that change by themselves.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::matchers;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{BinaryOp, Expr, Kind, MatchOp};
use std::collections::BTreeSet;

pub(super) static LINT: Lint = Lint {
    id: "RG017",
    title: "it changes by itself",
    level: Level::Warning,
    text: "Which series `topk()` gives changes from one evaluation to the next, so `for` begins anew each time. A ratio of two jobs jumps whenever one of them restarts.",
    check: Check::Expr(check),
    found: &[Example::Expr("topk(3, queue_length) > 100")],
    fine: &[Example::Expr("queue_length > 100")],
};

fn check(rule: &Rule, ast: &Expr, _: &Context<'_>, report: &mut Report<'_>) {
    if !rule.alerts {
        return;
    }
    ast.walk(&mut |part, _| match &part.kind {
        Kind::Aggregation(one) if ["topk", "bottomk", "limitk"].contains(&one.op.text.as_str()) => {
            let message = "which series are in it changes from one evaluation to the next: for begins anew".to_owned();
            report.word(LINT.id, Level::Warning, &rule.expr, &one.op.text, message, "alert on a limit");
        }
        _ => {}
    });
    two_jobs(rule, ast, report);
}

fn two_jobs(rule: &Rule, ast: &Expr, report: &mut Report<'_>) {
    let mut found = false;
    ast.walk(&mut |part, _| {
        if let Kind::Binary(one) = &part.kind
            && one.op == BinaryOp::Div
        {
            let jobs = |side: &Expr| -> BTreeSet<String> {
                let all = side.selectors();
                let jobs =
                    all.iter().flat_map(|one| matchers(one)).filter(|m| m.name.text == "job" && m.op == MatchOp::Equal);
                jobs.map(|matcher| (*matcher.value).to_owned()).collect()
            };
            let (left, right) = (jobs(&one.left), jobs(&one.right));
            found |= !left.is_empty() && !right.is_empty() && left.is_disjoint(&right);
        }
    });
    if found && rule.pending == 0.0 {
        let message = "a ratio of two jobs without for: they restart and are scraped at different times";
        report.at(LINT.id, Level::Warning, &rule.expr, message, "wait a few minutes with for");
    }
}
