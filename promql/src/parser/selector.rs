//! Parses selectors: `metric{label="value"}`.

use super::Parser;
use crate::lexer::TokenKind;
use crate::tree::{Kind, MatchOp, Matcher, Modifiers, Name, Selector};
use crate::{Text, regex, table, text};

impl Parser<'_> {
    /// Parses the rest of a selector: `name` is the metric when it was read already; otherwise the braces begin here.
    pub(super) fn selector(&mut self, name: Option<Name>) -> Kind {
        let matchers = if self.kind() == TokenKind::LeftBrace { self.matchers() } else { Vec::new() };
        let again = matchers.iter().find(|matcher| matcher.name.text == "__name__");
        if let (Some(name), Some(again)) = (&name, again) {
            let message = format!("the metric is named twice: {} and {}", name.text, again.value);
            self.error(again.span, message);
        }
        Kind::Selector(Box::new(Selector { name, matchers, range: None, modifiers: Modifiers::default() }))
    }

    fn matchers(&mut self) -> Vec<Matcher> {
        self.bump();
        self.list(TokenKind::RightBrace, ", or }", Self::matcher)
    }

    fn matcher(&mut self) -> Option<Matcher> {
        let token = self.token();
        let name = match token.kind {
            TokenKind::Word | TokenKind::Variable => {
                self.bump();
                self.name_of(token)
            }
            TokenKind::String => {
                self.bump();
                let (value, _) = text::read(token.span.of(self.text)).ok()?;
                self.uses(&table::QUOTED_NAME, token.span);
                if matches!(self.kind(), TokenKind::Comma | TokenKind::RightBrace) {
                    let name = Name { text: "__name__".to_owned(), span: token.span, variable: false };
                    return Some(Matcher { name, op: MatchOp::Equal, value, span: token.span });
                }
                Name { text: (*value).to_owned(), span: token.span, variable: false }
            }
            _ => {
                self.unexpected("a label or }");
                return None;
            }
        };
        // A Grafana variable may stand for whole matchers. It is kept as a matcher with an empty value.
        if name.variable && matches!(self.kind(), TokenKind::Comma | TokenKind::RightBrace) {
            return Some(Matcher { name, op: MatchOp::NotEqual, value: Text::default(), span: token.span });
        }
        let op = match self.kind() {
            TokenKind::Assign => MatchOp::Equal,
            TokenKind::NotEqual => MatchOp::NotEqual,
            TokenKind::RegexMatch => MatchOp::Regex,
            TokenKind::RegexNotMatch => MatchOp::NotRegex,
            _ => {
                self.unexpected("=, !=, =~ or !~");
                return None;
            }
        };
        self.bump();
        let value = self.span();
        if self.kind() != TokenKind::String {
            self.unexpected("a string in quotes");
            return None;
        }
        self.bump();
        let (text, _) = text::read(value.of(self.text)).ok()?;
        let span = token.span.to(value);
        if matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
            match regex::read(&text) {
                Ok(pattern) => pattern.needs.into_iter().for_each(|construct| self.uses(construct, span)),
                Err(why) => self.error(span, format!("invalid regular expression: {why}")),
            }
        }
        Some(Matcher { name, op, value: text, span })
    }
}
