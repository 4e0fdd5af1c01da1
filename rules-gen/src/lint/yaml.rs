//! Parses YAML like the reader of Prometheus, with the place of every node. Aliases and merge keys are expanded up to a
//! limit, duplicate keys are refused, and every document of a file is read.
//!
//! This is another tree than the one of checklist.yaml (`checklist::yaml`), because other files need other rules:
//! several documents, keys that are not texts, `key:` as a value of its own, and everything that Prometheus' YAML
//! library reads otherwise or refuses (`yaml_v3`). Both trees come from the events of the same parser.

mod tag;

use super::place::{Lines, ParseError, Place};
use super::yaml_v3::{self, Covered};
use granit_parser::{Event, Marker, Options, Parser, ScalarStyle, ScanError, Span};
use std::collections::HashMap;
use std::ops::Range;

/// The beginning of the parser's messages.
pub const NO_YAML: &str = "invalid YAML: ";

/// A limit against hostile nesting, deeper than any real rule file.
const MAX_DEPTH: usize = 100;

/// The number of keys up to which each is compared with all before it, which needs no memory.
const FEW: usize = 16;

/// A value with its place and its bytes in the text.
#[derive(Debug, Clone)]
pub struct Node {
    /// The place of the first character.
    pub place: Place,
    /// The bytes of the text that the node covers.
    pub span: Range<usize>,
    pub kind: Kind,
}

/// The kinds of YAML nodes.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A single value, and whether it was written without quotes, so that it may mean null or a number.
    Scalar(String, bool),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Node, Node)>),
}

impl ParseError {
    /// Returns a node at the place of the error, for findings about text that cannot be parsed.
    pub(super) fn node(&self) -> Node {
        Node { place: self.place, span: 0..0, kind: Kind::Scalar(String::new(), true) }
    }
}

impl Node {
    /// Returns the text of a scalar. A plain `null` or `~` is empty.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, plain) => Some(if *plain && is_null(text) { "" } else { text }),
            _ => None,
        }
    }

    /// Returns the text of a scalar that was written without quotes, which may mean a number.
    pub fn plain(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, true) => Some(text),
            _ => None,
        }
    }

    /// Whether the node is null or empty.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(text, true) if is_null(text))
    }

    /// Returns the value of a key in a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// Returns the entries of a mapping. Empty for other nodes.
    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the items of a sequence. Empty for other nodes.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// Returns the kind of node in words, for messages.
    pub const fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(..) => "a scalar",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// Returns the first key that is not a scalar, as YAML reads `{{ action }}` without quotes. The reader of
    /// Prometheus refuses it.
    pub fn key_that_is_no_text(&self) -> Option<&Node> {
        match &self.kind {
            Kind::Scalar(..) => None,
            Kind::List(items) => items.iter().find_map(Self::key_that_is_no_text),
            Kind::Map(entries) => entries.iter().find_map(|(key, value)| {
                if matches!(key.kind, Kind::Scalar(..)) { value.key_that_is_no_text() } else { Some(key) }
            }),
        }
    }

    fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::Scalar(..) => 0,
            Kind::List(items) => items.iter().map(Self::size).sum(),
            Kind::Map(entries) => entries.iter().map(|(key, value)| key.size() + value.size()).sum(),
        }
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Parses every document of a text. An empty document is a null node. After an error, the documents before it are
/// returned too.
pub fn documents(text: &str) -> (Vec<Node>, Option<ParseError>) {
    let read = parsed(text, text);
    if read.1.is_none() || !text.contains("\n\t") {
        return read;
    }
    // The parser refuses tabs at the start of lines inside brackets, which YAML allows. They are replaced by spaces.
    parsed(&yaml_v3::spaced(text), text)
}

/// Parses the documents of `text`. Errors that only Prometheus' reader has are found in `original`, from which `text`
/// was made.
fn parsed(text: &str, original: &str) -> (Vec<Node>, Option<ParseError>) {
    let mut reader = Reader {
        text,
        anchors: HashMap::new(),
        budget: text.len() + 1_000,
        lines: text.contains('\r').then(|| Lines::new(text)),
        covered: Covered::of(original),
        brackets: 0,
    };
    // The parser keeps only some comments, and none are needed here.
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut found = Vec::new();
    loop {
        let (event, span) = match parser.next_event() {
            None => return (found, yaml_v3::refused(original, &reader.covered)),
            Some(Err(error)) => {
                return (found, Some(syntax(&error)));
            }
            Some(Ok(next)) => next,
        };
        match event {
            Event::StreamEnd => return (found, yaml_v3::refused(original, &reader.covered)),
            Event::DocumentStart(..) => reader.anchors.clear(),
            Event::StreamStart | Event::DocumentEnd | Event::Comment(..) => {}
            event => match reader.node(&mut parser, event, span, 0) {
                Ok(node) => found.push(node),
                Err(malformed) => return (found, Some(malformed)),
            },
        }
    }
}

/// Converts an error of the parser.
fn syntax(error: &ScanError) -> ParseError {
    ParseError { place: place(error.marker()), message: checklist::yaml::syntax(error) }
}

fn place(marker: &Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

/// Builds nodes from the parser's events.
struct Reader<'a> {
    text: &'a str,
    anchors: HashMap<usize, Node>,
    /// The number of nodes that may still be created. It limits the expansion of aliases, which can multiply.
    budget: usize,
    /// The lines of a text that contains carriage returns, which the parser counts as line breaks.
    lines: Option<Lines>,
    covered: Covered,
    /// The number of brackets around the current node.
    brackets: usize,
}

type Source<'a> = Parser<'a, granit_parser::StrInput<'a>>;

impl<'a> Reader<'a> {
    fn node(
        &mut self,
        parser: &mut Source<'a>,
        event: Event<'a>,
        span: Span,
        depth: usize,
    ) -> Result<Node, ParseError> {
        let start = span.start.byte_offset().unwrap_or_default();
        let place = self.lines.as_ref().map_or_else(|| place(&span.start), |lines| lines.place(self.text, start));
        if depth > MAX_DEPTH {
            return Err(ParseError { place, message: format!("nested more than {MAX_DEPTH} levels deep") });
        }
        self.spend(1, place)?;
        let in_brackets = self.text.get(start..).is_some_and(|rest| rest.starts_with(['[', '{']));
        let collection = matches!(event, Event::SequenceStart(..) | Event::MappingStart(..));
        self.brackets += usize::from(collection && in_brackets);
        let (kind, anchor, end) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let (text, plain) = match tag.map(|tag| tag::read(&tag, text.clone())) {
                    Some(Ok(read)) => read,
                    Some(Err(why)) => {
                        self.covered.refused.push((start, why));
                        (text, false)
                    }
                    None => (text, style == ScalarStyle::Plain),
                };
                let end = span.end.byte_offset().unwrap_or(start);
                let raw = self.text.get(start..end).unwrap_or_default();
                self.covered.scalar(style, raw, start, self.brackets > 0);
                (Kind::Scalar(text.into_owned(), plain), anchor, end)
            }
            Event::SequenceStart(_, anchor, _) => {
                let (mut items, mut end) = (Vec::new(), start);
                while let Some((event, span)) = self.next(parser, &Event::SequenceEnd, &mut end)? {
                    items.push(self.node(parser, event, span, depth + 1)?);
                }
                (Kind::List(items), anchor, end)
            }
            Event::MappingStart(_, anchor, _) => {
                let (mut entries, mut merged, mut end) = (Vec::new(), Vec::new(), start);
                while let Some((event, span)) = self.next(parser, &Event::MappingEnd, &mut end)? {
                    let mut key = self.node(parser, event, span, depth + 1)?;
                    self.colon(&mut key);
                    let Some((event, span)) = self.next(parser, &Event::MappingEnd, &mut end)? else { break };
                    let value = self.node(parser, event, span, depth + 1)?;
                    if matches!(&key.kind, Kind::Scalar(text, true) if text == "<<") {
                        merge(&value, &mut merged)?;
                    } else {
                        entries.push((key, value));
                    }
                }
                distinct(&entries)?;
                for (key, value) in merged {
                    if !entries.iter().any(|(known, _): &(Node, Node)| known.text() == key.text()) {
                        entries.push((key, value));
                    }
                }
                (Kind::Map(entries), anchor, end)
            }
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Err(ParseError { place, message: "an alias without its anchor".to_owned() });
                };
                self.spend(node.size(), place)?;
                return Ok(node);
            }
            other => return Err(ParseError { place, message: format!("unexpected {other:?}") }),
        };
        if collection && in_brackets {
            self.brackets -= 1;
            self.covered.collection(start..end);
        }
        let node = Node { place, span: start..end.max(start), kind };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// Returns the event of the next node, or `None` at the end of the collection.
    fn next(
        &mut self,
        parser: &mut Source<'a>,
        until: &Event<'a>,
        end: &mut usize,
    ) -> Result<Option<(Event<'a>, Span)>, ParseError> {
        loop {
            match parser.next_event() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => {
                    *end = span.end.byte_offset().unwrap_or(*end).max(*end);
                    return Ok((event != *until).then_some((event, span)));
                }
                Some(Err(error)) => return Err(syntax(&error)),
                None => {
                    let message = "the file ends unexpectedly".to_owned();
                    let place = Lines::new(self.text).place(self.text, self.text.len());
                    return Err(ParseError { place, message });
                }
            }
        }
    }

    /// Inside brackets, Prometheus' reader takes a colon before `,` or `}` as part of the text: `{a:, b: c}` has the
    /// key `a:`.
    fn colon(&mut self, key: &mut Node) {
        let written = self.text.get(key.span.clone()).unwrap_or_default();
        if matches!(key.kind, Kind::Scalar(..)) && self.brackets > 0 && written.contains('\n') {
            let message = "a key spans several lines, which Prometheus does not accept";
            self.covered.refused.push((key.span.start, message.to_owned()));
        }
        let behind = self.text.get(key.span.end..).unwrap_or_default();
        if let Kind::Scalar(text, true) = &mut key.kind
            && self.brackets > 0
            && [":,", ":}", ":]"].iter().any(|ending| behind.starts_with(ending))
        {
            text.push(':');
        }
    }

    fn spend(&mut self, nodes: usize, place: Place) -> Result<(), ParseError> {
        let message = || "the aliases expand to too many nodes".to_owned();
        self.budget = self.budget.checked_sub(nodes).ok_or_else(|| ParseError { place, message: message() })?;
        Ok(())
    }
}

/// Adds the entries of a merge key (`<<`), whose value is a mapping or a list of mappings.
fn merge(value: &Node, merged: &mut Vec<(Node, Node)>) -> Result<(), ParseError> {
    match &value.kind {
        Kind::Map(entries) => merged.extend(entries.iter().cloned()),
        Kind::List(items) if items.iter().all(|item| matches!(item.kind, Kind::Map(_))) => {
            merged.extend(items.iter().flat_map(|item| item.entries().iter().cloned()));
        }
        _ => {
            return Err(ParseError {
                place: value.place,
                message: "<< needs a mapping or a list of mappings".to_owned(),
            });
        }
    }
    Ok(())
}

/// Refuses keys that are repeated.
fn distinct(entries: &[(Node, Node)]) -> Result<(), ParseError> {
    fn text(key: &Node) -> Option<&str> {
        match &key.kind {
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }
    let repeated = |key: &Node, first: &Node| {
        let message =
            format!("the key {} is repeated, first in line {}", text(key).unwrap_or_default(), first.place.line);
        Err(ParseError { place: key.place, message })
    };
    if entries.len() <= FEW {
        for (at, (key, _)) in entries.iter().enumerate() {
            let Some(own) = text(key) else { continue };
            if let Some((first, _)) = entries[..at].iter().find(|(other, _)| text(other) == Some(own)) {
                return repeated(key, first);
            }
        }
        return Ok(());
    }
    let mut seen = HashMap::new();
    for (key, _) in entries {
        if let Some(first) = text(key).and_then(|own| seen.insert(own, key)) {
            return repeated(key, first);
        }
    }
    Ok(())
}

/// Returns the text of one of several documents.
pub(super) fn alone<'a>(text: &'a str, document: &Node) -> &'a str {
    let own = text.get(document.span.clone()).unwrap_or(text).trim_end();
    own.strip_suffix("---").or_else(|| own.strip_suffix("...")).unwrap_or(own)
}
