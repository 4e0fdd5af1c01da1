//! Parses ranges, steps and offsets.

use super::Parser;
use crate::Span;
use crate::construct::Construct;
use crate::lexer::TokenKind;
use crate::number::LONGEST;
use crate::table;
use crate::tree::{At, Duration, DurationKind, DurationOp, Expr, Kind, Modifiers, Number, Sign, Subquery};

/// The precedence of a power. Signs bind more loosely than that, as tightly as products.
const TIGHTEST: u8 = 3;

impl Parser<'_> {
    /// Parses `[5m]` or `[1h:5m]` behind an expression.
    pub(super) fn range(&mut self, mut expr: Expr) -> Expr {
        let open = self.bump().span;
        self.brackets = true;
        let range = self.positive();
        let subquery = self.colon();
        let step = (subquery && self.kind() != TokenKind::RightBracket).then(|| self.positive());
        self.brackets = false;
        if !self.expect(TokenKind::RightBracket, if subquery { "]" } else { ": or ]" }) {
            self.skip_to(&[TokenKind::RightBracket]);
            self.eat(TokenKind::RightBracket);
        }
        let place = open.to(self.last());
        let span = expr.span.to(self.last());
        Self::name_variable(&mut expr);
        if subquery {
            let subquery = Subquery { expr, range, step, modifiers: Modifiers::default() };
            return Expr { kind: Kind::Subquery(Box::new(subquery)), span };
        }
        let Kind::Selector(selector) = &mut expr.kind else {
            self.error(place, "a range must follow a selector; a subquery of an expression needs a step: [5m:1m]");
            return expr;
        };
        if selector.range.is_some() {
            self.error(place, "the selector already has a range");
        }
        match &selector.modifiers.offset {
            // Prometheus accepts an offset of 0 in front of the range.
            Some(offset) if offset.seconds() != Some(0.0) => self.error(place, "offset must follow the range"),
            _ => {}
        }
        match selector.modifiers.at {
            Some(At::Time(_)) => self.error(place, "@ must follow the range"),
            Some(At::Start | At::End) => self.uses(&table::RANGE_BEHIND_AT, place),
            None => {}
        }
        selector.range = Some(range);
        Expr { span, ..expr }
    }

    /// Consumes the colon of a subquery, if there is one.
    fn colon(&mut self) -> bool {
        // Older servers take any letter for the colon of a subquery: `[5m x 1m]`.
        if self.word().len() == 1 && self.word().bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
            self.uses(&table::LETTER_AS_COLON, self.span());
            self.bump();
            return true;
        }
        self.eat(TokenKind::Colon)
    }

    /// Parses a range or a step, which must be longer than 0.
    fn positive(&mut self) -> Duration {
        let plain = self.kind() == TokenKind::Number;
        let duration = as_units(self.duration(0));
        if let DurationKind::Literal(number) = &duration.kind {
            if number.value == 0.0 && plain {
                self.uses(&table::ZERO_RANGE, duration.span);
            } else if number.value <= 0.0 {
                self.error(duration.span, "a range or step must be longer than 0");
            }
        }
        duration
    }

    /// Parses the duration behind `offset`. Arithmetic is possible only in parentheses or behind two signs.
    pub(super) fn offset_duration(&mut self) -> Option<Duration> {
        let start = self.span();
        let sign = self.sign();
        let first = match self.kind() {
            _ if self.is_literal() => {
                let literal = self.literal();
                match sign {
                    Some(Sign::Plus) => self.uses(&table::SIGNED_DURATION, start),
                    Some(Sign::Minus) => self.uses(&table::NEGATIVE_OFFSET, start),
                    None => {}
                }
                return Some(as_units(Self::with_sign(sign, start, literal)));
            }
            TokenKind::LeftParen if sign.is_none() => self.duration_operand(),
            TokenKind::Add | TokenKind::Sub => {
                self.uses(&table::SIGNED_DURATION, start);
                let inner = self.duration(TIGHTEST);
                Self::with_sign(sign, start, inner)
            }
            _ if self.kind() == TokenKind::LeftParen || self.starts_duration() => {
                let inner = self.duration_operand();
                return Some(Self::with_sign(sign, start, inner));
            }
            _ => {
                self.unexpected("a duration");
                return None;
            }
        };
        let whole = self.duration_operators(first, 0);
        // Add parentheses, without which the printed text would be parsed in another way.
        let leftmost = |mut duration: &Duration| loop {
            match &duration.kind {
                DurationKind::Binary(_, left, _) => duration = left,
                kind => return matches!(kind, DurationKind::Paren(_)),
            }
        };
        if matches!(whole.kind, DurationKind::Binary(..)) && !leftmost(&whole) {
            return Some(Duration { span: whole.span, kind: DurationKind::Paren(Box::new(whole)) });
        }
        Some(as_units(whole))
    }

    fn with_sign(sign: Option<Sign>, start: Span, inner: Duration) -> Duration {
        let span = start.to(inner.span);
        let kind = match (sign, inner.kind) {
            (None, kind) | (Some(Sign::Plus), kind @ DurationKind::Literal(_)) => kind,
            (Some(Sign::Minus), DurationKind::Literal(number)) => {
                DurationKind::Literal(Number { value: -number.value, ..number })
            }
            (Some(sign), kind) => DurationKind::Unary(sign, Box::new(Duration { kind, span: inner.span })),
        };
        Duration { kind, span }
    }

    /// Parses a duration whose operators have at least the precedence `least`.
    fn duration(&mut self, least: u8) -> Duration {
        if !self.enter() {
            return self.no_duration();
        }
        let start = self.span();
        let first = match self.sign() {
            None => self.duration_operand(),
            sign => {
                self.uses(&table::SIGNED_DURATION, start);
                let inner = self.duration(TIGHTEST);
                Self::with_sign(sign, start, inner)
            }
        };
        let duration = self.duration_operators(first, least);
        self.leave();
        duration
    }

    fn duration_operators(&mut self, mut left: Duration, least: u8) -> Duration {
        loop {
            let (op, precedence) = match self.kind() {
                TokenKind::Add => (DurationOp::Add, 1),
                TokenKind::Sub => (DurationOp::Sub, 1),
                TokenKind::Mul => (DurationOp::Mul, 2),
                TokenKind::Div => (DurationOp::Div, 2),
                TokenKind::Mod => (DurationOp::Mod, 2),
                TokenKind::Pow => (DurationOp::Pow, TIGHTEST),
                _ => return left,
            };
            if precedence < least || !self.count_operator() {
                return left;
            }
            let place = self.bump().span;
            let right = self.duration(precedence + u8::from(op != DurationOp::Pow));
            let zero = matches!(&right.kind, DurationKind::Literal(number) if number.value == 0.0);
            if zero && matches!(op, DurationOp::Div | DurationOp::Mod) {
                self.error(place, "division by zero");
            }
            self.uses(&table::DURATION_ARITHMETIC, place);
            let span = left.span.to(right.span);
            left = Duration { kind: DurationKind::Binary(op, Box::new(left), Box::new(right)), span };
        }
    }

    fn starts_duration(&self) -> bool {
        let function = ["step", "range", "min_of", "max_of"].iter().any(|word| self.is_word(word));
        function || self.kind() == TokenKind::Variable
    }

    fn duration_operand(&mut self) -> Duration {
        let start = self.span();
        let kind = match self.kind() {
            _ if self.is_literal() => return self.literal(),
            TokenKind::LeftParen => {
                self.bump();
                self.uses(&table::DURATION_ARITHMETIC, start);
                let inner = self.duration(0);
                self.expect(TokenKind::RightParen, ")");
                DurationKind::Paren(Box::new(inner))
            }
            TokenKind::Variable => {
                self.bump();
                DurationKind::Variable(start.of(self.text).to_owned())
            }
            _ if self.starts_duration() => self.duration_function(),
            _ => {
                self.unexpected("a duration such as 5m");
                return self.no_duration();
            }
        };
        Duration { kind, span: start.to(self.last()) }
    }

    /// Parses `step()`, `range()`, `min_of(a, b)` or `max_of(a, b)`.
    fn duration_function(&mut self) -> DurationKind {
        let word = self.bump().span;
        let name = word.of(self.text).to_ascii_lowercase();
        let construct: &'static Construct = match name.as_str() {
            "step" => &table::STEP_DURATION,
            "range" => &table::RANGE_DURATION,
            _ => &table::CHOSEN_DURATION,
        };
        self.uses(construct, word);
        self.expect(TokenKind::LeftParen, "(");
        let kind = match name.as_str() {
            "step" => DurationKind::Step,
            "range" => DurationKind::Range,
            _ => {
                let first = Box::new(self.duration(0));
                self.expect(TokenKind::Comma, ", and a second duration");
                let second = Box::new(self.duration(0));
                if name == "min_of" {
                    DurationKind::Smaller(first, second)
                } else {
                    DurationKind::Larger(first, second)
                }
            }
        };
        self.expect(TokenKind::RightParen, ")");
        kind
    }

    /// A duration that stands for wrong text. It never leaves the parser, because a tree with mistakes is not returned.
    fn no_duration(&self) -> Duration {
        Duration { kind: DurationKind::Step, span: self.span() }
    }

    fn is_literal(&self) -> bool {
        matches!(self.kind(), TokenKind::Number | TokenKind::Duration) || self.is_number_word()
    }

    fn literal(&mut self) -> Duration {
        let span = self.span();
        let number = self.number();
        if !number.duration {
            self.uses(&table::NUMBER_AS_DURATION, span);
        }
        if number.value > LONGEST {
            self.uses(&table::LONG_NUMBER, span);
        }
        Duration { kind: DurationKind::Literal(number), span }
    }
}

/// Marks a number that is the whole duration as one with units, so that it is printed with them. `0` keeps its
/// spelling, because no server accepts the range `[0s]`.
fn as_units(mut duration: Duration) -> Duration {
    if let DurationKind::Literal(number) = &mut duration.kind {
        number.duration |= number.value != 0.0;
    }
    duration
}
