//! A parsed expression, and what it needs of a server.

use crate::construct::{Construct, Missing, Version};
use crate::span::Span;
use crate::tree::Expr;

/// An expression, and what it needs of a server.
#[derive(Debug, Clone)]
pub struct Query {
    /// The expression.
    pub expr: Expr,
    /// Every use of what not every server has, in the order of the text.
    pub uses: Vec<Use>,
}

/// The use of something that not every server has.
#[derive(Debug, Clone, Copy)]
pub struct Use {
    /// What.
    pub construct: &'static Construct,
    /// Where.
    pub span: Span,
}

impl Query {
    /// What a server of this version, with these feature flags, refuses, and why.
    pub fn missing_in<'a>(
        &'a self,
        version: Version,
        features: &'a [impl AsRef<str>],
    ) -> impl Iterator<Item = (&'a Use, Missing)> {
        self.uses.iter().filter_map(move |one| Some((one, one.construct.missing_in(version, features)?)))
    }
}
