//! Semantic checks of a well-formed tree: types, number of arguments, vector matching.

use crate::construct::{ConstructKind, Signature};
use crate::error::Error;
use crate::regex;
use crate::tree::{Aggregation, Binary, BinaryOp, Call, Expr, Kind, MatchOp, Matcher, Selector};
use crate::types::Type;

impl Expr {
    /// Returns the type of the expression's result.
    pub fn result(&self) -> Type {
        match &self.kind {
            Kind::Number(_) => Type::Scalar,
            Kind::String(_) => Type::String,
            Kind::Selector(selector) if selector.range.is_none() => Type::InstantVector,
            Kind::Selector(_) | Kind::Subquery(_) => Type::RangeVector,
            Kind::Call(call) => match call.known.map(|known| &known.kind) {
                Some(ConstructKind::Function(signature)) => signature.returns,
                _ => Type::Unknown,
            },
            Kind::Aggregation(_) => Type::InstantVector,
            Kind::Unary(_, inner) | Kind::Paren(inner) => inner.result(),
            Kind::Binary(one) if one.op == BinaryOp::InVariable => Type::Unknown,
            Kind::Binary(one) => match (one.left.result(), one.right.result()) {
                (Type::Scalar, Type::Scalar) => Type::Scalar,
                (Type::Unknown, Type::Unknown | Type::Scalar) | (Type::Scalar, Type::Unknown) => Type::Unknown,
                _ => Type::InstantVector,
            },
            Kind::Variable(_) => Type::Unknown,
        }
    }
}

/// Appends the semantic mistakes of the expression to `errors`.
pub(crate) fn check(expr: &Expr, variables: bool, errors: &mut Vec<Error>) {
    Check { variables, errors }.expr(expr);
}

struct Check<'a> {
    variables: bool,
    errors: &'a mut Vec<Error>,
}

impl Check<'_> {
    fn error(&mut self, at: &Expr, message: impl Into<String>) {
        self.errors.push(Error::new(at.span, message));
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            Kind::Number(_) | Kind::String(_) | Kind::Variable(_) => {}
            Kind::Selector(selector) => self.selector(expr, selector),
            Kind::Paren(inner) => self.expr(inner),
            Kind::Unary(_, inner) => {
                self.expr(inner);
                let found = inner.result();
                if !found.is(Type::Scalar) && !found.is(Type::InstantVector) {
                    self.error(expr, format!("a sign can precede a scalar or an instant vector, not {found}"));
                }
            }
            Kind::Subquery(one) => {
                self.expr(&one.expr);
                let found = one.expr.result();
                if !found.is(Type::InstantVector) {
                    self.error(expr, format!("a subquery needs an instant vector, not {found}"));
                }
            }
            Kind::Aggregation(one) => self.aggregation(one),
            Kind::Call(call) => self.call(expr, call),
            Kind::Binary(one) => self.binary(expr, one),
        }
    }

    /// Checks an operand and its type. `of` names the operator in the message.
    fn typed(&mut self, expr: &Expr, wanted: Type, of: &str) {
        self.expr(expr);
        let found = expr.result();
        if !found.is(wanted) {
            self.error(expr, format!("{of} must be {wanted}, not {found}"));
        }
    }

    fn selector(&mut self, expr: &Expr, selector: &Selector) {
        let open = |matcher: &Matcher| self.variables && (matcher.name.variable || matcher.value.contains(['$', '[']));
        if selector.name.is_none() && !selector.matchers.iter().any(|matcher| open(matcher) || !takes_empty(matcher)) {
            self.error(expr, "a selector needs a metric, or a matcher that does not match the empty text");
        }
    }

    fn aggregation(&mut self, one: &Aggregation) {
        self.typed(&one.expr, Type::InstantVector, &one.op.text);
        let wanted = match crate::table::aggregation_named(&one.op.text).map(|known| &known.kind) {
            Some(ConstructKind::Aggregation(param)) => *param,
            _ => None,
        };
        if let (Some(param), Some(wanted)) = (&one.param, wanted) {
            self.typed(param, wanted, &format!("the parameter of {}", one.op.text));
        }
    }

    fn call(&mut self, expr: &Expr, call: &Call) {
        let name = &call.function.text;
        let Some(&Signature { args, least, most, .. }) = call.known.and_then(|known| known.signature()) else {
            call.args.iter().for_each(|arg| self.expr(arg));
            return;
        };
        let given = call.args.len();
        if given < least || most.is_some_and(|most| given > most) {
            let wanted = match most {
                Some(most) if most == least => least.to_string(),
                Some(most) => format!("{least} to {most}"),
                None => format!("at least {least}"),
            };
            let plural = if wanted == "1" { "" } else { "s" };
            self.error(expr, format!("{name} needs {wanted} argument{plural}, not {given}"));
        }
        for (at, arg) in call.args.iter().enumerate() {
            if name == "info" && at == 1 {
                self.info(arg);
                continue;
            }
            // With a fixed number of arguments, surplus ones are reported already, so their types are not checked.
            let Some(wanted) = args.get(at).or(args.last().filter(|_| most != Some(args.len()) || least < args.len()))
            else {
                continue;
            };
            self.typed(arg, *wanted, name);
        }
    }

    /// Checks the second argument of `info`: the labels to add, as a selector without a metric.
    fn info(&mut self, arg: &Expr) {
        match &arg.kind {
            Kind::Selector(selector) if selector.name.is_none() && selector.range.is_none() => {}
            Kind::Variable(_) => {}
            _ => self.error(arg, "info takes labels in braces as its second argument: {__name__=\"target_info\"}"),
        }
    }

    fn binary(&mut self, expr: &Expr, one: &Binary) {
        self.expr(&one.left);
        self.expr(&one.right);
        if one.op == BinaryOp::InVariable {
            return;
        }
        let (left, right) = (one.left.result(), one.right.result());
        let op = one.op.as_str();
        let at_op = |message: String| Error::new(one.op_span, message);
        if one.returns_bool && !one.op.compares() {
            self.errors.push(at_op(format!("bool can follow a comparison only, not {op}")));
        }
        if one.op.compares() && !one.returns_bool && (left, right) == (Type::Scalar, Type::Scalar) {
            self.errors.push(at_op(format!("a comparison of two scalars needs bool: {op} bool")));
        }
        for (side, found) in [(&one.left, left), (&one.right, right)] {
            if !found.is(Type::Scalar) && !found.is(Type::InstantVector) {
                self.error(side, format!("{op} works on scalars and instant vectors, not on {found}"));
            }
        }
        let vectors = left.is(Type::InstantVector) && right.is(Type::InstantVector);
        let filled = one.fill.left.is_some() || one.fill.right.is_some();
        if let Some(matching) = &one.matching {
            let include = matching.group.iter().flat_map(|group| &group.include);
            for label in include.filter(|label| matching.on && matching.labels.contains(label)) {
                self.errors.push(Error::new(label.span, format!("{} is already in on (…)", label.text)));
            }
            if !vectors && !matching.labels.is_empty() {
                self.errors.push(Error::new(matching.span, "on and ignoring need two instant vectors"));
            }
            if vectors && one.op.is_set() && matching.group.is_some() {
                self.errors.push(Error::new(matching.span, format!("{op} cannot have group_left or group_right")));
            }
        }
        if filled && (!vectors || one.op.is_set()) {
            self.error(expr, "fill works on two instant vectors, and not with and, or and unless");
        }
        if one.op.is_set() && (left == Type::Scalar || right == Type::Scalar) {
            self.errors.push(at_op(format!("{op} works on instant vectors only")));
        }
    }
}

/// Returns whether the matcher matches a series that lacks the label, that is, matches the empty text.
fn takes_empty(matcher: &Matcher) -> bool {
    let pattern = || regex::read(&matcher.value).is_ok_and(|pattern| pattern.takes_empty);
    match matcher.op {
        MatchOp::Equal => matcher.value.is_empty(),
        MatchOp::NotEqual => !matcher.value.is_empty(),
        MatchOp::Regex => pattern(),
        MatchOp::NotRegex => !pattern(),
    }
}
