//! Parsed expressions without their compiled regular expressions, which take more memory than all the rest: a lint reads
//! patterns, and matches nothing with them.

use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, VectorSelector};
use regex::Regex;
use std::sync::LazyLock;

/// Stands for every pattern; its text stays in the matcher's value.
static EMPTY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("").ok());

/// Lets go of what the parser compiled.
pub(super) fn lighten(expr: &mut Expr) {
    match expr {
        Expr::VectorSelector(selector) => of_selector(selector),
        Expr::MatrixSelector(matrix) => of_selector(&mut matrix.vs),
        Expr::Aggregate(one) => {
            lighten(&mut one.expr);
            if let Some(parameter) = &mut one.param {
                lighten(parameter);
            }
        }
        Expr::Unary(one) => lighten(&mut one.expr),
        Expr::Binary(one) => {
            lighten(&mut one.lhs);
            lighten(&mut one.rhs);
        }
        Expr::Paren(one) => lighten(&mut one.expr),
        Expr::Subquery(one) => lighten(&mut one.expr),
        Expr::Call(one) => one.args.args.iter_mut().for_each(|argument| lighten(argument)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

fn of_selector(selector: &mut VectorSelector) {
    let all = selector.matchers.matchers.iter_mut().chain(selector.matchers.or_matchers.iter_mut().flatten());
    for matcher in all {
        if let (MatchOp::Re(regex) | MatchOp::NotRe(regex), Some(empty)) = (&mut matcher.op, &*EMPTY) {
            *regex = empty.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_reads_the_same_without_its_compiled_patterns() -> Result<(), String> {
        let text = r#"topk(5, sum by (job) (rate(x_total{job=~"a|b", code!~"5.."}[5m]))) / (-y{z=~".+"} or q)"#;
        let mut parsed = promql_parser::parser::parse(text)?;
        let before = parsed.to_string();
        lighten(&mut parsed);
        assert_eq!(parsed.to_string(), before);
        assert!(before.contains("job=~\"a|b\""), "{before}");
        Ok(())
    }
}
