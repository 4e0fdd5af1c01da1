//! The syntax tree of an expression. Trees are compared by meaning: places in the text do not count.

mod duration;
mod operator;

pub use duration::{Duration, DurationKind, DurationOp, Number, Sign};
pub use operator::BinaryOp;

use crate::construct::Construct;
use crate::{Span, Text};

/// An expression with its place in the text.
#[derive(Debug, Clone)]
pub struct Expr {
    pub kind: Kind,
    /// The place of the expression with its modifiers.
    pub span: Span,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// The variants of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `5`, `0x1F`, `Inf`, or the duration `5m` with the value 300.
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
    /// `-x`. A number with a sign is a [`Kind::Number`].
    Unary(Sign, Box<Expr>),
    /// `a + b`.
    Binary(Box<Binary>),
    /// `(…)`.
    Paren(Box<Expr>),
    /// A Grafana variable in the place of an expression: `$threshold`.
    Variable(String),
}

/// The name of a metric, a label or a function.
#[derive(Debug, Clone)]
pub struct Name {
    /// Without quotes.
    pub text: String,
    /// With quotes.
    pub span: Span,
    /// Whether the name contains a Grafana variable.
    pub variable: bool,
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.variable) == (&other.text, other.variable)
    }
}

/// A selector of series: an instant vector, or a range vector when it has a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    /// The name in front of the braces.
    pub name: Option<Name>,
    /// The matchers in the braces, in the order of the text. `{"my.metric"}` is a matcher of `__name__`.
    pub matchers: Vec<Matcher>,
    /// `[5m]`.
    pub range: Option<Duration>,
    pub modifiers: Modifiers,
}

impl Selector {
    /// Returns the metric name, whether it stands before the braces or in a single matcher `__name__="…"`.
    pub fn metric(&self) -> Option<&str> {
        let mut named = self.matchers.iter().filter(|matcher| matcher.name.text == "__name__");
        match (&self.name, named.next(), named.next()) {
            (Some(name), _, _) => Some(&name.text),
            (None, Some(matcher), None) if matcher.op == MatchOp::Equal => Some(&matcher.value),
            _ => None,
        }
    }
}

/// A label matcher: `label="value"`.
#[derive(Debug, Clone)]
pub struct Matcher {
    pub name: Name,
    pub op: MatchOp,
    pub value: Text,
    /// The place of the whole matcher.
    pub span: Span,
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

/// The operator of a matcher.
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

/// The modifiers behind a selector or a subquery.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Modifiers {
    /// `offset 5m`.
    pub offset: Option<Duration>,
    /// `@ 1700000000`.
    pub at: Option<At>,
    /// `anchored` or `smoothed`.
    pub extension: Option<Extension>,
}

/// The time of the modifier `@`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum At {
    /// Unix time in seconds.
    Time(f64),
    /// `start()` of the query.
    Start,
    /// `end()` of the query.
    End,
}

/// How a selector treats samples beyond the edges of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// `anchored`
    Anchored,
    /// `smoothed`
    Smoothed,
}

/// A subquery: an expression that is evaluated repeatedly over a range of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    pub expr: Expr,
    pub range: Duration,
    /// The time between evaluations. `None`: the server's default evaluation interval.
    pub step: Option<Duration>,
    pub modifiers: Modifiers,
}

#[derive(Debug, Clone)]
pub struct Call {
    pub function: Name,
    /// The function's entry in the table. `None` when the name contains a variable.
    pub known: Option<&'static Construct>,
    pub args: Vec<Expr>,
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.function == other.function && self.args == other.args
    }
}

/// An aggregation over series.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregation {
    /// The operator in lower case: `sum`.
    pub op: Name,
    /// `by (…)` or `without (…)`.
    pub grouping: Option<Grouping>,
    /// The first of two arguments: `5` in `topk(5, x)`.
    pub param: Option<Expr>,
    /// The expression that is aggregated.
    pub expr: Expr,
}

/// The labels by which an aggregation groups.
#[derive(Debug, Clone)]
pub struct Grouping {
    /// True for `without`: these labels are dropped. False for `by`: only these labels are kept.
    pub without: bool,
    pub labels: Vec<Name>,
    /// The place of the keyword and the labels.
    pub span: Span,
}

impl PartialEq for Grouping {
    fn eq(&self, other: &Self) -> bool {
        (self.without, &self.labels) == (other.without, &other.labels)
    }
}

/// A binary operation.
#[derive(Debug, Clone)]
pub struct Binary {
    pub op: BinaryOp,
    pub op_span: Span,
    /// The modifier `bool` of a comparison: the result is 0 or 1 for every series instead of a filter.
    pub returns_bool: bool,
    /// `on (…)` or `ignoring (…)`.
    pub matching: Option<Matching>,
    /// The values for series that exist on one side only.
    pub fill: Fill,
    pub left: Expr,
    pub right: Expr,
}

impl PartialEq for Binary {
    fn eq(&self, other: &Self) -> bool {
        (self.op, self.returns_bool, &self.matching, self.fill)
            == (other.op, other.returns_bool, &other.matching, other.fill)
            && (&self.left, &self.right) == (&other.left, &other.right)
    }
}

/// Vector matching: which series of the two sides belong together.
#[derive(Debug, Clone)]
pub struct Matching {
    /// True for `on`: only these labels are compared. False for `ignoring`: all other labels are compared.
    pub on: bool,
    pub labels: Vec<Name>,
    /// `group_left (…)` or `group_right (…)`.
    pub group: Option<Group>,
    /// The place of the whole matching, with its group.
    pub span: Span,
}

impl PartialEq for Matching {
    fn eq(&self, other: &Self) -> bool {
        (self.on, &self.labels, &self.group) == (other.on, &other.labels, &other.group)
    }
}

/// Many-to-one matching: many series of one side match one series of the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The side with many series.
    pub many: Side,
    /// The labels that are copied from the side with one series.
    pub include: Vec<Name>,
}

/// A side of a binary operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// The values of `fill`, `fill_left` and `fill_right` for series without a partner.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Fill {
    /// The value when the left side lacks a series.
    pub left: Option<Number>,
    /// The value when the right side lacks a series.
    pub right: Option<Number>,
}

impl Expr {
    /// Returns the operands and arguments, in the order of the text.
    pub fn children(&self) -> impl Iterator<Item = &Self> {
        let (operands, args): ([Option<&Self>; 2], &[Self]) = match &self.kind {
            Kind::Number(_) | Kind::String(_) | Kind::Selector(_) | Kind::Variable(_) => ([None, None], &[]),
            Kind::Subquery(one) => ([Some(&one.expr), None], &[]),
            Kind::Call(call) => ([None, None], &call.args),
            Kind::Aggregation(one) => ([one.param.as_ref(), Some(&one.expr)], &[]),
            Kind::Unary(_, inner) | Kind::Paren(inner) => ([Some(inner), None], &[]),
            Kind::Binary(one) => ([Some(&one.left), Some(&one.right)], &[]),
        };
        operands.into_iter().flatten().chain(args)
    }

    /// Returns the expression without the parentheses around it.
    pub fn bare(&self) -> &Self {
        match &self.kind {
            Kind::Paren(inner) => inner.bare(),
            _ => self,
        }
    }

    pub fn selector(&self) -> Option<&Selector> {
        match &self.kind {
            Kind::Selector(selector) => Some(selector),
            _ => None,
        }
    }

    /// Visits the expression and all its parts, parents first. The second argument has the parts around the visited
    /// one, the nearest last.
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

    /// Returns every selector, from left to right.
    pub fn selectors(&self) -> Vec<&Selector> {
        fn inner<'a>(expr: &'a Expr, found: &mut Vec<&'a Selector>) {
            if let Kind::Selector(selector) = &expr.kind {
                found.push(selector);
            }
            expr.children().for_each(|child| inner(child, found));
        }
        let mut found = Vec::new();
        inner(self, &mut found);
        found
    }
}
