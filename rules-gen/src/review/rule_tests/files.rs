//! Reads rule files and the tests that load them, with the places of the values that mutants change.

use super::slot::Slot;
use crate::lint::files::{self, Source};
use crate::lint::rule_file::seconds;
use crate::lint::yaml::{self, Node};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The rule files and tests.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// The rule files by their canonical path.
    pub rules: BTreeMap<PathBuf, RuleFile>,
    pub tests: Vec<TestFile>,
    /// Files that could not be read, with the reason.
    pub unread: Vec<(String, String)>,
}

/// A rule file with its rules.
#[derive(Debug)]
pub(super) struct RuleFile {
    pub name: String,
    pub text: String,
    pub rules: Vec<Rule>,
}

/// A rule, and the places of its parts in the file.
#[derive(Debug)]
pub(super) struct Rule {
    pub name: String,
    pub alerts: bool,
    pub line: usize,
    pub expr: String,
    /// The labels without a template.
    pub labels: Vec<(String, String)>,
    /// The place of the expression.
    pub expr_at: Option<Slot>,
    /// The place of `for`. `None` when the rule has none.
    pub pending_at: Option<Slot>,
}

/// A test file for promtool.
#[derive(Debug)]
pub(super) struct TestFile {
    pub name: String,
    pub text: String,
    pub node: Node,
    /// The canonical paths of the rule files that the test loads.
    pub loads: Vec<PathBuf>,
    /// The place of the list `rule_files`.
    pub loads_at: Option<Slot>,
}

impl Files {
    /// Reads the rule files and tests at these paths, and the rule files that the tests load. Without a test at these
    /// paths, tests in the folders of the rule files are read.
    pub(super) fn read(paths: &[String]) -> Result<Self> {
        let mut all = Self::default();
        for source in files::collect(paths)? {
            let (name, named, before) = (source.name.clone(), source.named, all.count());
            all.take(source, true)?;
            if named && all.count() == before {
                bail!("{name} has neither rules nor rule tests, as promtool reads them");
            }
        }
        if all.tests.is_empty() {
            all.add_tests_of_folders()?;
        }
        for path in all.tests.iter().flat_map(|test| test.loads.clone()).collect::<Vec<_>>() {
            if !all.rules.contains_key(&path) {
                let name = path.display().to_string();
                all.take(
                    Source { text: files::text(&path).map_err(|error| format!("{error:#}")), name, named: true },
                    true,
                )?;
            }
        }
        Ok(all)
    }

    /// Returns how many rule files and tests were read.
    fn count(&self) -> usize {
        self.rules.len() + self.tests.len()
    }

    /// Adds the tests in the folders of the rule files, if they load one of them.
    fn add_tests_of_folders(&mut self) -> Result<()> {
        let folder = |path: &PathBuf| path.parent().map(|folder| folder.display().to_string());
        let mut folders: Vec<String> = self.rules.keys().filter_map(folder).collect();
        folders.dedup();
        for source in files::collect(&folders)? {
            self.take(source, false)?;
        }
        let known: Vec<PathBuf> = self.rules.keys().cloned().collect();
        self.tests.retain(|test| test.loads.iter().any(|path| known.contains(path)));
        Ok(())
    }

    fn take(&mut self, source: Source, rules_too: bool) -> Result<()> {
        let Source { name, named, text } = source;
        let text = match text {
            Ok(text) => text,
            Err(why) if named => bail!("{name} {why}"),
            Err(why) => {
                // A file of a folder or pattern may be found again beside a rule file.
                let real = |name: &str| Path::new(name).canonicalize().ok();
                let same = |file: &str| file == name || real(file).is_some_and(|file| real(&name) == Some(file));
                if !self.unread.iter().any(|(file, _)| same(file)) {
                    self.unread.push((name, why));
                }
                return Ok(());
            }
        };
        let (documents, malformed) = yaml::documents(&text);
        let ours = ["groups", "tests"].iter().any(|key| text.contains(key));
        if let Some(malformed) = malformed.filter(|_| ours) {
            let why = format!("{}:{}: {}", malformed.place.line, malformed.place.column, malformed.message);
            if rules_too {
                bail!("{name}:{why}");
            }
            self.unread.push((name, why));
            return Ok(());
        }
        let Some(root) = documents.into_iter().next() else { return Ok(()) };
        if root.get("tests").is_some_and(|tests| tests.items().iter().any(|test| !test.entries().is_empty())) {
            self.tests.push(TestFile::new(name, text, root)?);
        } else if rules_too && root.get("groups").is_some() && root.get("kind").is_none() {
            let real = Path::new(&name).canonicalize().with_context(|| format!("cannot read {name}"))?;
            let rules = rules(&root, &text);
            self.rules.insert(real, RuleFile { name, text, rules });
        }
        Ok(())
    }
}

impl TestFile {
    fn new(name: String, text: String, node: Node) -> Result<Self> {
        let folder = Path::new(&name).parent().unwrap_or(Path::new("")).to_owned();
        let mut loads = Vec::new();
        for pattern in node.get("rule_files").map(Node::items).unwrap_or_default().iter().filter_map(Node::text) {
            let pattern = folder.join(pattern).display().to_string();
            for path in
                glob::glob(&pattern).with_context(|| format!("{name}: {pattern} is not a valid glob pattern"))?
            {
                loads.push(path?.canonicalize().with_context(|| format!("{name} loads {pattern}"))?);
            }
        }
        let loads_at = value_of(&node, "rule_files", &text).and_then(|(at, _)| at);
        Ok(Self { name, text, node, loads, loads_at })
    }
}

fn rules(root: &Node, text: &str) -> Vec<Rule> {
    let groups = root.get("groups").map(Node::items).unwrap_or_default();
    let all = groups.iter().filter_map(|group| group.get("rules")).flat_map(Node::items);
    all.filter_map(|node| rule(node, text)).collect()
}

fn rule(node: &Node, text: &str) -> Option<Rule> {
    let alert = node.get("alert").and_then(Node::text).filter(|name| !name.is_empty());
    let name = alert.or_else(|| node.get("record").and_then(Node::text))?.to_owned();
    let (expr_at, expr) = value_of(node, "expr", text)?;
    let waits =
        |(at, pending): (Option<Slot>, &Node)| seconds(pending.text()?).filter(|seconds| *seconds > 0.0).and(at);
    let labels = node.get("labels").map(Node::entries).unwrap_or_default().iter();
    let fixed = labels.filter_map(|(name, value)| Some((name.text()?.to_owned(), value.text()?.to_owned())));
    Some(Rule {
        alerts: alert.is_some(),
        line: node.place.line,
        expr: expr.text()?.to_owned(),
        labels: fixed.filter(|(_, value)| !value.contains("{{")).collect(),
        pending_at: value_of(node, "for", text).and_then(waits),
        expr_at,
        name,
    })
}

/// Returns the value of a key and its place.
fn value_of<'n>(node: &'n Node, key: &str, text: &str) -> Option<(Option<Slot>, &'n Node)> {
    let (name, value) = node.entries().iter().find(|(name, _)| name.text() == Some(key))?;
    Some((Slot::of(name, value, text), value))
}
