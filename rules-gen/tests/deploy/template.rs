//! The subset of Helm's template language that the chart uses: if, range, variables, and the functions below. Anything
//! else panics, so that the chart cannot use more without a change here.

use serde_json::{Map, Value, json};
use std::path::Path;

/// The names that a template can use.
pub(crate) struct Scope<'a> {
    /// The folder of the chart, for `.Files.Get`.
    pub chart: &'a Path,
    /// `.Values`, `.Release`, and the variables, whose names begin with `$`.
    pub names: Map<String, Value>,
}

enum Node {
    Text(String),
    Action(String),
}

/// Renders a template.
pub(crate) fn render(text: &str, scope: &mut Scope<'_>) -> String {
    let nodes = split(text);
    let mut out = String::new();
    let end = block(&nodes, 0, scope, Some(&mut out));
    assert_eq!(end, nodes.len(), "an end too many");
    out
}

fn split(text: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut rest = text;
    let mut trims = false;
    while let Some((before, after)) = rest.split_once("{{") {
        let (action, next) = after.split_once("}}").expect("an action ends");
        let before = if trims { before.trim_start() } else { before };
        let before = if action.starts_with('-') { before.trim_end() } else { before };
        nodes.push(Node::Text(before.to_owned()));
        nodes.push(Node::Action(action.trim_matches('-').trim().to_owned()));
        trims = action.ends_with('-');
        rest = next;
    }
    nodes.push(Node::Text(if trims { rest.trim_start() } else { rest }.to_owned()));
    nodes
}

/// Renders until the end of the block, or skips the block without an output. Returns the index of the node after it.
fn block(nodes: &[Node], mut at: usize, scope: &mut Scope<'_>, mut out: Option<&mut String>) -> usize {
    while let Some(node) = nodes.get(at) {
        at += 1;
        let action = match node {
            Node::Text(text) => {
                if let Some(out) = &mut out {
                    out.push_str(text);
                }
                continue;
            }
            Node::Action(action) => action.as_str(),
        };
        if action == "end" || action == "else" {
            return at;
        } else if let Some(condition) = action.strip_prefix("if ") {
            let holds = out.is_some().then(|| is_true(&pipeline(condition, scope)));
            let first = at;
            at = block(nodes, first, scope, out.as_deref_mut().filter(|_| holds == Some(true)));
            if matches!(&nodes[at - 1], Node::Action(action) if action == "else") {
                at = block(nodes, at, scope, out.as_deref_mut().filter(|_| holds == Some(false)));
            }
        } else if let Some(loops) = action.strip_prefix("range ") {
            let (name, list) = loops.split_once(" := ").expect("a range names its variable");
            let first = at;
            at = block(nodes, first, scope, None);
            if let Some(out) = &mut out {
                for item in pipeline(list, scope).as_array().cloned().unwrap_or_default() {
                    scope.names.insert(name.to_owned(), item);
                    block(nodes, first, scope, Some(&mut **out));
                }
            }
        } else if let Some(out) = &mut out {
            match action.split_once(" := ") {
                Some((name, value)) if name.starts_with('$') => {
                    let value = pipeline(value, scope);
                    scope.names.insert(name.to_owned(), value);
                }
                _ => out.push_str(&shown(&pipeline(action, scope))),
            }
        }
    }
    at
}

fn pipeline(text: &str, scope: &Scope<'_>) -> Value {
    let mut value = None;
    for command in pieces(text, '|') {
        let words = pieces(command.trim(), ' ');
        let (first, arguments) = words.split_first().expect("a command has a word");
        let mut arguments: Vec<Value> = arguments.iter().map(|word| term(word, scope)).collect();
        let known = first.chars().all(char::is_alphabetic) || *first == ".Files.Get" || *first == "$.Files.Get";
        if !known {
            assert!(arguments.is_empty() && value.is_none(), "no function: {command}");
            value = Some(term(first, scope));
            continue;
        }
        arguments.extend(value.take());
        value = Some(call(first, &arguments, scope));
    }
    value.expect("a pipeline has a command")
}

fn call(function: &str, arguments: &[Value], scope: &Scope<'_>) -> Value {
    let text = |n: usize| arguments[n].as_str().unwrap_or_else(|| panic!("{function}: {} is not a text", arguments[n]));
    match function {
        "eq" => json!(arguments[0] == arguments[1]),
        "fail" => panic!("the chart fails: {}", text(0)),
        "fromYaml" => serde_yaml::from_str(text(0)).expect("it is YAML"),
        "hasSuffix" => json!(text(1).ends_with(text(0))),
        "index" => arguments[0][usize::try_from(arguments[1].as_u64().expect("a number")).expect("small")].clone(),
        "ne" => json!(arguments[0] != arguments[1]),
        "nindent" => {
            let margin = " ".repeat(usize::try_from(arguments[0].as_u64().expect("a number")).expect("small"));
            json!(text(1).lines().map(|line| format!("\n{margin}{line}")).collect::<String>())
        }
        "not" => json!(!is_true(&arguments[0])),
        "printf" => {
            assert_eq!(text(0).matches('%').count(), text(0).matches("%s").count(), "only %s is known");
            json!(arguments[1..].iter().fold(text(0).to_owned(), |out, value| out.replacen("%s", &shown(value), 1)))
        }
        "replace" => json!(text(2).replace(text(0), text(1))),
        "toJson" => json!(arguments[0].to_string()),
        "toYaml" => json!(serde_yaml::to_string(&arguments[0]).expect("it can be written").trim_end()),
        ".Files.Get" | "$.Files.Get" => json!(std::fs::read_to_string(scope.chart.join(text(0))).unwrap_or_default()),
        other => panic!("the chart uses the function {other}, which only Helm knows"),
    }
}

fn term(word: &str, scope: &Scope<'_>) -> Value {
    if let Some(text) = word.strip_prefix('"') {
        return json!(text.strip_suffix('"').expect("a text ends"));
    }
    if let Ok(number) = word.parse::<u64>() {
        return json!(number);
    }
    if let Some(rest) = word.strip_prefix('(') {
        let (inner, path) = rest.rsplit_once(')').expect("a parenthesis ends");
        return descend(pipeline(inner, scope), path);
    }
    let word = word.strip_prefix("$.").unwrap_or(word.strip_prefix('.').unwrap_or(word));
    let (name, path) = word.split_once('.').unwrap_or((word, ""));
    descend(scope.names.get(name).unwrap_or_else(|| panic!("{word} is unknown")).clone(), path)
}

fn descend(value: Value, path: &str) -> Value {
    path.split('.').filter(|key| !key.is_empty()).fold(value, |value, key| value[key].clone())
}

/// Splits at a character that is outside of quotes and parentheses.
fn pieces(text: &str, mark: char) -> Vec<&str> {
    let (mut pieces, mut begin, mut depth, mut quoted) = (Vec::new(), 0, 0, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            c if c == mark && !quoted && depth == 0 => {
                pieces.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&text[begin..]);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(held) => *held,
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
