//! Parses operands: numbers, strings, parentheses, calls and aggregations.

use super::{Parser, starts_expression};
use crate::construct::{Construct, ConstructKind};
use crate::lexer::{Token, TokenKind};
use crate::number::{self, Scanned, Spelling};
use crate::print::is_plain;
use crate::table;
use crate::text;
use crate::tree::{Aggregation, Call, Expr, Grouping, Kind, Name, Number};
use std::borrow::Cow;

/// Keywords that cannot be the name of a metric.
const NO_METRICS: [&str; 6] = ["bool", "on", "ignoring", "group_left", "group_right", "atan2"];

impl Parser<'_> {
    pub(super) fn primary(&mut self) -> Expr {
        let span = self.span();
        let kind = match self.kind() {
            TokenKind::Number | TokenKind::Duration => {
                let number = self.number();
                if number.duration {
                    self.uses(&table::DURATION_AS_NUMBER, span);
                }
                Kind::Number(number)
            }
            TokenKind::String => {
                self.bump();
                Kind::String(text::read(span.of(self.text)).map(|(text, _)| text).unwrap_or_default())
            }
            TokenKind::LeftParen => {
                self.bump();
                let inner = self.expression(0);
                self.close(")");
                Kind::Paren(Box::new(inner))
            }
            TokenKind::LeftBrace => self.selector(None),
            TokenKind::Word if self.is_number_word() => Kind::Number(self.number()),
            TokenKind::Word | TokenKind::Variable => self.named(),
            _ => {
                self.unexpected("an expression");
                if !matches!(
                    self.kind(),
                    TokenKind::RightParen | TokenKind::RightBracket | TokenKind::RightBrace | TokenKind::Comma
                ) {
                    self.bump();
                    // With two operators in a row, one is superfluous. The operand stands behind both.
                    if starts_expression(self.kind()) {
                        return self.primary();
                    }
                }
                return self.placeholder();
            }
        };
        Expr { kind, span: span.to(self.last()) }
    }

    /// Returns whether `Inf` or `NaN` (in any case) stands here. Within brackets these are not numbers.
    pub(super) fn is_number_word(&self) -> bool {
        !self.brackets && (self.is_word("inf") || self.is_word("nan"))
    }

    /// Parses the number or duration at the current place.
    pub(super) fn number(&mut self) -> Number {
        let Token { kind, span } = self.bump();
        let text = span.of(self.text);
        let duration = kind == TokenKind::Duration;
        if text.starts_with('.') && self.text[..span.start].ends_with(|c: char| c.is_ascii_alphanumeric()) {
            self.uses(&table::GLUED_NUMBER, span);
        }
        let value = if duration {
            number::duration(text).map_err(str::to_owned)
        } else {
            match number::scan(text) {
                Scanned::Number(_, Spelling::Underscores) => self.uses(&table::UNDERSCORES, span),
                // The spelling may depend on the character that follows: `0xee ` with a space is a number for all
                // servers.
                Scanned::Number(_, Spelling::Old) if !matches!(number::scan(&self.text[span.start..]), Scanned::Number(length, Spelling::Plain) if length == text.len()) =>
                {
                    self.uses(&table::OLD_NUMBER, span);
                }
                _ => {}
            }
            number::value(text).ok_or_else(|| format!("{text} is not a number, or too large for one"))
        };
        let value = value.unwrap_or_else(|why| {
            self.error(span, why);
            0.0
        });
        if duration && value == 0.0 {
            self.uses(&table::ZERO_DURATION, span);
        }
        Number { value, duration }
    }

    /// Consumes the closing parenthesis, after skipping what does not belong in front of it.
    fn close(&mut self, wanted: &str) {
        if !self.expect(TokenKind::RightParen, wanted) {
            self.skip_to(&[TokenKind::RightParen]);
            self.eat(TokenKind::RightParen);
        }
    }

    /// Parses an operand that begins with a name: an aggregation, a call or a selector.
    fn named(&mut self) -> Kind {
        let word = self.word();
        let upper = word.bytes().any(|byte| byte.is_ascii_uppercase());
        let word: Cow<'_, str> = if upper { word.to_ascii_lowercase().into() } else { word.into() };
        let behind = self.kind_behind(1);
        let grouped = || {
            let next = self.tokens.get(self.at + 1).map(|token| token.span.of(self.text)).unwrap_or_default();
            behind == TokenKind::Word && ["by", "without"].iter().any(|word| next.eq_ignore_ascii_case(word))
        };
        let may_be_grouped = table::aggregation_named(&word).is_some() || self.kind() == TokenKind::Variable;
        if may_be_grouped && grouped() || behind == TokenKind::LeftParen && table::aggregation_named(&word).is_some() {
            return self.aggregation(&word);
        }
        if behind == TokenKind::LeftParen {
            return self.call();
        }
        if NO_METRICS.contains(&&*word) {
            self.error(self.span(), format!("unexpected keyword {word}: expected an expression"));
        }
        let token = self.bump();
        let name = self.name_of(token);
        if name.variable && self.kind() != TokenKind::LeftBrace && is_one_variable(&name.text) {
            return Kind::Variable(name.text);
        }
        self.selector(Some(name))
    }

    fn call(&mut self) -> Kind {
        let token = self.bump();
        let function = Name { variable: token.kind == TokenKind::Variable, ..self.name(token.span) };
        let known = table::function_named(&function.text);
        match known {
            Some(construct) => self.uses(construct, token.span),
            None if function.variable => {}
            None => {
                let near = table::nearest(&function.text).map(|near| format!(", did you mean {near}?"));
                let message = format!("unknown function {}{}", function.text, near.unwrap_or_default());
                self.error(token.span, message);
            }
        }
        let args = self.arguments();
        // A variable in front of the parenthesis may be an aggregation, whose grouping stands at the end.
        if function.variable && (self.is_word("by") || self.is_word("without")) {
            let grouping = self.grouping();
            return self.aggregated(function, None, grouping, args);
        }
        Kind::Call(Call { function, known, args })
    }

    fn arguments(&mut self) -> Vec<Expr> {
        if !self.expect(TokenKind::LeftParen, "(") || self.eat(TokenKind::RightParen) {
            return Vec::new();
        }
        // Most calls have one argument, and an expression is large.
        let mut args = Vec::with_capacity(1);
        loop {
            args.push(self.expression(0));
            if !matches!(self.kind(), TokenKind::Comma | TokenKind::RightParen) {
                self.unexpected(", or )");
                self.skip_to(&[TokenKind::Comma, TokenKind::RightParen]);
            }
            let comma = self.span();
            if !self.eat(TokenKind::Comma) {
                break;
            }
            if self.kind() == TokenKind::RightParen {
                self.error(comma, "trailing comma in the arguments of a call");
                break;
            }
        }
        self.eat(TokenKind::RightParen);
        args
    }

    fn aggregation(&mut self, word: &str) -> Kind {
        let token = self.bump();
        let known = table::aggregation_named(word);
        if let Some(construct) = known {
            self.uses(construct, token.span);
        }
        let variable = token.kind == TokenKind::Variable;
        let text = if variable { token.span.of(self.text).to_owned() } else { word.to_owned() };
        let op = Name { text, span: token.span, variable };
        let mut grouping = self.grouping();
        let args = self.arguments();
        if grouping.is_none() {
            grouping = self.grouping();
        }
        self.aggregated(op, known, grouping, args)
    }

    /// Returns an aggregation, and reports a wrong number of arguments. `known` is `None` for a variable.
    fn aggregated(
        &mut self,
        op: Name,
        known: Option<&'static Construct>,
        grouping: Option<Grouping>,
        mut args: Vec<Expr>,
    ) -> Kind {
        let takes = match known.map(|known| &known.kind) {
            Some(ConstructKind::Aggregation(Some(_))) => 2..=2,
            None => 1..=2,
            _ => 1..=1,
        };
        if !takes.contains(&args.len()) {
            let wanted = if *takes.end() == 2 { "two arguments" } else { "one argument" };
            let message = format!("{} takes {wanted}, not {}", op.text, args.len());
            self.error(op.span, message);
        }
        let expr = args.pop().unwrap_or_else(|| self.placeholder());
        Kind::Aggregation(Box::new(Aggregation { op, grouping, param: args.pop(), expr }))
    }

    fn grouping(&mut self) -> Option<Grouping> {
        let without = self.is_word("without");
        if !without && !self.is_word("by") {
            return None;
        }
        let start = self.bump().span;
        let labels = self.labels();
        Some(Grouping { without, labels, span: start.to(self.last()) })
    }

    /// Parses a list of labels: `(job, "my.label")`.
    pub(super) fn labels(&mut self) -> Vec<Name> {
        if !self.expect(TokenKind::LeftParen, "( and labels") {
            return Vec::new();
        }
        self.list(TokenKind::RightParen, ", or )", Self::label)
    }

    /// Parses the items of a list, separated by commas, until its closing token. After a mistake it goes on with the
    /// next item.
    pub(super) fn list<T>(
        &mut self,
        close: TokenKind,
        expected: &'static str,
        item: impl Fn(&mut Self) -> Option<T>,
    ) -> Vec<T> {
        // Most lists have one item.
        let mut items = Vec::with_capacity(1);
        while !self.eat(close) {
            match item(self) {
                Some(item) => items.push(item),
                None => self.skip_to(&[TokenKind::Comma, close]),
            }
            if !self.eat(TokenKind::Comma) && self.kind() != close {
                self.unexpected(expected);
                self.skip_to(&[TokenKind::Comma, close]);
                if !self.eat(TokenKind::Comma) && self.kind() == TokenKind::End {
                    break;
                }
            }
        }
        items
    }

    fn label(&mut self) -> Option<Name> {
        let span = self.span();
        match self.kind() {
            TokenKind::String => {
                self.bump();
                let (text, _) = text::read(span.of(self.text)).ok()?;
                let plain = is_plain(&text);
                self.uses(if plain { &table::QUOTED_LABEL } else { &table::UTF8_LABEL }, span);
                if text.is_empty() || !text.is_utf8() {
                    self.error(span, "a label name must be valid UTF-8 and not empty");
                }
                Some(Name { text: (*text).to_owned(), span, variable: false })
            }
            TokenKind::Word if !self.is_word("without") && !self.is_number_word() => {
                let token = self.bump();
                let name = self.name_of(token);
                if name.text.contains(':') {
                    self.uses(&table::COLON_IN_LABEL, span);
                }
                Some(name)
            }
            TokenKind::Variable => {
                let token = self.bump();
                Some(self.name_of(token))
            }
            _ => {
                self.unexpected("a label");
                None
            }
        }
    }
}

/// Returns whether the text is one variable such as `$x` or `${x}` with nothing around it. Such a variable may stand
/// for any expression.
fn is_one_variable(text: &str) -> bool {
    let inner = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.or_else(|| text.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]")));
    let inner = inner.or_else(|| text.strip_prefix('$'));
    inner.is_some_and(|name| !name.contains(['$', '{', '}', '[', ']']))
        || text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
}
