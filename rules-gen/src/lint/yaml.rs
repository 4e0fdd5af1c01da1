//! YAML as Prometheus' own reader sees it, with the place of every node. Aliases and merges are expanded within a
//! budget, duplicate keys are refused, every document of a file is read.

use super::place::{Lines, ParseError, Place};
use super::yaml_v3::{self, Covered};
use granit_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::HashMap;
use std::ops::Range;

/// Deeper than any rule file; a bound against hostile nesting.
const MAX_DEPTH: usize = 100;

/// A value, where it stands and which bytes of the text it covers.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its first character.
    pub place: Place,
    /// Its bytes.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// What YAML can hold.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A single value and whether it was written plain, so that it may mean null or a number.
    Scalar(String, bool),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The text of a scalar; a plain `null` or `~` is empty.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, plain) => Some(if *plain && is_null(text) { "" } else { text }),
            _ => None,
        }
    }

    /// The text of a scalar that was written without quotes, which may mean a number.
    pub fn plain(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, true) => Some(text),
            _ => None,
        }
    }

    /// Whether nothing is there.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(text, true) if is_null(text))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// The entries of a mapping; none of anything else.
    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// What people call it.
    pub const fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(..) => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a table",
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

/// Every document of a text, an empty one as null. What was read before a mistake is given back with it.
pub fn documents(text: &str) -> (Vec<Node>, Option<ParseError>) {
    let read = parsed(text, text);
    if read.1.is_none() || !text.contains("\n\t") {
        return read;
    }
    // The parser refuses tabs in front of a line within brackets, too, where they mean nothing.
    parsed(&yaml_v3::spaced(text), text)
}

/// The documents of a text, and what is wrong with the one that it was made of.
fn parsed(text: &str, original: &str) -> (Vec<Node>, Option<ParseError>) {
    let mut reader = Reader {
        text,
        anchors: HashMap::new(),
        budget: text.len() + 1_000,
        lines: Lines::new(text),
        covered: Covered::default(),
    };
    let mut parser = Parser::new_from_str(text);
    let mut found = Vec::new();
    loop {
        let (event, span) = match parser.next_event() {
            None => return (found, yaml_v3::refused(original, &reader.lines, &reader.covered)),
            Some(Err(error)) => {
                let marker = error.marker();
                let place = Place { line: marker.line(), column: marker.col() + 1 };
                return (found, Some(ParseError { place, message: error.info() }));
            }
            Some(Ok(next)) => next,
        };
        match event {
            Event::StreamEnd => return (found, yaml_v3::refused(original, &reader.lines, &reader.covered)),
            Event::DocumentStart(..) => reader.anchors.clear(),
            Event::StreamStart | Event::DocumentEnd | Event::Comment(..) => {}
            event => match reader.node(&mut parser, event, span, 0) {
                Ok(node) => found.push(node),
                Err(malformed) => return (found, Some(malformed)),
            },
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    anchors: HashMap<usize, Node>,
    /// Nodes that may still be made: aliases multiply.
    budget: usize,
    lines: Lines,
    covered: Covered,
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
        let place = self.lines.place(self.text, start);
        if depth > MAX_DEPTH {
            return Err(ParseError { place, message: format!("nested deeper than {MAX_DEPTH} levels") });
        }
        self.spend(1, place)?;
        let (kind, anchor, end) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let number = tag.as_ref().is_some_and(|tag| matches!(tag.suffix(), "int" | "float"));
                let plain = (style == ScalarStyle::Plain && tag.is_none()) || number;
                let end = span.end.byte_offset().unwrap_or(start);
                let quotes = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
                if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                    self.covered.blocks.push(start);
                }
                if quotes { &mut self.covered.closed } else { &mut self.covered.texts }.push(start..end);
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
                    let key = self.node(parser, event, span, depth + 1)?;
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
                    return Err(ParseError { place, message: "an alias of something that is not there".to_owned() });
                };
                self.spend(node.size(), place)?;
                return Ok(node);
            }
            other => return Err(ParseError { place, message: format!("unexpected {other:?}") }),
        };
        if !matches!(kind, Kind::Scalar(..)) && self.text[start..].starts_with(['[', '{']) {
            self.covered.closed.push(start..end);
        }
        let node = Node { place, span: start..end.max(start), kind };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// The next node's event, or nothing at the end of the collection.
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
                Some(Err(error)) => {
                    let marker = error.marker();
                    let place = Place { line: marker.line(), column: marker.col() + 1 };
                    return Err(ParseError { place, message: error.info() });
                }
                None => {
                    let message = "the file ends in the middle".to_owned();
                    return Err(ParseError { place: self.lines.place(self.text, self.text.len()), message });
                }
            }
        }
    }

    fn spend(&mut self, nodes: usize, place: Place) -> Result<(), ParseError> {
        let message = || "aliases expand to more than the file can mean".to_owned();
        self.budget = self.budget.checked_sub(nodes).ok_or_else(|| ParseError { place, message: message() })?;
        Ok(())
    }
}

/// YAML's merge key: a table, or a list of tables.
fn merge(value: &Node, merged: &mut Vec<(Node, Node)>) -> Result<(), ParseError> {
    match &value.kind {
        Kind::Map(entries) => merged.extend(entries.iter().cloned()),
        Kind::List(items) if items.iter().all(|item| matches!(item.kind, Kind::Map(_))) => {
            merged.extend(items.iter().flat_map(|item| item.entries().iter().cloned()));
        }
        _ => return Err(ParseError { place: value.place, message: "<< takes a table or a list of tables".to_owned() }),
    }
    Ok(())
}

fn distinct(entries: &[(Node, Node)]) -> Result<(), ParseError> {
    let mut seen = HashMap::new();
    for (key, _) in entries {
        let Kind::Scalar(text, _) = &key.kind else { continue };
        if let Some(first) = seen.insert(text.as_str(), key.place) {
            let message = format!("the key {text} stands twice, first in line {}", first.line);
            return Err(ParseError { place: key.place, message });
        }
    }
    Ok(())
}
