//! Parses binary operators with their modifiers, signs, and the modifiers behind an operand.

use super::{Parser, starts_expression};
use crate::Span;
use crate::lexer::TokenKind;
use crate::table;
use crate::tree::{At, Binary, BinaryOp, Expr, Extension, Fill, Group, Kind, Matching, Modifiers, Name, Number};
use crate::tree::{Selector, Side, Sign};

/// The largest time behind `@`, in seconds: it must fit into 63 bits.
const LATEST: f64 = 9_223_372_036_854_775_807.0;

impl Parser<'_> {
    /// Parses an expression whose operators have at least the precedence `least`.
    pub(super) fn expression(&mut self, least: u8) -> Expr {
        if !self.enter() {
            return self.placeholder();
        }
        let mut left = self.signed();
        while let Some(op) = self.operator(&left).filter(|op| op.precedence() >= least) {
            if !self.count_operator() {
                break;
            }
            left = self.binary(left, op);
        }
        self.leave();
        left
    }

    /// Returns the operator behind the operand `left`.
    fn operator(&self, left: &Expr) -> Option<BinaryOp> {
        Some(match self.kind() {
            TokenKind::Equal => BinaryOp::Equal,
            TokenKind::NotEqual => BinaryOp::NotEqual,
            TokenKind::Less => BinaryOp::Less,
            TokenKind::LessOrEqual => BinaryOp::LessOrEqual,
            TokenKind::Greater => BinaryOp::Greater,
            TokenKind::GreaterOrEqual => BinaryOp::GreaterOrEqual,
            TokenKind::TrimUpper => BinaryOp::TrimUpper,
            TokenKind::TrimLower => BinaryOp::TrimLower,
            TokenKind::Add => BinaryOp::Add,
            TokenKind::Sub => BinaryOp::Sub,
            TokenKind::Mul => BinaryOp::Mul,
            TokenKind::Div => BinaryOp::Div,
            TokenKind::Mod => BinaryOp::Mod,
            TokenKind::Pow => BinaryOp::Pow,
            TokenKind::Word => {
                let words = [BinaryOp::Or, BinaryOp::And, BinaryOp::Unless, BinaryOp::Atan2];
                return words.into_iter().find(|op| self.is_word(op.as_str())).or_else(|| self.in_variable(left));
            }
            _ => return self.in_variable(left),
        })
    }

    /// Returns the operator that a variable contains: two operands without an operator between them, one of which is a
    /// variable.
    fn in_variable(&self, left: &Expr) -> Option<BinaryOp> {
        let alone = self.kind() == TokenKind::Variable && self.span().of(self.text).starts_with(['$', '[']);
        let behind = matches!(left.kind, Kind::Variable(_)) && starts_expression(self.kind());
        (alone || behind).then_some(BinaryOp::InVariable)
    }

    fn binary(&mut self, left: Expr, op: BinaryOp) -> Expr {
        let op_span = if op == BinaryOp::InVariable { self.span() } else { self.bump().span };
        match op {
            BinaryOp::Atan2 => self.uses(&table::ATAN2, op_span),
            BinaryOp::TrimUpper | BinaryOp::TrimLower => self.uses(&table::TRIM, op_span),
            _ => {}
        }
        let returns_bool = self.is_word("bool");
        if returns_bool {
            self.bump();
        }
        let matching = self.matching();
        let fill = self.fill();
        // `^` is right-associative, all other operators are left-associative. A variable belongs to the operand behind
        // it.
        let least = op.precedence() + u8::from(!matches!(op, BinaryOp::Pow | BinaryOp::InVariable));
        let right = self.expression(least);
        let span = left.span.to(right.span);
        let binary = Binary { op, op_span, returns_bool, matching, fill, left, right };
        Expr { kind: Kind::Binary(Box::new(binary)), span }
    }

    /// Parses `on (…)` or `ignoring (…)` with an optional group.
    fn matching(&mut self) -> Option<Matching> {
        let on = self.is_word("on");
        if !on && !self.is_word("ignoring") {
            return None;
        }
        let start = self.bump().span;
        let labels = self.labels();
        let sides = [("group_left", Side::Left), ("group_right", Side::Right)];
        let many = sides.into_iter().find(|(word, _)| self.is_word(word)).map(|(_, side)| side);
        let group = many.map(|many| {
            self.bump();
            let include = if self.kind() == TokenKind::LeftParen { self.labels() } else { Vec::new() };
            Group { many, include }
        });
        Some(Matching { on, labels, group, span: start.to(self.last()) })
    }

    /// Parses `fill (…)`, `fill_left (…)` and `fill_right (…)`.
    fn fill(&mut self) -> Fill {
        let mut fill = Fill::default();
        // `fill` without a parenthesis behind it is the name of a metric.
        while self.kind_behind(1) == TokenKind::LeftParen {
            let (left, right) = match self.word().to_ascii_lowercase().as_str() {
                "fill" if fill == Fill::default() => (true, true),
                "fill_left" if fill.left.is_none() => (true, false),
                "fill_right" if fill.right.is_none() => (false, true),
                _ => break,
            };
            let start = self.bump().span;
            self.bump();
            let value = self.number_with_sign("a number");
            self.expect(TokenKind::RightParen, ")");
            self.uses(&table::FILL, start);
            if left {
                fill.left = value;
            }
            if right {
                fill.right = value;
            }
        }
        fill
    }

    /// Parses a number or a duration with at most one sign.
    fn number_with_sign(&mut self, wanted: &str) -> Option<Number> {
        let sign = self.sign();
        if !matches!(self.kind(), TokenKind::Number | TokenKind::Duration) && !self.is_number_word() {
            self.unexpected(wanted);
            return None;
        }
        let span = self.span();
        let number = self.number();
        if number.duration {
            self.uses(&table::DURATION_AS_NUMBER, span);
        }
        Some(if sign == Some(Sign::Minus) { Number { value: -number.value, ..number } } else { number })
    }

    pub(super) fn sign(&mut self) -> Option<Sign> {
        let sign = match self.kind() {
            TokenKind::Add => Sign::Plus,
            TokenKind::Sub => Sign::Minus,
            _ => return None,
        };
        self.bump();
        Some(sign)
    }

    /// Parses an operand with its sign. A sign binds as tightly as a product: `-2 ^ 2` is -4.
    fn signed(&mut self) -> Expr {
        let start = self.span();
        let Some(sign) = self.sign() else { return self.with_modifiers() };
        let operand = self.expression(BinaryOp::Pow.precedence());
        let span = start.to(operand.span);
        let kind = match operand.kind {
            Kind::Number(number) if sign == Sign::Minus => Kind::Number(Number { value: -number.value, ..number }),
            Kind::Number(number) => Kind::Number(number),
            _ => Kind::Unary(sign, Box::new(operand)),
        };
        Expr { kind, span }
    }

    /// Parses an operand and what stands behind it: ranges, offsets, `@` and the like.
    fn with_modifiers(&mut self) -> Expr {
        let mut expr = self.primary();
        loop {
            match self.kind() {
                TokenKind::LeftBracket => {
                    if !self.count_operator() {
                        return expr;
                    }
                    expr = self.range(expr);
                }
                TokenKind::At => self.at(&mut expr),
                TokenKind::Word if self.is_word("offset") => self.offset(&mut expr),
                TokenKind::Word if self.is_word("anchored") => self.extension(&mut expr, Extension::Anchored),
                TokenKind::Word if self.is_word("smoothed") => self.extension(&mut expr, Extension::Smoothed),
                _ => return expr,
            }
            expr.span = expr.span.to(self.last());
        }
    }

    fn offset(&mut self, expr: &mut Expr) {
        let word = self.bump().span;
        let Some(offset) = self.offset_duration() else { return };
        let Some(modifiers) = self.modifiers(expr, word, "offset") else { return };
        // Prometheus accepts a second offset when the first one is 0.
        if modifiers.offset.as_ref().is_some_and(|offset| offset.seconds() != Some(0.0)) {
            self.error(word, "offset is given twice");
        } else {
            modifiers.offset = Some(offset);
        }
    }

    fn at(&mut self, expr: &mut Expr) {
        let word = self.bump().span;
        let start = self.span();
        let named = [("start", At::Start), ("end", At::End)].into_iter().find(|(name, _)| self.is_word(name));
        let at = if let Some((_, at)) = named {
            self.bump();
            if !self.expect(TokenKind::LeftParen, "( behind start or end") {
                return;
            }
            self.expect(TokenKind::RightParen, ")");
            at
        } else if self.variables && self.kind() == TokenKind::Variable {
            self.bump();
            At::Time(0.0)
        } else {
            let Some(number) = self.number_with_sign("a Unix time, start() or end()") else { return };
            At::Time(number.value)
        };
        let span = start.to(self.last());
        self.uses(&table::AT_MODIFIER, word);
        if let At::Time(time) = at
            && (!time.is_finite() || time.abs() >= LATEST)
        {
            self.error(span, "the time is out of range");
        }
        let Some(modifiers) = self.modifiers(expr, word, "@") else { return };
        if modifiers.at.is_some() {
            self.error(word, "@ is given twice");
        } else {
            modifiers.at = Some(at);
        }
    }

    fn extension(&mut self, expr: &mut Expr, extension: Extension) {
        let word = self.bump().span;
        let (name, construct) = match extension {
            Extension::Anchored => ("anchored", &table::ANCHORED),
            Extension::Smoothed => ("smoothed", &table::SMOOTHED),
        };
        self.uses(construct, word);
        if matches!(expr.kind, Kind::Subquery(_)) {
            self.error(word, format!("{name} does not work on a subquery"));
            return;
        }
        let Some(modifiers) = self.modifiers(expr, word, name) else { return };
        if modifiers.extension.is_some_and(|other| other != extension) {
            self.error(word, "anchored and smoothed are mutually exclusive");
        }
        modifiers.extension = Some(extension);
    }

    /// Returns the modifiers of a selector or a subquery. Reports a mistake for other expressions.
    fn modifiers<'e>(&mut self, expr: &'e mut Expr, word: Span, name: &str) -> Option<&'e mut Modifiers> {
        Self::name_variable(expr);
        match &mut expr.kind {
            Kind::Selector(selector) => Some(&mut selector.modifiers),
            Kind::Subquery(subquery) => Some(&mut subquery.modifiers),
            _ => {
                self.error(word, format!("{name} must follow a selector or a subquery"));
                None
            }
        }
    }

    /// Turns a Grafana variable into the selector of a metric with that name, because something stands behind it.
    pub(super) fn name_variable(expr: &mut Expr) {
        if let Kind::Variable(text) = &expr.kind {
            let name = Name { text: text.clone(), span: expr.span, variable: true };
            let selector =
                Selector { name: Some(name), matchers: Vec::new(), range: None, modifiers: Modifiers::default() };
            expr.kind = Kind::Selector(Box::new(selector));
        }
    }
}
