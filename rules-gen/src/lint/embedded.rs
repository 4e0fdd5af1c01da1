//! Rule files and dashboards inside Kubernetes objects: `ConfigMap`s, which a sidecar or operator mounts as files, and
//! `GrafanaDashboard`s.

use super::place::{Lines, ParseError, Place};
use super::yaml::{Kind, Node};
use std::ops::Range;
use std::path::Path;

/// Labels by which a sidecar or operator selects `ConfigMap`s. It reads every file in them.
const MOUNTED: [&str; 3] = ["grafana_dashboard", "prometheus_rule", "prometheus-name"];

/// A file inside an object.
pub(super) struct File<'a> {
    /// The key and the object's kind and name, as the user sees them.
    pub shown: String,
    /// The expected format of the text.
    pub form: Form,
    /// Whether the object is mounted, so that a text that does not parse is a mistake.
    pub mounted: bool,
    /// The key in the object.
    pub key: &'a Node,
    /// The text under the key.
    pub text: &'a Node,
    /// The `uid` that the object gives to a dashboard.
    pub uid: Option<&'a str>,
}

/// The expected format of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Yaml,
    Json,
}

/// Returns the files inside an object. `None` for other kinds of objects.
pub(super) fn files<'a>(kind: &str, object: &'a Node) -> Option<Vec<File<'a>>> {
    let metadata = object.get("metadata");
    let name = metadata.and_then(|metadata| metadata.get("name")?.text()).unwrap_or_default();
    let file = |(key, text): &'a (Node, Node), form, mounted| {
        let shown = format!("{} in {kind} {name}", key.text().unwrap_or_default());
        File { shown, form, mounted, key, text, uid: None }
    };
    match kind {
        "ConfigMap" => {
            let labels = metadata.and_then(|metadata| metadata.get("labels")).map(Node::entries).unwrap_or_default();
            let mounted = labels.iter().filter_map(|(label, _)| label.text()).any(|label| MOUNTED.contains(&label));
            let form = |(key, text): &'a (Node, Node)| {
                text.text()?;
                match Path::new(key.text()?).extension()?.to_str()? {
                    "json" => Some(Form::Json),
                    "yaml" | "yml" | "rules" => Some(Form::Yaml),
                    _ => None,
                }
            };
            let entries = object.get("data").map(Node::entries).unwrap_or_default().iter();
            Some(entries.filter_map(|entry| Some(file(entry, form(entry)?, mounted))).collect())
        }
        "GrafanaDashboard" => {
            let spec = object.get("spec");
            let uid = spec.and_then(|spec| spec.get("uid")?.text());
            let entries = spec.map(Node::entries).unwrap_or_default().iter();
            let json = entries.filter(|(key, text)| key.text() == Some("json") && text.text().is_some());
            Some(json.map(|entry| File { uid, ..file(entry, Form::Json, true) }).collect())
        }
        _ => None,
    }
}

/// Translates places in an embedded text to places in the file. They are exact when the text is a literal block;
/// otherwise every place becomes that of the key.
pub(super) struct Frame<'a> {
    outer: &'a str,
    lines: Lines,
    inner: Lines,
    key: &'a Node,
    /// For each line of the text, the byte in the file at which it begins. `None` unless the text is a literal block.
    literal: Option<Vec<usize>>,
    within: Range<usize>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(outer: &'a str, key: &'a Node, value: &Node, text: &str) -> Self {
        let lines = Lines::new(outer);
        // The parser reports the place of the first character, which empty lines may precede.
        let mut first = key.place.line + 1..=value.place.line + 1;
        let literal = first.find_map(|first| literal(outer, &lines, first, text));
        Self { outer, inner: Lines::new(text), lines, key, literal, within: key.span.start..value.span.end }
    }

    /// Returns the bytes of the file from the key to the end of the text.
    pub(super) fn within(&self) -> Range<usize> {
        self.within.clone()
    }

    /// Moves a node of the text to its place in the file.
    pub(super) fn moved(&self, mut node: Node) -> Node {
        (node.place, node.span) = match &self.literal {
            Some(starts) => {
                let at = |byte: usize| {
                    let line = self.inner.number(byte);
                    let start = starts.get(line - 1).copied().unwrap_or(self.within.end);
                    (start + byte - self.inner.start(line).unwrap_or(byte)).min(self.outer.len())
                };
                let span = at(node.span.start)..at(node.span.end).max(at(node.span.start));
                (self.lines.place(self.outer, span.start), span)
            }
            None => (self.key.place, self.key.span.clone()),
        };
        node.kind = match node.kind {
            Kind::Map(entries) => {
                Kind::Map(entries.into_iter().map(|(key, value)| (self.moved(key), self.moved(value))).collect())
            }
            Kind::List(items) => Kind::List(items.into_iter().map(|item| self.moved(item)).collect()),
            scalar @ Kind::Scalar(..) => scalar,
        };
        node
    }

    /// Returns a node at the place in the file where the text does not parse.
    pub(super) fn broken(&self, malformed: &ParseError) -> Node {
        let span = self.literal.as_ref().and_then(|starts| {
            let start = *starts.get(malformed.place.line.checked_sub(1)?)?;
            let line = self.outer.get(start..)?.lines().next()?;
            let column = line.char_indices().nth(malformed.place.column - 1).map_or(line.len(), |(at, _)| at);
            Some(start + column..start + column)
        });
        let (place, span) = match span {
            Some(span) => (self.lines.place(self.outer, span.start), span),
            None => (self.key.place, self.key.span.clone()),
        };
        Node { place, span, kind: Kind::Scalar(String::new(), true) }
    }
}

/// Returns the byte at which each line of the text begins in the file, if the lines stand there unchanged from line
/// `first` on, all with the same indentation.
fn literal(outer: &str, lines: &Lines, first: usize, text: &str) -> Option<Vec<usize>> {
    let mut indent = None;
    let mut starts = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let start = lines.start(first + at)?;
        let whole = lines.line(outer, first + at);
        if line.trim().is_empty() {
            if !whole.trim().is_empty() {
                return None;
            }
            starts.push(start + whole.len().min(indent.unwrap_or_default()));
            continue;
        }
        let before = whole.strip_suffix(line.trim_end_matches('\r'))?;
        if !before.bytes().all(|byte| byte == b' ') || *indent.get_or_insert(before.len()) != before.len() {
            return None;
        }
        starts.push(start + before.len());
    }
    // The end of the text, after its last line break.
    starts.extend(lines.start(first + starts.len()));
    Some(starts)
}

/// Converts an error of the JSON parser.
pub(super) fn of_json(error: &serde_json::Error) -> ParseError {
    let place = Place { line: error.line().max(1), column: error.column().max(1) };
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    ParseError { place, message }
}
