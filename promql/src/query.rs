//! A parsed expression with the language features that it needs from a server.

use crate::construct::{Construct, Missing, Version};
use crate::span::Span;
use crate::tree::Expr;

/// The result of parsing: the expression, and its uses of features that not every server supports.
#[derive(Debug, Clone)]
pub struct Query {
    pub expr: Expr,
    /// In the order of the text.
    pub uses: Vec<Use>,
}

/// The use of a language feature that only some servers support.
#[derive(Debug, Clone, Copy)]
pub struct Use {
    pub construct: &'static Construct,
    pub span: Span,
}

impl Query {
    /// Returns the uses that a server of this version with these feature flags refuses, each with the reason.
    pub fn missing_in<'a>(
        &'a self,
        version: Version,
        features: &'a [impl AsRef<str>],
    ) -> impl Iterator<Item = (&'a Use, Missing)> {
        self.uses.iter().filter_map(move |one| Some((one, one.construct.missing_in(version, features)?)))
    }
}
