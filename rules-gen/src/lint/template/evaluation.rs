//! Finds what fails when Prometheus expands a template, although the template parses: a wrong number or type of
//! arguments, fields that do not exist. What depends on the result of a query is not known and not reported.

use super::tokens::{CONSTANTS, Token};
use super::variables::Variables;

/// The largest number of brackets in an action that is evaluated.
const DEEPEST: usize = 100;

/// The type of a value, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    /// A number with decimals. The value of an alert is one.
    Float,
    Integer,
    Text,
    Truth,
    /// A table of labels.
    Labels,
    /// The result of a query.
    Samples,
    /// One series of such a result.
    Sample,
    /// What a template gets: labels and value of the alert.
    Alert,
    Unknown,
}

impl Type {
    /// Returns the name for messages.
    const fn name(self) -> &'static str {
        match self {
            Self::Float => "a number with decimals",
            Self::Integer => "an integer",
            Self::Text => "a text",
            Self::Truth => "true or false",
            Self::Labels => "a table of labels",
            Self::Samples => "the result of a query",
            Self::Sample => "a series of a query's result",
            Self::Alert => "the alert",
            Self::Unknown => "a value",
        }
    }

    /// Returns the type of a field. `None` if there is no such field.
    fn field(self, name: &str) -> Option<Self> {
        match (self, name) {
            // The value of an alert on a native histogram has fields.
            (Self::Unknown | Self::Float, _) => Some(Self::Unknown),
            (Self::Labels, _) | (Self::Alert, "ExternalURL") => Some(Self::Text),
            (Self::Alert | Self::Sample, "Labels") | (Self::Alert, "ExternalLabels") => Some(Self::Labels),
            (Self::Alert | Self::Sample, "Value") => Some(Self::Float),
            _ => None,
        }
    }

    /// Returns the letters of the verbs of `printf` that show a value of this type. `None` if all may.
    const fn verbs(self) -> Option<&'static str> {
        match self {
            Self::Float => Some("vTbeEfFgGxX"),
            Self::Integer => Some("vTbcdoOqxXU"),
            Self::Text => Some("vTsqxX"),
            Self::Truth => Some("vTt"),
            _ => None,
        }
    }
}

/// The parameters of a function and the type of its result. The last parameter may be repeated if `more` is set.
struct Function {
    parameters: &'static [Type],
    more: bool,
    result: Type,
}

/// Returns the parameters of a function.
fn function(name: &str) -> Function {
    use Type::{Float, Sample, Samples, Text, Truth, Unknown};
    let (parameters, more, result): (&[Type], bool, Type) = match name {
        "eq" => (&[Unknown, Unknown], true, Truth),
        "ne" | "lt" | "le" | "gt" | "ge" => (&[Unknown, Unknown], false, Truth),
        "not" => (&[Unknown], false, Truth),
        "len" => (&[Unknown], false, Type::Integer),
        "printf" => (&[Text, Unknown], true, Text),
        "query" => (&[Text], false, Samples),
        "first" => (&[Samples], false, Sample),
        "label" => (&[Text, Sample], false, Text),
        "value" => (&[Sample], false, Float),
        "strvalue" => (&[Sample], false, Text),
        "sortByLabel" => (&[Text, Samples], false, Samples),
        "reReplaceAll" => (&[Text, Text, Text], false, Text),
        "match" => (&[Text, Text], false, Truth),
        "title" | "toUpper" | "toLower" | "graphLink" | "tableLink" | "stripPort" | "stripDomain"
        | "urlQueryEscape" => (&[Text], false, Text),
        "safeHtml" => (&[Text], false, Unknown),
        "parseDuration" => (&[Text], false, Float),
        "humanize" | "humanize1024" | "humanizeDuration" | "humanizePercentage" | "humanizeTimestamp" => {
            (&[Unknown], false, Text)
        }
        "toTime" | "toDuration" => (&[Unknown], false, Unknown),
        "now" => (&[], false, Float),
        "pathPrefix" | "externalURL" => (&[], false, Text),
        _ => return Function { parameters: &[], more: true, result: Unknown },
    };
    Function { parameters, more, result }
}

/// A value with the literal that it is.
#[derive(Debug, Clone, Copy)]
struct Value<'a> {
    kind: Type,
    literal: Option<&'a str>,
}

const UNKNOWN: Value<'_> = Value { kind: Type::Unknown, literal: None };

/// A walk through the tokens of an action.
pub(super) struct Evaluation<'a, 'b> {
    rest: &'b [Token<'a>],
    variables: &'b Variables<'a>,
    /// Whether the dot is the alert. Within `range` and `with` it is not.
    dot: Type,
    /// Whether `$` is the alert. In a template of its own it is not.
    root: Type,
    mistakes: Vec<String>,
}

/// Returns what fails in a pipeline. `inside` tells whether it is within `range` or `with`, and `apart` whether it is
/// in a template of its own.
pub(super) fn mistakes<'a>(
    pipeline: &[Token<'a>],
    variables: &Variables<'a>,
    inside: bool,
    apart: bool,
) -> Vec<String> {
    // Nobody writes more brackets, and the walk must end.
    if pipeline.iter().filter(|token| **token == Token::Sign('(')).count() > DEEPEST {
        return Vec::new();
    }
    let alert = |known: bool| if known { Type::Alert } else { Type::Unknown };
    let (dot, root) = (alert(!inside && !apart), alert(!apart));
    let mut evaluation = Evaluation { rest: pipeline, variables, dot, root, mistakes: Vec::new() };
    evaluation.pipeline();
    evaluation.mistakes
}

impl<'a> Evaluation<'a, '_> {
    fn next(&mut self) -> Option<&Token<'a>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn pipeline(&mut self) -> Value<'a> {
        let mut value = self.command(None);
        while self.rest.first() == Some(&Token::Sign('|')) {
            self.rest = &self.rest[1..];
            value = self.command(Some(value));
        }
        value
    }

    /// Evaluates one command: a value, or a function and its arguments. The result of the command before is the last
    /// argument.
    fn command(&mut self, before: Option<Value<'a>>) -> Value<'a> {
        let name = match self.rest.first() {
            Some(Token::Word(name)) if !CONSTANTS.contains(name) => Some(*name),
            _ => None,
        };
        if name.is_some() {
            self.rest = &self.rest[1..];
        }
        let mut values = Vec::new();
        while !matches!(self.rest.first(), None | Some(Token::Sign('|' | ')'))) {
            values.push(self.operand());
        }
        values.extend(before);
        match name {
            Some(name) => Value { kind: self.call(name, &values), literal: None },
            None => values.first().copied().unwrap_or(UNKNOWN),
        }
    }

    fn operand(&mut self) -> Value<'a> {
        let (dot, root) = (self.dot, self.root);
        let variables = self.variables;
        let plain = |kind: Type| Value { kind, literal: None };
        let mut value = match self.next() {
            Some(Token::Sign('(')) => {
                let value = self.pipeline();
                self.next();
                value
            }
            Some(Token::Variable("")) => plain(root),
            Some(Token::Variable(name)) => plain(match *name {
                _ if !variables.is_given(name) => Type::Unknown,
                "value" => Type::Float,
                "externalURL" => Type::Text,
                _ => Type::Labels,
            }),
            Some(Token::Field("")) => plain(dot),
            Some(Token::Field(name)) => {
                let name = *name;
                plain(self.field(dot, name))
            }
            Some(Token::Text(text)) if text.starts_with('\'') => plain(Type::Integer),
            Some(Token::Text(text)) => Value { kind: Type::Text, literal: Some(*text) },
            Some(Token::Number(number)) => plain(of_number(number)),
            Some(Token::Word("true" | "false")) => plain(Type::Truth),
            Some(Token::Word(name)) if !CONSTANTS.contains(name) => {
                let name = *name;
                plain(self.call(name, &[]))
            }
            _ => UNKNOWN,
        };
        while let Some(Token::Of(name)) = self.rest.first() {
            let name = *name;
            self.rest = &self.rest[1..];
            value = plain(self.field(value.kind, name));
        }
        value
    }

    fn field(&mut self, of: Type, name: &str) -> Type {
        of.field(name).unwrap_or_else(|| {
            self.mistakes.push(format!("{} has no field .{name}", of.name()));
            Type::Unknown
        })
    }

    /// Checks the arguments of a function and returns the type of its result.
    fn call(&mut self, name: &str, values: &[Value<'a>]) -> Type {
        let Function { parameters, more, result } = function(name);
        let needed = if name == "printf" { 1 } else { parameters.len() };
        if values.len() < needed || (values.len() > parameters.len() && !more) {
            let s = if needed == 1 { "" } else { "s" };
            self.mistakes.push(format!("{name} takes {needed} argument{s}, not {}", values.len()));
            return result;
        }
        for (wanted, value) in parameters.iter().zip(values) {
            if ![Type::Unknown, *wanted].contains(&value.kind) && *wanted != Type::Unknown {
                self.mistakes.push(format!("{name} takes {}, not {}", wanted.name(), value.kind.name()));
            }
        }
        match (name, values) {
            (_, [value])
                if (name.starts_with("humanize") || ["toTime", "toDuration"].contains(&name))
                    && ![Type::Float, Type::Integer, Type::Text, Type::Unknown].contains(&value.kind) =>
            {
                self.mistakes.push(format!("{name} takes a number, not {}", value.kind.name()));
            }
            ("eq" | "ne" | "lt" | "le" | "gt" | "ge", [a, b]) => {
                let basic = [Type::Float, Type::Integer, Type::Text, Type::Truth];
                if a.kind != b.kind && basic.contains(&a.kind) && basic.contains(&b.kind) {
                    let write = match (a.kind, b.kind) {
                        (Type::Float, Type::Integer) | (Type::Integer, Type::Float) => ": write it as 5.0",
                        _ => "",
                    };
                    let (a, b) = (a.kind.name(), b.kind.name());
                    self.mistakes.push(format!("{name} cannot compare {a} with {b}{write}"));
                }
            }
            ("printf", [format, shown @ ..]) => {
                let text = format.literal.and_then(promql::Text::of_literal);
                self.mistakes.extend(text.and_then(|text| of_printf(&text, shown)));
            }
            _ => {}
        }
        result
    }
}

/// Returns the type of a number, which Go derives from its notation.
fn of_number(number: &str) -> Type {
    let digits = number.trim_start_matches(['+', '-']);
    if digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') {
        Type::Integer
    } else if digits.starts_with("0x") || digits.starts_with("0X") || digits.ends_with('i') {
        Type::Unknown
    } else {
        Type::Float
    }
}

/// Returns what is wrong with the verbs of `printf`, which then shows a note such as `%!d(float64=95)`.
fn of_printf(format: &str, values: &[Value<'_>]) -> Option<String> {
    // These take other arguments than the next one.
    if format.contains(['*', '[']) {
        return None;
    }
    let mut values = values.iter();
    let mut parts = format.split('%').skip(1);
    while let Some(part) = parts.next() {
        let verb = part.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-' | ' ' | '#'));
        let Some(verb) = verb.chars().next() else {
            // `%%`, or a `%` at the end.
            if parts.next().is_none() {
                return Some("printf ends with a % that is not a verb: %% shows one".to_owned());
            }
            continue;
        };
        let Some(value) = values.next() else {
            return Some(format!("printf has no argument for %{verb}"));
        };
        if value.kind.verbs().is_some_and(|verbs| !verbs.contains(verb)) {
            return Some(format!("printf cannot show {} with %{verb}", value.kind.name()));
        }
    }
    values.next().map(|_| "printf has more arguments than verbs".to_owned())
}
