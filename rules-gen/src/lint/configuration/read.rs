//! Reads `rules-gen.yaml`. Unknown keys and wrong values are errors with their line and column.

use super::paths::Paths;
use super::policy::{self, Names, Policy, RuleNames};
use super::queries::Queries;
use super::{Configuration, Ignore, LevelOf, plain};
use crate::lint::files;
use crate::lint::report::{Level, LintId, date};
use crate::lint::rule_file;
use crate::lint::yaml::{self, Kind, Node};
use anyhow::{Result, bail};
use checklist::yaml::hint;
use clap::ValueEnum;
use std::path::Path;

impl Configuration {
    /// Reads a file. `named` is whether the user named it, so that it applies to every linted file.
    ///
    /// # Errors
    /// When the file cannot be read, or has an unknown key or wrong value.
    pub fn read(path: &Path, named: bool, id: LintId) -> Result<Self> {
        let text = files::text(path)?;
        Self::parse(path, &text, named, id)
    }

    /// Parses the text of a file.
    ///
    /// # Errors
    /// When the text has an unknown key or wrong value.
    pub fn parse(path: &Path, text: &str, named: bool, id: LintId) -> Result<Self> {
        let name = path.display().to_string();
        let (documents, malformed) = yaml::documents(text);
        if let Some(malformed) = malformed {
            bail!("{name}:{}:{}: {}", malformed.place.line, malformed.place.column, malformed.message);
        }
        let folder = plain(path.parent().unwrap_or(Path::new("")));
        let mut configuration = Self {
            name: name.clone(),
            folder,
            // Without a current folder, only relative paths can be linted.
            current: std::env::current_dir().unwrap_or_default(),
            named,
            levels: Vec::new(),
            ignores: Vec::new(),
            policies: Vec::new(),
            runbook_url: None,
        };
        let beside = configuration.folder.clone();
        let reader = Reader { name: &name, folder: (!named).then_some(&beside), text, id };
        match documents.as_slice() {
            [] => {}
            [node] if node.is_null() => {}
            [node] => reader.root(node, &mut configuration)?,
            [_, second, ..] => return reader.wrong(second, "the file must contain a single YAML document"),
        }
        Ok(configuration)
    }
}

/// Returns the folder or file that a pattern of paths names before its first wildcard, if it does not exist.
fn missing<'t>(folder: &Path, pattern: &'t str) -> Option<&'t str> {
    let named = match pattern.find(['*', '?', '[']) {
        Some(wildcard) => pattern[..wildcard].rsplit_once('/')?.0,
        None => pattern,
    };
    (!folder.join(named).exists()).then_some(named)
}

/// Reads the nodes of the file, and makes errors with their places.
struct Reader<'a> {
    name: &'a str,
    /// The folder in which paths must exist. `None` if the file applies to files elsewhere.
    folder: Option<&'a Path>,
    text: &'a str,
    id: LintId,
}

impl Reader<'_> {
    fn wrong<T>(&self, node: &Node, message: &str) -> Result<T> {
        bail!("{}:{}:{}: {message}", self.name, node.place.line, node.place.column)
    }

    fn root(&self, node: &Node, configuration: &mut Configuration) -> Result<()> {
        for (key, value) in self.table(node, "the file", &["levels", "ignores", "policies", "fix"])? {
            match key {
                // All entries below the key are commented out.
                _ if value.is_null() => {}
                "levels" => configuration.levels = self.each(value, key, |node| self.level(node))?,
                "ignores" => configuration.ignores = self.each(value, key, |node| self.ignore(node))?,
                "policies" => configuration.policies = self.each(value, key, |node| self.policy(node))?,
                _ => {
                    for (key, value) in self.table(value, "fix", &["runbook_url"])? {
                        configuration.runbook_url = Some(self.link(value, key)?);
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns the entries of a mapping, or an error for the first unknown key.
    fn table<'n>(&self, node: &'n Node, what: &str, known: &[&str]) -> Result<Vec<(&'n str, &'n Node)>> {
        if !matches!(node.kind, Kind::Map(_)) {
            return self.wrong(node, &format!("{what} must be a mapping, not {}", node.what()));
        }
        let mut entries = Vec::new();
        for (key, value) in node.entries() {
            let name = key.text().unwrap_or_default();
            if !known.contains(&name) {
                let hint = hint(name, known);
                return self.wrong(key, &format!("unknown key {name}{hint}; known keys: {}", known.join(", ")));
            }
            entries.push((name, value));
        }
        Ok(entries)
    }

    fn each<T>(&self, node: &Node, what: &str, read: impl Fn(&Node) -> Result<T>) -> Result<Vec<T>> {
        if !matches!(node.kind, Kind::List(_)) {
            return self.wrong(node, &format!("{what} must be a list, not {}", node.what()));
        }
        node.items().iter().map(read).collect()
    }

    fn one(&self, node: &Node, what: &str) -> Result<String> {
        match node.text() {
            Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
            _ => self.wrong(node, &format!("{what} must be a string")),
        }
    }

    /// Returns the pattern of a link.
    fn link(&self, node: &Node, what: &str) -> Result<String> {
        let text = self.one(node, what)?;
        let link = text.replace("{alert}", "Alert");
        if link.contains(['{', '}']) || url::Url::parse(&link).is_err() {
            return self.wrong(node, &format!("{what} must be an address; {{alert}} stands for the name of the alert"));
        }
        Ok(text)
    }

    fn names(&self, node: &Node, what: &str) -> Result<Vec<String>> {
        let names = self.each(node, what, |node| self.one(node, what))?;
        if names.is_empty() {
            self.wrong(node, &format!("{what} is empty: at least one entry is required"))
        } else {
            Ok(names)
        }
    }

    fn lints(&self, node: &Node) -> Result<Vec<&'static str>> {
        let lint = |node: &Node| {
            let name = self.one(node, "lints")?;
            match (self.id)(&name) {
                Some(id) => Ok(id),
                None => self.wrong(node, &format!("unknown lint {name}; see rules-gen lint --list")),
            }
        };
        let lints = self.each(node, "lints", lint)?;
        if lints.is_empty() { self.wrong(node, "lints is empty: at least one id is required") } else { Ok(lints) }
    }

    fn paths(&self, node: &Node) -> Result<Paths> {
        let pattern = |node: &Node| {
            let text = self.one(node, "paths")?;
            if text.starts_with('/') || text.split('/').any(|part| part == "..") {
                return self.wrong(node, "paths are relative to the folder of this file, and below it");
            }
            let text = text.strip_prefix("./").unwrap_or(&text);
            if let Some(missing) = self.folder.and_then(|folder| missing(folder, text)) {
                return self.wrong(node, &format!("there is no {missing} beside this file"));
            }
            match glob::Pattern::new(text) {
                Ok(pattern) => Ok(pattern),
                Err(error) => self.wrong(node, &format!("invalid glob pattern: {}", error.msg)),
            }
        };
        let patterns = self.each(node, "paths", pattern)?;
        if patterns.is_empty() {
            return self
                .wrong(node, "paths is empty: at least one pattern is required; without the key, all files match");
        }
        Ok(Paths(patterns))
    }

    fn level(&self, node: &Node) -> Result<LevelOf> {
        let mut of = LevelOf { lints: Vec::new(), level: None, paths: Paths::default() };
        let mut reported = false;
        for (key, value) in self.table(node, "a level", &["lints", "level", "paths"])? {
            match key {
                "lints" => of.lints = self.lints(value)?,
                "paths" => of.paths = self.paths(value)?,
                _ => {
                    reported = true;
                    let text = value.text().unwrap_or_default();
                    of.level = Level::from_str(text, false).ok();
                    if of.level.is_none() && text != "off" {
                        return self.wrong(value, "level must be one of error, warning, info, off");
                    }
                }
            }
        }
        if of.lints.is_empty() || !reported {
            return self.wrong(node, "lints and level are required");
        }
        Ok(of)
    }

    fn ignore(&self, node: &Node) -> Result<Ignore> {
        let line = node.place.line;
        let text = self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default().to_owned();
        let mut ignore = Ignore { lints: Vec::new(), paths: Paths::default(), subject: None, until: None, line, text };
        let mut reason = false;
        for (key, value) in
            self.table(node, "an entry of ignores", &["lints", "paths", "subject", "reason", "until"])?
        {
            match key {
                "lints" => ignore.lints = self.lints(value)?,
                "paths" => ignore.paths = self.paths(value)?,
                "subject" => ignore.subject = Some(self.one(value, key)?),
                "reason" => reason = !self.one(value, key)?.is_empty(),
                _ => match value.text().and_then(date) {
                    Some(date) => ignore.until = Some(date),
                    None => return self.wrong(value, "until must be a date such as 2027-01-31"),
                },
            }
        }
        if ignore.lints.is_empty() || !reason {
            return self.wrong(node, "lints and reason are required");
        }
        Ok(ignore)
    }

    fn policy(&self, node: &Node) -> Result<Policy> {
        let mut policy = Policy::default();
        let known = ["paths", "severities", "labels", "annotations", "names", "for", "queries", "external_labels"];
        let entries = self.table(node, "a policy", &known)?;
        if entries.iter().all(|(key, _)| *key == "paths") {
            return self.wrong(node, &format!("a policy needs at least one of {}", known[1..].join(", ")));
        }
        for (key, value) in entries {
            match key {
                "paths" => policy.paths = self.paths(value)?,
                "severities" => policy.labels.values.push(("severity".to_owned(), self.names(value, key)?)),
                "labels" => self.policy_names(value, key, &mut policy.labels)?,
                "names" => policy.rules = self.rule_names(value)?,
                "for" => {
                    for (key, value) in self.table(value, key, &["min", "max"])? {
                        let limit = if key == "min" { &mut policy.least_for } else { &mut policy.most_for };
                        *limit = Some(self.duration(value, key)?);
                    }
                    if let (Some((_, least)), Some((_, most))) = (&policy.least_for, &policy.most_for)
                        && least > most
                    {
                        return self.wrong(value, "min is longer than max, so no alert can satisfy both");
                    }
                }
                "queries" => policy.queries = self.queries(value)?,
                "external_labels" => policy.external_labels = Some(self.names(value, key)?),
                _ => self.policy_names(value, key, &mut policy.annotations)?,
            }
        }
        Ok(policy)
    }

    /// Returns a duration as it is written, and its seconds.
    fn duration(&self, node: &Node, what: &str) -> Result<(String, f64)> {
        let text = node.text().unwrap_or_default();
        match rule_file::seconds(text) {
            Some(seconds) if seconds > 0.0 => Ok((text.to_owned(), seconds)),
            _ => self.wrong(node, &format!("{what} is a duration such as 5m or 7d")),
        }
    }

    fn queries(&self, node: &Node) -> Result<Queries> {
        let mut queries = Queries::default();
        let known = ["max_range", "max_selectors", "need_matcher", "matchers", "keep", "drop"];
        for (key, value) in self.table(node, "queries", &known)? {
            let text = value.text().unwrap_or_default();
            match key {
                "max_range" => queries.max_range = Some(self.duration(value, key)?),
                "max_selectors" => match text.parse() {
                    Ok(most) if most > 0 => queries.max_selectors = Some(most),
                    _ => return self.wrong(value, "max_selectors is a whole number from 1 on"),
                },
                "need_matcher" => match text.parse() {
                    Ok(needed) => queries.need_matcher = needed,
                    Err(_) => return self.wrong(value, "need_matcher is true or false"),
                },
                "matchers" => queries.matchers = self.names(value, key)?,
                "keep" => queries.keep = self.names(value, key)?,
                _ => queries.drop = self.names(value, key)?,
            }
        }
        Ok(queries)
    }

    fn rule_names(&self, node: &Node) -> Result<RuleNames> {
        let pattern = |node: &Node, what: &str| match policy::whole(&self.one(node, what)?) {
            Ok(pattern) => Ok(pattern),
            Err(error) => self.wrong(node, &format!("{what} must be a regular expression: {error}")),
        };
        let mut names = RuleNames::default();
        for (key, value) in self.table(node, "names", &["alerts", "records", "forbidden"])? {
            match key {
                "alerts" => names.alerts = Some(pattern(value, key)?),
                "records" => names.records = Some(pattern(value, key)?),
                _ => names.forbidden = self.each(value, key, |node| pattern(node, key))?,
            }
        }
        Ok(names)
    }

    fn policy_names(&self, node: &Node, what: &str, names: &mut Names) -> Result<()> {
        for (key, value) in self.table(node, what, &["required", "forbidden", "values"])? {
            match key {
                "required" => names.required = self.names(value, key)?,
                "forbidden" => names.forbidden = self.names(value, key)?,
                _ => {
                    if !matches!(value.kind, Kind::Map(_)) {
                        return self.wrong(value, "values must be a mapping of names to lists of allowed values");
                    }
                    for (name, allowed) in value.entries() {
                        names.values.push((self.one(name, "a name")?, self.names(allowed, "values")?));
                    }
                }
            }
        }
        Ok(())
    }
}
