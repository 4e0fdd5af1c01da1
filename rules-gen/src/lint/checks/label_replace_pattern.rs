//! RG025: patterns in `label_replace()` that do not compile. promtool accepts them, and every evaluation fails.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Expr, Kind, check_pattern};

pub(super) static LINT: Lint = Lint {
    id: "RG025",
    title: "invalid regular expression in label_replace()",
    level: Level::Error,
    text: "promtool and Prometheus accept the rule, but every evaluation fails, so the alert never fires.",
    check: Check::Expr(check),
    found: &[Example::Expr(r#"label_replace(up == 0, "host", "$1", "instance", "(.*):[0-9+")"#)],
    fine: &[Example::Expr(r#"label_replace(up == 0, "host", "$1", "instance", "(.*):[0-9]+")"#)],
};

fn check(rule: &Rule, ast: &Expr, _: &Context<'_>, report: &mut Report<'_>) {
    ast.walk(&mut |part, _| match &part.kind {
        Kind::Call(call) if call.function.text == "label_replace" => {
            let last = call.args.get(4).map(Expr::bare);
            if let Some((arg, Kind::String(text))) = last.map(|arg| (arg, &arg.kind))
                && let Err(why) = check_pattern(text)
            {
                let message = format!("label_replace() fails at every evaluation: {why}");
                report.part(LINT.id, Level::Error, &rule.expr, arg.span, message, "fix the regular expression");
            }
        }
        _ => {}
    });
}
