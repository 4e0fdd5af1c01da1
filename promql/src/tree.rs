//! The parsed expression. Two trees are equal when they say the same: places do not count.

mod duration;
mod operator;

pub use duration::{Duration, DurationKind, DurationOp, Number, Sign};
pub use operator::BinaryOp;

use crate::construct::Construct;
use crate::{Span, Text};

/// An expression and its place.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: Kind,
    /// Its text, with its modifiers.
    pub span: Span,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// What an expression can be.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `5`, `0x1F`, `Inf`, or `5m` for 300.
    Number(Number),
    /// `"text"`.
    String(Text),
    /// `up{job="x"}` or `up[5m]`.
    Selector(Box<Selector>),
    /// `(…)[1h:5m]`.
    Subquery(Box<Subquery>),
    /// `rate(…)`.
    Call(Call),
    /// `sum by (job) (…)`.
    Aggregation(Box<Aggregation>),
    /// `-x`; a number with a sign is a [`Kind::Number`].
    Unary(Sign, Box<Expr>),
    /// `a + b`.
    Binary(Box<Binary>),
    /// `(…)`.
    Paren(Box<Expr>),
    /// A Grafana variable where an expression belongs: `$threshold`.
    Variable(String),
}

/// A name of a metric, a label or a function.
#[derive(Debug, Clone)]
pub struct Name {
    /// The name, without quotes.
    pub text: String,
    /// Its place, with its quotes.
    pub span: Span,
    /// Whether a Grafana variable is part of it.
    pub variable: bool,
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.variable) == (&other.text, other.variable)
    }
}

/// Series of an instant, or of a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    /// The metric in front of the braces.
    pub name: Option<Name>,
    /// What is in the braces, in their order; `{"my.metric"}` is a matcher of `__name__`.
    pub matchers: Vec<Matcher>,
    /// `[5m]`, for a range vector.
    pub range: Option<Duration>,
    /// What stands behind it.
    pub modifiers: Modifiers,
}

impl Selector {
    /// The metric, however it is written: before the braces, or as the only matcher of `__name__`, with `=`.
    pub fn metric(&self) -> Option<&str> {
        let mut named = self.matchers.iter().filter(|matcher| matcher.name.text == "__name__");
        match (&self.name, named.next(), named.next()) {
            (Some(name), _, _) => Some(&name.text),
            (None, Some(matcher), None) if matcher.op == MatchOp::Equal => Some(&matcher.value),
            _ => None,
        }
    }
}

/// `label="value"`.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// The label.
    pub name: Name,
    /// How it is compared.
    pub op: MatchOp,
    /// With what.
    pub value: Text,
    /// The place of all three.
    pub span: Span,
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

/// What may stand behind a selector or a subquery.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Modifiers {
    /// `offset 5m`.
    pub offset: Option<Duration>,
    /// `@ 1700000000`.
    pub at: Option<At>,
    /// `anchored` or `smoothed`.
    pub extension: Option<Extension>,
}

/// The time of evaluation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum At {
    /// Unix time in seconds.
    Time(f64),
    /// `start()` of the query.
    Start,
    /// `end()` of the query.
    End,
}

/// How a selector looks beyond the edges of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// `anchored`
    Anchored,
    /// `smoothed`
    Smoothed,
}

/// A range of evaluations.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    /// What is evaluated.
    pub expr: Expr,
    /// Over how long.
    pub range: Duration,
    /// How often; as often as the server evaluates by default, when it is not written.
    pub step: Option<Duration>,
    /// What stands behind it.
    pub modifiers: Modifiers,
}

/// A call of a function.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its name.
    pub function: Name,
    /// What is known of it; nothing when the name has a variable.
    pub known: Option<&'static Construct>,
    /// Its arguments.
    pub args: Vec<Expr>,
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.function == other.function && self.args == other.args
    }
}

/// An aggregation over labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregation {
    /// `sum`, in lower case.
    pub op: Name,
    /// `by (…)` or `without (…)`.
    pub grouping: Option<Grouping>,
    /// The first of two arguments: `5` in `topk(5, x)`.
    pub param: Option<Expr>,
    /// What is aggregated.
    pub expr: Expr,
}

/// The labels that are kept, or dropped.
#[derive(Debug, Clone)]
pub struct Grouping {
    /// Whether the labels are dropped: `without`.
    pub without: bool,
    /// The labels.
    pub labels: Vec<Name>,
    /// The place of the word and the labels.
    pub span: Span,
}

impl PartialEq for Grouping {
    fn eq(&self, other: &Self) -> bool {
        (self.without, &self.labels) == (other.without, &other.labels)
    }
}

/// Two operands and what joins them.
#[derive(Debug, Clone)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Its place.
    pub op_span: Span,
    /// `bool` behind a comparison: 0 or 1 for every series, instead of a filter.
    pub returns_bool: bool,
    /// `on (…)` or `ignoring (…)`.
    pub matching: Option<Matching>,
    /// Values for series that one side lacks.
    pub fill: Fill,
    /// The left side.
    pub left: Expr,
    /// The right side.
    pub right: Expr,
}

impl PartialEq for Binary {
    fn eq(&self, other: &Self) -> bool {
        (self.op, self.returns_bool, &self.matching, self.fill)
            == (other.op, other.returns_bool, &other.matching, other.fill)
            && (&self.left, &self.right) == (&other.left, &other.right)
    }
}

/// Which series of two sides belong together.
#[derive(Debug, Clone)]
pub struct Matching {
    /// Whether only these labels count (`on`), or all others (`ignoring`).
    pub on: bool,
    /// The labels.
    pub labels: Vec<Name>,
    /// `group_left (…)` or `group_right (…)`.
    pub group: Option<Group>,
    /// The place of all of it.
    pub span: Span,
}

impl PartialEq for Matching {
    fn eq(&self, other: &Self) -> bool {
        (self.on, &self.labels, &self.group) == (other.on, &other.labels, &other.group)
    }
}

/// Many series of one side match one of the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The side with many.
    pub many: Side,
    /// The labels taken from the side with one.
    pub include: Vec<Name>,
}

/// A side of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The left one.
    Left,
    /// The right one.
    Right,
}

/// Values for series without a partner.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Fill {
    /// Where the left side lacks one.
    pub left: Option<Number>,
    /// Where the right side lacks one.
    pub right: Option<Number>,
}

impl Expr {
    /// The operands and arguments, in their order.
    pub fn children(&self) -> Vec<&Self> {
        match &self.kind {
            Kind::Number(_) | Kind::String(_) | Kind::Selector(_) | Kind::Variable(_) => Vec::new(),
            Kind::Subquery(one) => vec![&one.expr],
            Kind::Call(call) => call.args.iter().collect(),
            Kind::Aggregation(one) => one.param.iter().chain([&one.expr]).collect(),
            Kind::Unary(_, inner) | Kind::Paren(inner) => vec![inner],
            Kind::Binary(one) => vec![&one.left, &one.right],
        }
    }

    /// The expression without parentheses around it.
    pub fn bare(&self) -> &Self {
        match &self.kind {
            Kind::Paren(inner) => inner.bare(),
            _ => self,
        }
    }

    /// The selector, when it is one.
    pub fn selector(&self) -> Option<&Selector> {
        match &self.kind {
            Kind::Selector(selector) => Some(selector),
            _ => None,
        }
    }

    /// Every part with the parts that it stands in, the nearest last.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self, &[&'a Self])) {
        fn inner<'a>(expr: &'a Expr, above: &mut Vec<&'a Expr>, visit: &mut dyn FnMut(&'a Expr, &[&'a Expr])) {
            visit(expr, above);
            above.push(expr);
            for child in expr.children() {
                inner(child, above, visit);
            }
            above.pop();
        }
        inner(self, &mut Vec::new(), visit);
    }

    /// Every selector, from left to right.
    pub fn selectors(&self) -> Vec<&Selector> {
        let mut found = Vec::new();
        self.walk(&mut |part, _| found.extend(part.selector()));
        found
    }
}
