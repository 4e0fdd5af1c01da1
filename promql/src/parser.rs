//! Builds the tree from tokens by precedence climbing. The parser continues after a mistake and reports every mistake
//! once.

mod binary;
mod duration;
mod primary;
mod selector;

use crate::construct::Construct;
use crate::error::Error;
use crate::lexer::{Token, TokenKind, lex};
use crate::query::{Query, Use};
use crate::table;
use crate::tree::{Expr, Kind, Name, Number};
use crate::{Span, check};

/// Limit for parentheses, braces, signs and arguments within each other. The tree is built and dropped by recursion, so
/// its depth must not depend on the text alone. Real expressions stay far below.
pub(crate) const MAX_NESTING: usize = 200;
/// Limit for operators and subqueries of one expression: a chain of them makes a tree as deep as the chain is long.
pub(crate) const MAX_OPERATORS: usize = 1_000;
/// Parsing stops after this many mistakes.
const MOST_ERRORS: usize = 20;

/// Parses an expression. `variables`: Grafana variables are allowed.
pub(crate) fn parse(text: &str, variables: bool) -> Result<Query, Vec<Error>> {
    let (tokens, errors) = lex(text, variables);
    let mut parser =
        Parser { text, tokens, at: 0, variables, errors, uses: Vec::new(), brackets: false, nesting: 0, operators: 0 };
    let expr = parser.whole();
    let Parser { mut errors, mut uses, .. } = parser;
    if errors.is_empty() {
        check::check(&expr, variables, &mut errors);
    }
    if errors.is_empty() {
        uses.sort_by_key(|one| one.span);
        return Ok(Query { expr, uses });
    }
    errors.sort_by_key(|error| error.span);
    errors.dedup();
    errors.truncate(MOST_ERRORS);
    Err(errors)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    variables: bool,
    errors: Vec<Error>,
    uses: Vec<Use>,
    /// Whether the parser is between `[` and `]`.
    brackets: bool,
    nesting: usize,
    operators: usize,
}

impl<'a> Parser<'a> {
    /// Parses the whole text and reports what follows the expression.
    fn whole(&mut self) -> Expr {
        if self.kind() == TokenKind::End {
            self.error(Span::default(), "there is no expression");
            return self.placeholder();
        }
        let expr = self.expression(0);
        while self.kind() != TokenKind::End {
            self.unexpected("an operator or the end of the expression");
            // Continue, because the text after the mistake may have more mistakes.
            if starts_expression(self.kind()) {
                self.expression(0);
            } else {
                self.bump();
            }
        }
        expr
    }

    fn token(&self) -> Token {
        // The last token is always `End`, and `bump` never moves past it.
        self.tokens
            .get(self.at)
            .or(self.tokens.last())
            .copied()
            .unwrap_or(Token { kind: TokenKind::End, span: Span::default() })
    }

    fn kind(&self) -> TokenKind {
        self.token().kind
    }

    fn kind_behind(&self, more: usize) -> TokenKind {
        self.tokens.get(self.at + more).map_or(TokenKind::End, |token| token.kind)
    }

    fn span(&self) -> Span {
        self.token().span
    }

    /// Returns the place of the token that was consumed last.
    fn last(&self) -> Span {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or_else(|| self.span(), |token| token.span)
    }

    fn bump(&mut self) -> Token {
        let token = self.token();
        self.at = (self.at + 1).min(self.tokens.len().saturating_sub(1));
        token
    }

    /// Consumes the token when it is of this kind, and returns whether it was.
    fn eat(&mut self, kind: TokenKind) -> bool {
        let there = self.kind() == kind;
        if there {
            self.bump();
        }
        there
    }

    /// Returns the word at the current place, or an empty text when there is no word.
    fn word(&self) -> &'a str {
        if self.kind() == TokenKind::Word { self.span().of(self.text) } else { "" }
    }

    fn is_word(&self, word: &str) -> bool {
        self.word().eq_ignore_ascii_case(word)
    }

    fn error(&mut self, span: Span, message: impl Into<String>) {
        self.errors.push(Error::new(span, message));
        if self.errors.len() > MOST_ERRORS {
            self.at = self.tokens.len().saturating_sub(1);
        }
    }

    /// Reports that something else is expected here, at most once for each place.
    fn unexpected(&mut self, wanted: &str) {
        let span = self.span();
        if self.kind() == TokenKind::Bad || self.errors.iter().rev().take(MOST_ERRORS).any(|error| error.span == span) {
            return;
        }
        let found = match self.kind() {
            TokenKind::End => "the end of the expression".to_owned(),
            TokenKind::Assign => "= (== compares)".to_owned(),
            _ => span.of(self.text).to_owned(),
        };
        self.error(span, format!("unexpected {found}, expected {wanted}"));
    }

    /// Consumes a token that must be here, and reports a mistake when it is missing.
    fn expect(&mut self, kind: TokenKind, wanted: &str) -> bool {
        let there = self.eat(kind);
        if !there {
            self.unexpected(wanted);
        }
        there
    }

    /// Skips wrong tokens up to one of `stops` on the same level of parentheses.
    fn skip_to(&mut self, stops: &[TokenKind]) {
        let mut open = 0_usize;
        while self.kind() != TokenKind::End && (open > 0 || !stops.contains(&self.kind())) {
            match self.bump().kind {
                TokenKind::LeftParen | TokenKind::LeftBrace | TokenKind::LeftBracket => open += 1,
                TokenKind::RightParen | TokenKind::RightBrace | TokenKind::RightBracket => {
                    open = open.saturating_sub(1);
                }
                _ => {}
            }
        }
    }

    /// Records the use of a construct that only some servers support.
    fn uses(&mut self, construct: &'static Construct, span: Span) {
        self.uses.push(Use { construct, span });
    }

    /// Enters one level of nesting. When that is too deep, it reports a mistake, skips all tokens and returns false.
    fn enter(&mut self) -> bool {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return self.give_up(format!("more than {MAX_NESTING} levels of nesting"));
        }
        true
    }

    fn leave(&mut self) {
        self.nesting -= 1;
    }

    /// Counts an operator. When there are too many, it reports a mistake, skips all tokens and returns false.
    fn count_operator(&mut self) -> bool {
        self.operators += 1;
        self.operators <= MAX_OPERATORS || self.give_up(format!("more than {MAX_OPERATORS} operators"))
    }

    fn give_up(&mut self, why: String) -> bool {
        if self.kind() != TokenKind::End {
            self.error(self.span(), why + ": split the expression with recording rules");
        }
        self.at = self.tokens.len().saturating_sub(1);
        false
    }

    /// An expression that stands for wrong text. It never leaves the parser, because a tree with mistakes is not
    /// returned.
    fn placeholder(&self) -> Expr {
        Expr { kind: Kind::Number(Number { value: f64::NAN, duration: false }), span: self.span() }
    }

    fn name(&self, span: Span) -> Name {
        Name { text: span.of(self.text).to_owned(), span, variable: false }
    }

    /// Returns the name of a token that is a word or contains variables.
    fn name_of(&mut self, token: Token) -> Name {
        let name = Name { variable: token.kind == TokenKind::Variable, ..self.name(token.span) };
        if let Some(at) = name.text.find(|c| !is_plain(c)).filter(|_| !name.variable) {
            self.uses(&table::UNQUOTED_NAME, Span::new(token.span.start + at, token.span.end));
        }
        name
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn starts_expression(kind: TokenKind) -> bool {
    use TokenKind::{Duration, LeftBrace, LeftParen, Number, String, Variable, Word};
    matches!(kind, Word | Variable | Number | Duration | String | LeftParen | LeftBrace)
}
