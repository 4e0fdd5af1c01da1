//! The variables of a template, and which of them have the value of the alert.

/// Variables that Prometheus defines at the start of a template.
const GIVEN: [&str; 4] = ["labels", "externalLabels", "externalURL", "value"];

/// A variable, or the dot, whose name is `.`.
#[derive(Debug)]
struct Variable<'a> {
    name: &'a str,
    /// Whether it has the value of the alert.
    has_value: bool,
}

/// The variables that exist at a place of a template.
#[derive(Debug)]
pub(super) struct Variables<'a>(Vec<Variable<'a>>);

impl<'a> Variables<'a> {
    /// Returns the variables at the start of a template.
    pub(super) fn given() -> Self {
        Self(GIVEN.map(|name| Variable { name, has_value: name == "value" }).into())
    }

    pub(super) const fn count(&self) -> usize {
        self.0.len()
    }

    /// Forgets the variables of a block that ends.
    pub(super) fn truncate(&mut self, count: usize) {
        self.0.truncate(count);
    }

    fn find(&self, name: &str) -> Option<(usize, &Variable<'a>)> {
        self.0.iter().enumerate().rfind(|(_, variable)| variable.name == name)
    }

    pub(super) fn exists(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Whether this is a variable of Prometheus, and not another one of its name.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.find(name).is_some_and(|(at, _)| at < GIVEN.len())
    }

    /// Whether the variable has the value of the alert.
    pub(super) fn has_value(&self, name: &str) -> bool {
        self.find(name).is_some_and(|(_, variable)| variable.has_value)
    }

    /// Adds a variable.
    pub(super) fn declare(&mut self, name: &'a str, has_value: bool) {
        self.0.push(Variable { name, has_value });
    }

    /// Notes that a variable gets the value of the alert.
    pub(super) fn takes_value(&mut self, name: &str) {
        if let Some((at, _)) = self.find(name) {
            self.0[at].has_value = true;
        }
    }
}
