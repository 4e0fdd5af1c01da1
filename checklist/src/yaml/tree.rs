//! YAML as a tree in which every node has its place and its range of bytes.
//!
//! The tree is built from the events of granit-parser instead of serde, because serde provides neither the bytes of a
//! value nor whether it was quoted. Comments are switched off, because the parser keeps at most 96 of them in front of
//! a list item. Aliases and merge keys are expanded within a budget, so that a small file cannot become a large tree.

use super::error::{Error, syntax};
use super::place::{Lines, Place};
use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput};
use std::collections::HashMap;
use std::ops::Range;

/// The maximum depth, against hostile nesting. Files written by people are less deep.
const MAX_DEPTH: usize = 100;

/// A value with its place and its range of bytes.
#[derive(Debug, Clone)]
pub struct Node {
    /// The place of the first character.
    pub place: Place,
    /// The range of bytes in the text.
    pub span: Range<usize>,
    pub tree: Tree,
}

/// The value of a node.
#[derive(Debug, Clone)]
pub enum Tree {
    /// A single value. `true` when it is not quoted, so that it may mean null, true, false or a number.
    Scalar(String, bool),
    List(Vec<Node>),
    /// The keys and values of a table, in the order of the file.
    Table(Vec<(Node, Node)>),
}

impl Node {
    /// Returns whether the value is null or missing.
    pub fn is_null(&self) -> bool {
        matches!(&self.tree, Tree::Scalar(text, true) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Returns a single value as it is written, or `None` for null, lists and tables.
    pub fn scalar(&self) -> Option<&str> {
        match &self.tree {
            Tree::Scalar(text, _) if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// Returns a text: a single value that is neither null nor true, false or a number.
    pub fn text(&self) -> Option<&str> {
        self.scalar().filter(|_| self.flag().is_none() && self.number().is_none())
    }

    /// Returns true or false by YAML 1.2, where `yes`, `on` and `y` are texts.
    pub fn flag(&self) -> Option<bool> {
        match &self.tree {
            Tree::Scalar(text, true) => match text.as_str() {
                "true" | "True" | "TRUE" => Some(true),
                "false" | "False" | "FALSE" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns a finite decimal number.
    pub fn number(&self) -> Option<f64> {
        match &self.tree {
            Tree::Scalar(text, true) if text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c)) => {
                text.parse().ok().filter(|number: &f64| number.is_finite())
            }
            _ => None,
        }
    }

    pub const fn is_table(&self) -> bool {
        matches!(self.tree, Tree::Table(_))
    }

    /// Returns the items of a list. Empty for other values.
    pub fn items(&self) -> &[Self] {
        match &self.tree {
            Tree::List(items) => items,
            _ => &[],
        }
    }

    /// Returns the entries of a table. Empty for other values.
    pub fn entries(&self) -> &[(Self, Self)] {
        match &self.tree {
            Tree::Table(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the value of a key. `key:` without a value counts as not written.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let of_key = |(name, _): &&(Self, Self)| name.scalar() == Some(key);
        self.entries().iter().find(of_key).map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// Returns the type in words, for messages.
    pub fn what(&self) -> &'static str {
        match &self.tree {
            _ if self.is_null() => "nothing",
            _ if self.flag().is_some() => "true or false",
            _ if self.number().is_some() => "a number",
            Tree::Scalar(..) => "a string",
            Tree::List(_) => "a list",
            Tree::Table(_) => "a mapping",
        }
    }

    /// Moves a node to the place of an alias. The place of the anchor belongs to another key.
    fn move_to(&mut self, place: Place, span: &Range<usize>) {
        (self.place, self.span) = (place, span.clone());
        match &mut self.tree {
            Tree::Scalar(..) => {}
            Tree::List(items) => items.iter_mut().for_each(|item| item.move_to(place, span)),
            Tree::Table(entries) => {
                for (key, value) in entries {
                    key.move_to(place, span);
                    value.move_to(place, span);
                }
            }
        }
    }

    /// Returns the number of nodes, including this one.
    fn size(&self) -> usize {
        1 + match &self.tree {
            Tree::Scalar(..) => 0,
            Tree::List(items) => items.iter().map(Self::size).sum(),
            Tree::Table(entries) => entries.iter().map(|(key, value)| key.size() + value.size()).sum(),
        }
    }
}

/// Parses the only document of a text.
///
/// # Errors
/// Syntax errors, duplicate keys, a second document, and nesting or aliases beyond the limits.
pub fn document(text: &str) -> Result<Node, Error> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut reader = Reader {
        text,
        parser: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        budget: text.len() + 1_000,
        lines: Lines::new(text),
    };
    let mut found = None;
    while let Some((event, span)) = reader.event()? {
        match event {
            Event::DocumentStart(..) if found.is_some() => return Err(reader.error(&span, SECOND)),
            Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd => {}
            event => found = Some(reader.node(event, &span, 0)?),
        }
    }
    let empty = || Node { place: Place { line: 1, column: 1 }, span: 0..0, tree: Tree::Scalar(String::new(), true) };
    Ok(found.unwrap_or_else(empty))
}

const SECOND: &str = "a second document begins here (---), but only one is read: remove it, or split the file";
const TOO_MUCH: &str = "the aliases expand to too many nodes: an alias (*name) repeats a value that contains aliases; write the values out, or split the file";
const TOO_DEEP: &str = "the file is nested too deep: flatten it";

/// Builds nodes from the parser's events.
struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    /// The number of nodes that may still be created. It limits aliases, which multiply nodes.
    budget: usize,
    lines: Lines,
}

impl<'a> Reader<'a> {
    fn event(&mut self) -> Result<Option<(Event<'a>, Span)>, Error> {
        self.parser.next_event().transpose().map_err(|error| {
            let marker = error.marker();
            let place = Place { line: marker.line(), column: marker.col() + 1 };
            Error { place, message: syntax(&error) }
        })
    }

    fn error(&self, span: &Span, message: impl Into<String>) -> Error {
        let place = self.lines.place(self.text, span.start.byte_offset().unwrap_or_default());
        Error { place, message: message.into() }
    }

    /// Takes nodes from the budget. Fails when the budget is used up.
    fn spend(&mut self, nodes: usize, span: &Span) -> Result<(), Error> {
        self.budget = self.budget.checked_sub(nodes).ok_or_else(|| self.error(span, TOO_MUCH))?;
        Ok(())
    }

    fn node(&mut self, event: Event<'a>, span: &Span, depth: usize) -> Result<Node, Error> {
        let start = span.start.byte_offset().unwrap_or_default();
        if depth > MAX_DEPTH {
            return Err(self.error(span, TOO_DEEP));
        }
        self.spend(1, span)?;
        let (tree, anchor, end) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let number = tag.as_ref().is_some_and(|tag| matches!(tag.suffix(), "int" | "float"));
                let plain = (style == ScalarStyle::Plain && tag.is_none()) || number;
                (Tree::Scalar(text.into_owned(), plain), anchor, span.end.byte_offset().unwrap_or(start))
            }
            Event::SequenceStart(_, anchor, _) => {
                let (mut items, mut end) = (Vec::new(), start);
                while let Some((event, span)) = self.within(&Event::SequenceEnd, &mut end)? {
                    items.push(self.node(event, &span, depth + 1)?);
                }
                (Tree::List(items), anchor, end)
            }
            Event::MappingStart(_, anchor, _) => {
                let (mut entries, mut merged, mut end) = (Vec::new(), Vec::new(), start);
                while let Some((event, span)) = self.within(&Event::MappingEnd, &mut end)? {
                    let key = self.node(event, &span, depth + 1)?;
                    let Some((event, span)) = self.within(&Event::MappingEnd, &mut end)? else { break };
                    let value = self.node(event, &span, depth + 1)?;
                    match &key.tree {
                        Tree::Scalar(text, true) if text == "<<" => merge(&value, &mut merged)?,
                        Tree::Scalar(..) => entries.push((key, value)),
                        _ => return Err(Error { place: key.place, message: "a key must be a scalar".to_owned() }),
                    }
                }
                distinct(&entries)?;
                for (key, value) in merged {
                    if !entries.iter().any(|(known, _): &(Node, Node)| known.scalar() == key.scalar()) {
                        entries.push((key, value));
                    }
                }
                (Tree::Table(entries), anchor, end)
            }
            Event::Alias(id) => {
                let unknown = "this alias (*name) has no anchor: write &name before an earlier value";
                let size = self.anchors.get(&id).map(Node::size).ok_or_else(|| self.error(span, unknown))?;
                self.spend(size, span)?;
                let mut node = self.anchors.get(&id).cloned().ok_or_else(|| self.error(span, unknown))?;
                let end = span.end.byte_offset().unwrap_or(start);
                node.move_to(self.lines.place(self.text, start), &(start..end.max(start)));
                return Ok(node);
            }
            other => return Err(self.error(span, format!("invalid YAML: unexpected {other:?}"))),
        };
        let node = Node { place: self.lines.place(self.text, start), span: start..end.max(start), tree };
        if anchor != 0 {
            self.spend(node.size(), span)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// Returns the event of the next node, or `None` at the end of the collection.
    fn within(&mut self, until: &Event<'a>, end: &mut usize) -> Result<Option<(Event<'a>, Span)>, Error> {
        let Some((event, span)) = self.event()? else {
            let place = self.lines.place(self.text, self.text.len());
            return Err(Error { place, message: "invalid YAML: the file ends unexpectedly".to_owned() });
        };
        *end = span.end.byte_offset().unwrap_or(*end).max(*end);
        Ok((event != *until).then_some((event, span)))
    }
}

/// Applies YAML's merge key `<<`, whose value is a table or a list of tables.
fn merge(value: &Node, merged: &mut Vec<(Node, Node)>) -> Result<(), Error> {
    let tables = if value.items().is_empty() { std::slice::from_ref(value) } else { value.items() };
    for table in tables {
        let Tree::Table(entries) = &table.tree else {
            return Err(Error { place: table.place, message: "<< needs a mapping or a list of mappings".to_owned() });
        };
        merged.extend(entries.iter().cloned());
    }
    Ok(())
}

/// Reports a key that a table has twice.
fn distinct(entries: &[(Node, Node)]) -> Result<(), Error> {
    let mut seen = HashMap::new();
    for (key, _) in entries {
        let Tree::Scalar(text, _) = &key.tree else { continue };
        if let Some(Place { line, .. }) = seen.insert(text.as_str(), key.place) {
            let shown = super::redaction::word(text).map(|word| format!(" {word}")).unwrap_or_default();
            let message = format!("the key{shown} is repeated in this mapping, first in line {line}: remove one");
            return Err(Error { place: key.place, message });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn wrong(text: &str) -> String {
        document(text).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn every_yaml_node_has_its_position_and_byte_range() {
        let text = "a:\n  - {b: 'ä c', d: 5}\n  - true\n";
        let root = document(text).unwrap_or_else(|error| panic!("{error}"));
        let items = root.get("a").map(Node::items).unwrap_or_default();
        let (b, d) = (items[0].get("b"), items[0].get("d"));
        assert_eq!(b.map(|b| (b.place.line, b.place.column, &text[b.span.clone()])), Some((2, 9, "'ä c'")));
        assert_eq!((d.and_then(Node::number), d.map(|d| d.place.column)), (Some(5.0), Some(19)));
        assert_eq!((items[1].flag(), items[1].text()), (Some(true), None));
    }

    #[test]
    fn any_number_of_comments_is_accepted_before_a_list_item() {
        for comments in [33, 97, 5_000] {
            let text = format!("a:\n  - 1\n{}  - 2\n# end\n", "  # - 3\n".repeat(comments));
            let root = document(&text).unwrap_or_else(|error| panic!("{comments}: {error}"));
            assert_eq!(root.get("a").map(|list| list.items().len()), Some(2));
        }
    }

    #[test]
    fn deep_nesting_and_alias_bombs_are_refused_quickly() {
        let bomb = (1..200).fold("a0: &a0 [x, x]\n".to_owned(), |mut text, n| {
            let _ = writeln!(text, "a{n}: &a{n} [*a{0}, *a{0}]", n - 1);
            text
        });
        assert!(wrong(&bomb).contains("expand to too many nodes"), "{}", wrong(&bomb));
        let anchors: String = (0..90).map(|n| format!("[&b{n} ")).collect::<String>() + &"x, ".repeat(50_000);
        assert!(!wrong(&anchors).is_empty());
        for deep in ["[".repeat(100_000), "- ".repeat(100_000), "? ".repeat(100_000)] {
            assert!(wrong(&deep).contains("nested too deep"), "{}", wrong(&deep));
        }
    }

    #[test]
    fn merge_keys_add_only_keys_that_the_mapping_lacks() {
        let text = "base: &b {x: 1, y: 2}\nown: {<<: *b, y: 3}\n";
        let root = document(text).unwrap_or_else(|error| panic!("{error}"));
        let own = root.get("own").unwrap_or_else(|| panic!("no table"));
        assert_eq!((own.get("x").and_then(Node::number), own.get("y").and_then(Node::number)), (Some(1.0), Some(3.0)));
    }
}
