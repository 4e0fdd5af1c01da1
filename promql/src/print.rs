//! Prints a tree as text that parses to the same tree. Labels and matchers keep their order, durations have units,
//! strings are in double quotes.

use crate::number;
use crate::text;
use crate::tree::{
    Aggregation, At, Binary, BinaryOp, Call, Duration, DurationKind, DurationOp, Expr, Extension, Fill, Grouping, Kind,
    MatchOp, Matcher, Matching, Modifiers, Name, Number, Selector, Side, Sign, Subquery,
};
use std::fmt::{self, Display, Formatter, Write};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Number(number) => number.fmt(f),
            Kind::String(text) => text.fmt(f),
            Kind::Selector(selector) => selector.fmt(f),
            Kind::Subquery(subquery) => subquery.fmt(f),
            Kind::Call(call) => call.fmt(f),
            Kind::Aggregation(aggregation) => aggregation.fmt(f),
            Kind::Unary(sign, inner) => write!(f, "{sign}{inner}"),
            Kind::Binary(binary) => binary.fmt(f),
            Kind::Paren(inner) => write!(f, "({inner})"),
            Kind::Variable(name) => f.write_str(name),
        }
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match number::in_units(self.value).filter(|_| self.duration) {
            Some(text) => f.write_str(&text),
            None => f.write_str(&number::plain(self.value)),
        }
    }
}

impl Display for Sign {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plus => "+",
            Self::Minus => "-",
        })
    }
}

impl Display for BinaryOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Display for MatchOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        })
    }
}

/// Prints a label, in quotes when it needs them.
struct Label<'a>(&'a Name);

impl Display for Label<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = &self.0.text;
        if is_plain(name) || self.0.variable { f.write_str(name) } else { text::quote(name, f) }
    }
}

/// Returns whether a label name can be written without quotes.
pub(crate) fn is_plain(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.bytes().all(good)
}

fn list(f: &mut Formatter<'_>, items: impl Iterator<Item = impl Display>) -> fmt::Result {
    for (at, item) in items.enumerate() {
        f.write_str(if at == 0 { "" } else { ", " })?;
        item.fmt(f)?;
    }
    Ok(())
}

fn labels(f: &mut Formatter<'_>, names: &[Name]) -> fmt::Result {
    f.write_char('(')?;
    for (at, name) in names.iter().enumerate() {
        f.write_str(if at == 0 { "" } else { ", " })?;
        // Within the parentheses of a grouping these words would be read as keywords.
        let keyword = ["without", "inf", "nan"].iter().any(|word| word.eq_ignore_ascii_case(&name.text));
        if keyword { text::quote(&name.text, f)? } else { Label(name).fmt(f)? }
    }
    f.write_char(')')
}

impl Display for Matcher {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // A variable that stands for whole matchers (see the parser of matchers).
        if self.name.variable && self.op == MatchOp::NotEqual && self.value.is_empty() && self.span == self.name.span {
            return f.write_str(&self.name.text);
        }
        write!(f, "{}{}{}", Label(&self.name), self.op, self.value)
    }
}

impl Display for Selector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            f.write_str(&name.text)?;
        }
        if !self.matchers.is_empty() || self.name.is_none() {
            f.write_char('{')?;
            list(f, self.matchers.iter())?;
            f.write_char('}')?;
        }
        if let Some(range) = &self.range {
            write!(f, "[{range}]")?;
        }
        self.modifiers.fmt(f)
    }
}

impl Display for Modifiers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let offset =
            |f: &mut Formatter<'_>| self.offset.as_ref().map_or(Ok(()), |offset| write!(f, " offset {offset}"));
        // Behind a closing parenthesis, the parser reads an operator as part of the duration. Another modifier in
        // between prevents that, so such an offset is printed first.
        let open = |offset: &Duration| matches!(offset.kind, DurationKind::Paren(_) | DurationKind::Binary(..));
        let first = self.offset.as_ref().is_some_and(open);
        if first {
            offset(f)?;
        }
        match self.extension {
            Some(Extension::Anchored) => f.write_str(" anchored")?,
            Some(Extension::Smoothed) => f.write_str(" smoothed")?,
            None => {}
        }
        match self.at {
            Some(At::Time(time)) => write!(f, " @ {}", number::plain(time))?,
            Some(At::Start) => f.write_str(" @ start()")?,
            Some(At::End) => f.write_str(" @ end()")?,
            None => {}
        }
        if first { Ok(()) } else { offset(f) }
    }
}

impl Display for Subquery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}:", self.expr, self.range)?;
        if let Some(step) = &self.step {
            step.fmt(f)?;
        }
        write!(f, "]{}", self.modifiers)
    }
}

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DurationKind::Literal(number) => number.fmt(f),
            DurationKind::Step => f.write_str("step()"),
            DurationKind::Range => f.write_str("range()"),
            DurationKind::Unary(sign, inner) => write!(f, "{sign}{inner}"),
            DurationKind::Binary(op, left, right) => write!(f, "{left} {op} {right}"),
            DurationKind::Smaller(left, right) => write!(f, "min_of({left}, {right})"),
            DurationKind::Larger(left, right) => write!(f, "max_of({left}, {right})"),
            DurationKind::Paren(inner) => write!(f, "({inner})"),
            DurationKind::Variable(name) => f.write_str(name),
        }
    }
}

impl Display for DurationOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
        })
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.function.text)?;
        list(f, self.args.iter())?;
        f.write_char(')')
    }
}

impl Display for Aggregation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.op.text)?;
        if let Some(grouping) = &self.grouping {
            write!(f, " {grouping} ")?;
        }
        f.write_char('(')?;
        list(f, self.param.iter().chain([&self.expr]))?;
        f.write_char(')')
    }
}

impl Display for Grouping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.without { "without " } else { "by " })?;
        labels(f, &self.labels)
    }
}

impl Display for Binary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.left.fmt(f)?;
        if self.op != BinaryOp::InVariable {
            write!(f, " {}", self.op)?;
        }
        if self.returns_bool {
            f.write_str(" bool")?;
        }
        if let Some(matching) = &self.matching {
            matching.fmt(f)?;
        }
        write!(f, "{} {}", self.fill, self.right)
    }
}

impl Display for Matching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.on { " on " } else { " ignoring " })?;
        labels(f, &self.labels)?;
        let Some(group) = &self.group else { return Ok(()) };
        f.write_str(match group.many {
            Side::Left => " group_left ",
            Side::Right => " group_right ",
        })?;
        labels(f, &group.include)
    }
}

impl Display for Fill {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.left, self.right) {
            (Some(left), Some(right)) if left == right => write!(f, " fill ({left})"),
            (left, right) => {
                left.map_or(Ok(()), |value| write!(f, " fill_left ({value})"))?;
                right.map_or(Ok(()), |value| write!(f, " fill_right ({value})"))
            }
        }
    }
}
