//! Splits a text into tokens. Within braces and brackets the rules differ: `by` in `{by="x"}` is a label, and the colon
//! in `[5m:1m]` is a token instead of a part of a name.

use crate::error::Error;
use crate::number::{self, Scanned};
use crate::{Span, text};

/// The kind of a token. The token's text is found by its span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A name or a keyword.
    Word,
    /// A run of name characters that contains a Grafana variable.
    Variable,
    Number,
    Duration,
    String,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    At,
    Assign,
    RegexMatch,
    RegexNotMatch,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    TrimUpper,
    TrimLower,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    /// A text that is not a token. The lexer has reported it.
    Bad,
    End,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

/// Keywords that a number such as `.5` may follow without a space (`x offset.5`), on servers that have no names with
/// dots.
const BEFORE_NUMBERS: [&str; 6] = ["offset", "and", "or", "unless", "atan2", "bool"];

/// Returns the tokens of a text, with one [`TokenKind::End`] at the end, and the mistakes that were found.
pub(crate) fn lex(text: &str, variables: bool) -> (Vec<Token>, Vec<Error>) {
    let mut lexer = Lexer { text, at: 0, variables, braces: false, brackets: Brackets::Outside, errors: Vec::new() };
    let mut tokens = Vec::with_capacity(text.len() / 4 + 1);
    while let Some(token) = lexer.next() {
        tokens.push(token);
    }
    tokens.push(Token { kind: TokenKind::End, span: Span::new(text.len(), text.len()) });
    (tokens, lexer.errors)
}

/// Where the lexer is in relation to brackets.
#[derive(PartialEq, Eq)]
enum Brackets {
    Outside,
    /// Between `[` and the first number. Prometheus accepts no comments there.
    Begun,
    Inside,
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    variables: bool,
    braces: bool,
    brackets: Brackets,
    errors: Vec<Error>,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<Token> {
        self.skip_blank();
        let rest = &self.text[self.at..];
        let first = rest.chars().next()?;
        let (kind, length) = self.token(rest, first);
        let span = Span::new(self.at, self.at + length);
        self.at += length;
        match kind {
            TokenKind::LeftBrace => self.braces = true,
            TokenKind::RightBrace => self.braces = false,
            TokenKind::LeftBracket => self.brackets = Brackets::Begun,
            TokenKind::RightBracket => self.brackets = Brackets::Outside,
            TokenKind::Number | TokenKind::Duration if self.brackets == Brackets::Begun => {
                self.brackets = Brackets::Inside;
            }
            _ => {}
        }
        Some(Token { kind, span })
    }

    /// Skips white space and comments.
    fn skip_blank(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let blank = rest.bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
            self.at += blank;
            let rest = &rest[blank..];
            if !rest.starts_with('#') || self.brackets == Brackets::Begun {
                return;
            }
            self.at += rest.find(['\n', '\r']).unwrap_or(rest.len());
        }
    }

    /// Returns kind and length in bytes of the token at the beginning of `rest`.
    fn token(&mut self, rest: &str, first: char) -> (TokenKind, usize) {
        let inside = self.braces || self.brackets != Brackets::Outside;
        match first {
            '"' | '\'' | '`' => return self.string(rest, first),
            '$' | '[' if self.variables && variable(rest).is_some() => return (TokenKind::Variable, self.run(rest)),
            '0'..='9' | '.'
                if !self.braces && (first != '.' || rest[1..].starts_with(|c: char| c.is_ascii_digit())) =>
            {
                return self.number(rest);
            }
            c if starts_name(c) || (c == ':' && !inside) => return self.word(rest),
            _ => {}
        }
        let two = rest.as_bytes().get(1).copied();
        let (kind, length) = match (first, two) {
            ('(', _) => (TokenKind::LeftParen, 1),
            (')', _) => (TokenKind::RightParen, 1),
            ('{', _) => (TokenKind::LeftBrace, 1),
            ('}', _) => (TokenKind::RightBrace, 1),
            ('[', _) => (TokenKind::LeftBracket, 1),
            (']', _) => (TokenKind::RightBracket, 1),
            (',', _) => (TokenKind::Comma, 1),
            (':', _) => (TokenKind::Colon, 1),
            ('@', _) => (TokenKind::At, 1),
            ('=', Some(b'~')) if self.braces => (TokenKind::RegexMatch, 2),
            ('=', Some(b'=')) if !self.braces => (TokenKind::Equal, 2),
            ('=', _) => (TokenKind::Assign, 1),
            ('!', Some(b'~')) if self.braces => (TokenKind::RegexNotMatch, 2),
            ('!', Some(b'=')) => (TokenKind::NotEqual, 2),
            ('<', Some(b'=')) => (TokenKind::LessOrEqual, 2),
            ('<', Some(b'/')) => (TokenKind::TrimUpper, 2),
            ('<', _) => (TokenKind::Less, 1),
            ('>', Some(b'=')) => (TokenKind::GreaterOrEqual, 2),
            ('>', Some(b'/')) => (TokenKind::TrimLower, 2),
            ('>', _) => (TokenKind::Greater, 1),
            ('+', _) => (TokenKind::Add, 1),
            ('-', _) => (TokenKind::Sub, 1),
            ('*', _) => (TokenKind::Mul, 1),
            ('/', _) => (TokenKind::Div, 1),
            ('%', _) => (TokenKind::Mod, 1),
            ('^', _) => (TokenKind::Pow, 1),
            (c, _) => return self.bad(c.len_utf8(), format!("unexpected character {c:?}")),
        };
        (kind, length)
    }

    fn bad(&mut self, length: usize, message: impl Into<String>) -> (TokenKind, usize) {
        self.errors.push(Error::new(Span::new(self.at, self.at + length), message));
        (TokenKind::Bad, length)
    }

    fn string(&mut self, rest: &str, quote: char) -> (TokenKind, usize) {
        match text::length(rest) {
            Ok(length) => (TokenKind::String, length),
            Err((place, why)) => {
                let span = Span::new(self.at + place.start, self.at + place.end);
                self.errors.push(Error::new(span, why));
                // Continue after the closing quote, because the rest of the text may have more mistakes.
                let end = rest[1..].find(quote).map_or(rest.len(), |end| end + 2);
                (TokenKind::Bad, end)
            }
        }
    }

    fn number(&mut self, rest: &str) -> (TokenKind, usize) {
        let (kind, length) = match number::scan(rest) {
            Scanned::Number(length, _) => (TokenKind::Number, length),
            Scanned::Duration(length) => (TokenKind::Duration, length),
            Scanned::Neither(length) if self.variables && rest[length..].starts_with('$') => {
                (TokenKind::Number, length)
            }
            Scanned::Neither(length) => {
                let message = format!("{:?} is neither a number nor a duration", &rest[..length]);
                return self.bad(length, message);
            }
        };
        if self.variables && variable(&rest[length..]).is_some() {
            return (TokenKind::Variable, self.run(rest));
        }
        (kind, length)
    }

    fn word(&mut self, rest: &str) -> (TokenKind, usize) {
        let colon = !self.braces && self.brackets == Brackets::Outside;
        let length = rest.find(|c| !(continues_name(c) || (c == ':' && colon))).unwrap_or(rest.len());
        if self.variables && variable(&rest[length..]).is_some() {
            return (TokenKind::Variable, self.run(rest));
        }
        if let Some((keyword, number)) = rest[..length].split_once('.')
            && number.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !matches!(number::scan(&rest[keyword.len()..]), Scanned::Neither(_))
            && number.starts_with(|c: char| c.is_ascii_digit())
            && BEFORE_NUMBERS.iter().any(|known| known.eq_ignore_ascii_case(keyword))
        {
            return (TokenKind::Word, keyword.len());
        }
        (TokenKind::Word, length)
    }

    /// Returns the length in bytes of a run of name characters and variables.
    fn run(&self, rest: &str) -> usize {
        let colon = !self.braces && self.brackets == Brackets::Outside;
        let mut at = 0;
        loop {
            let behind = &rest[at..];
            let Some(c) = behind.chars().next() else { return at };
            match variable(behind) {
                Some(length) => at += length,
                None if continues_name(c) || (c == ':' && colon) => at += c.len_utf8(),
                None => return at,
            }
        }
    }
}

/// Returns the length in bytes of the Grafana variable at the beginning: `$name`, `${name:format}` or `[[name]]`.
fn variable(text: &str) -> Option<usize> {
    let name = |text: &str| text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    if let Some(inner) = text.strip_prefix("${") {
        let end = inner.find('}').filter(|end| *end > 0)?;
        return (name(inner) > 0).then_some(end + 3);
    }
    if let Some(inner) = text.strip_prefix("[[") {
        let length = name(inner);
        let format = inner[length..].strip_prefix(':').map_or(0, |format| name(format) + 1);
        return (length > 0 && inner[length + format..].starts_with("]]")).then_some(length + format + 4);
    }
    let length = name(text.strip_prefix('$')?);
    (length > 0).then_some(length + 1)
}

/// Letters beyond ASCII and names with dots need a feature flag. The parser records their use.
fn starts_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || (!c.is_ascii() && c.is_alphabetic())
}

fn continues_name(c: char) -> bool {
    starts_name(c) || c.is_ascii_digit() || c == '.'
}
