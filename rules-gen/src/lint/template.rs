//! The syntax of Go templates, as far as Prometheus checks it when it loads rules: actions, blocks, variables and
//! function names.

mod evaluation;
mod tokens;
mod variables;

use tokens::{CONSTANTS, Token, tokens};
use variables::Variables;

/// The functions of Go's text/template and those that Prometheus 3 adds (its file template/template.go).
const FUNCTIONS: [&str; 48] = [
    "and",
    "or",
    "not",
    "len",
    "index",
    "slice",
    "print",
    "printf",
    "println",
    "html",
    "js",
    "urlquery",
    "call",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "query",
    "first",
    "label",
    "value",
    "strvalue",
    "args",
    "reReplaceAll",
    "safeHtml",
    "match",
    "title",
    "toUpper",
    "toLower",
    "graphLink",
    "tableLink",
    "sortByLabel",
    "stripPort",
    "stripDomain",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "toTime",
    "toDuration",
    "now",
    "pathPrefix",
    "externalURL",
    "parseDuration",
    "urlQueryEscape",
];
/// Functions whose result is true or false.
const QUESTIONS: [&str; 7] = ["eq", "ne", "lt", "le", "gt", "ge", "not"];

/// What a template refers to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Labels of the series, as in `$labels.instance`.
    pub labels: Vec<String>,
    /// Whether the value of the alert is shown. A condition may use a value that is not shown.
    pub value: bool,
    /// The functions that are called.
    pub functions: Vec<String>,
    /// The arguments of `query` that are literal texts.
    pub queries: Vec<String>,
    /// The arguments of `label`, which reads a label of a query's result.
    pub read: Vec<String>,
    /// What fails when the template is expanded, although it parses.
    pub mistakes: Vec<String>,
}

/// Parses a template and returns what it refers to.
///
/// # Errors
/// The reason why Go's parser would refuse it, as one sentence.
pub fn read(text: &str) -> Result<Used, String> {
    let mut used = Used::default();
    // Most texts have no action.
    if !text.contains("{{") {
        return Ok(used);
    }
    let mut blocks: Vec<(&str, usize)> = Vec::new();
    let mut variables = Variables::given();
    let (mut defined, mut called) = (Vec::new(), Vec::new());
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let action = &rest[start + 2..];
        let trimmed = action.strip_prefix("- ").unwrap_or(action);
        if let Some(comment) = trimmed.strip_prefix("/*") {
            let end = comment.find("*/").ok_or("a comment is not closed")?;
            let after = comment[end + 2..].strip_prefix(" -").unwrap_or(&comment[end + 2..]);
            rest = after.strip_prefix("}}").ok_or("a comment must end the action")?;
            continue;
        }
        let (tokens, after) = tokens(trimmed)?;
        rest = after;
        block(&tokens, &mut blocks, &mut variables)?;
        match tokens.as_slice() {
            [Token::Word("define" | "block"), Token::Text(name), ..] => defined.push(name.trim_matches(['"', '`'])),
            [Token::Word("template"), Token::Text(name), ..] => called.push(name.trim_matches(['"', '`'])),
            _ => {}
        }
        let own = matches!(tokens.first(), Some(Token::Word("range" | "with" | "define" | "block")));
        let around = &blocks[..blocks.len() - usize::from(own)];
        let is_within = |words: [&str; 2]| around.iter().any(|(word, _)| words.contains(word));
        // Inside `range` and `with`, the dot is not the alert.
        let inside = is_within(["range", "with"]);
        let apart = is_within(["define", "block"]);
        pipeline(&tokens, &mut variables, (inside, apart), &mut used)?;
        for at in 0..tokens.len() {
            if let [Token::Word("query"), Token::Text(literal), ..]
            | [Token::Text(literal), Token::Sign('|'), Token::Word("query"), ..] = &tokens[at..]
            {
                used.queries.extend(promql::Text::of_literal(literal).map(|query| (*query).to_owned()));
            }
            if let [Token::Word("label"), Token::Text(literal), ..] = &tokens[at..] {
                used.read.extend(promql::Text::of_literal(literal).map(|label| (*label).to_owned()));
            }
            if let [Token::Word("printf"), Token::Text(literal), rest @ ..] = &tokens[at..]
                && let [Token::Word("query"), ..] = piped_into(rest)
            {
                used.queries.extend(promql::Text::of_literal(literal).map(|format| filled(&format)));
            }
        }
    }
    if let Some((word, _)) = blocks.last() {
        return Err(format!("{{{{ {word} }}}} has no {{{{ end }}}}"));
    }
    let missing = called.iter().filter(|name| !defined.contains(name));
    used.mistakes.extend(missing.map(|name| format!("no template {name:?} is defined in the text")));
    Ok(used)
}

/// Returns the tokens after the pipe that a call with these arguments goes into. None if the call ends before it, with
/// a parenthesis.
fn piped_into<'a, 'b>(arguments: &'b [Token<'a>]) -> &'b [Token<'a>] {
    let mut open = 0_usize;
    for (at, token) in arguments.iter().enumerate() {
        match token {
            Token::Sign('(') => open += 1,
            Token::Sign(')') if open == 0 => return &[],
            Token::Sign(')') => open -= 1,
            Token::Sign('|') if open == 0 => return &arguments[at + 1..],
            _ => {}
        }
    }
    &[]
}

/// Returns the query that `printf` creates, with a sample value for each verb.
fn filled(format: &str) -> String {
    let mut filled = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        filled.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-' | ' ' | '#')).unwrap_or(0);
        let verb = after[end..].chars().next();
        filled.push_str(match verb {
            Some('s' | 'v') => "x",
            Some('q') => "\"x\"",
            Some('%') => "%",
            _ => "1",
        });
        rest = verb.map_or("", |verb| &after[end + verb.len_utf8()..]);
    }
    filled + rest
}

/// Opens and closes blocks. A variable exists until the end of its block.
fn block<'a>(
    tokens: &[Token<'a>],
    blocks: &mut Vec<(&'a str, usize)>,
    variables: &mut Variables<'a>,
) -> Result<(), String> {
    match tokens.first() {
        Some(Token::Word(word @ ("if" | "range" | "with" | "block" | "define"))) => {
            if tokens.len() == 1 {
                return Err(format!("{{{{ {word} }}}} needs a value"));
            }
            blocks.push((word, variables.count()));
        }
        Some(Token::Word("else")) => match blocks.last() {
            Some(("if" | "range" | "with", _)) => {}
            _ => return Err("{{ else }} without {{ if }}".to_owned()),
        },
        Some(Token::Word("end")) => {
            let (_, known) = blocks.pop().ok_or("{{ end }} without a block")?;
            if tokens.len() > 1 {
                return Err("{{ end }} takes no argument".to_owned());
            }
            variables.truncate(known);
        }
        Some(Token::Word(word @ ("break" | "continue"))) if !blocks.iter().any(|(block, _)| *block == "range") => {
            return Err(format!("{{{{ {word} }}}} outside {{{{ range }}}}"));
        }
        None => return Err("an action is empty".to_owned()),
        _ => {}
    }
    Ok(())
}

/// Reads a pipeline. `inside` tells whether it is within `range` or `with`, and `apart` whether it is in a template of
/// its own.
fn pipeline<'a>(
    tokens: &[Token<'a>],
    variables: &mut Variables<'a>,
    (inside, apart): (bool, bool),
    used: &mut Used,
) -> Result<(), String> {
    let keywords = ["if", "else", "range", "with", "end", "define", "block", "template", "break", "continue"];
    let mut open = 0_usize;
    let mut has_value = false;
    let head = match tokens {
        [Token::Word("else"), Token::Word("if" | "with"), ..] => 2,
        [Token::Word("if" | "with" | "range"), ..] => 1,
        _ => 0,
    };
    let declared = declared(&tokens[head..], tokens.first() == Some(&Token::Word("range")), variables)?;
    for (at, token) in tokens.iter().enumerate().skip(if declared.1 > 0 { head + declared.1 } else { 0 }) {
        match token {
            Token::Variable(name) => {
                let next = tokens.get(at + 1);
                // A variable exists only after its assignment.
                if !name.is_empty() && !variables.exists(name) {
                    return Err(format!("undefined variable \"${name}\""));
                }
                has_value |= variables.has_value(name);
                match (*name, next, tokens.get(at + 2)) {
                    ("labels", Some(Token::Of(label)), _) | ("", Some(Token::Of("Labels")), Some(Token::Of(label))) => {
                        used.labels.push((*label).to_owned());
                    }
                    ("", Some(Token::Of("Value")), _) => has_value = true,
                    _ => {}
                }
            }
            Token::Field("Labels" | "Value") if inside => {}
            Token::Field("Labels") => {
                if let Some(Token::Of(label)) = tokens.get(at + 1) {
                    used.labels.push((*label).to_owned());
                }
            }
            Token::Field("Value") => has_value = true,
            Token::Field("") => has_value |= variables.has_value("."),
            Token::Word(word) if at == 0 && keywords.contains(word) => {}
            Token::Word("if" | "with") if at == 1 && tokens[0] == Token::Word("else") => {}
            Token::Word(word) if CONSTANTS.contains(word) => {}
            Token::Word(word) if FUNCTIONS.contains(word) => used.functions.push((*word).to_owned()),
            Token::Word(word) => return Err(format!("function \"{word}\" not defined")),
            Token::Sign('(') if tokens.get(at + 1) == Some(&Token::Sign(')')) => {
                return Err("() contains no value".to_owned());
            }
            Token::Sign('(') => open += 1,
            Token::Sign(')') => open = open.checked_sub(1).ok_or("a ) without (")?,
            Token::Sign('|') if at == 0 => return Err("a | without a value before it".to_owned()),
            Token::Sign('|')
                if tokens.get(at + 1).is_some_and(|next| next.is_literal() || *next == Token::Field("")) =>
            {
                return Err("a | needs a function after it".to_owned());
            }
            Token::Assign(_) | Token::Sign(',') => return Err("an assignment where a value is expected".to_owned()),
            Token::Field(_) | Token::Of(_) | Token::Text(_) | Token::Number(_) | Token::Sign(_) => {}
        }
    }
    if open > 0 {
        return Err("a ( is not closed".to_owned());
    }
    let values = match tokens {
        [Token::Word("template" | "define" | "block"), Token::Text(_), rest @ ..] => rest,
        [Token::Word("else" | "end" | "break" | "continue")] => &[],
        _ => &tokens[head + declared.1..],
    };
    used.mistakes.extend(evaluation::mistakes(values, variables, inside, apart));
    let asks = matches!(values.first(), Some(Token::Word(word)) if QUESTIONS.contains(word));
    has_value &= !asks || values.contains(&Token::Sign('|'));
    if let [Token::Variable(name), Token::Assign(false), ..] = &tokens[head..]
        && has_value
    {
        variables.takes_value(name);
    }
    match tokens.get(head.saturating_sub(1)) {
        Some(Token::Word("if")) => {}
        Some(Token::Word("with" | "range")) => variables.declare(".", has_value),
        _ => used.value |= has_value && declared.1 == 0,
    }
    for name in declared.0 {
        variables.declare(name, has_value);
    }
    Ok(())
}

/// Returns the variables that a pipeline assigns, and the number of tokens of the assignment: `$x :=`, or `$key, $value
/// :=` after `range`.
fn declared<'a>(tokens: &[Token<'a>], range: bool, known: &Variables<'a>) -> Result<(Vec<&'a str>, usize), String> {
    let (names, makes, length) = match tokens {
        [Token::Variable(name), Token::Assign(makes), ..] => (vec![*name], *makes, 2),
        [Token::Variable(key), Token::Sign(','), Token::Variable(value), Token::Assign(makes), ..] if range => {
            (vec![*key, *value], *makes, 4)
        }
        _ => return Ok((Vec::new(), 0)),
    };
    if tokens.len() == length {
        return Err("an assignment without a value".to_owned());
    }
    if let Some(name) = names.iter().find(|name| !makes && !name.is_empty() && !known.exists(name)) {
        return Err(format!("undefined variable \"${name}\""));
    }
    let made = names.into_iter().filter(|_| makes).collect();
    Ok((made, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_values_and_queries_in_a_template_are_found() {
        let used = read("{{ $labels.job }} is {{ $value | humanize }} on {{ .Labels.instance }}").unwrap();
        assert_eq!(used.labels, ["job", "instance"]);
        assert!(used.value && used.functions == ["humanize"]);
        assert_eq!(
            read("{{ range query \"up\" }}{{ .Value }}{{ .Labels.a }}{{ end }} {{- /* why */ -}} end")
                .map(|u| (u.value, u.labels)),
            Ok((false, Vec::new()))
        );
        for fine in [
            "{{ 1i }}",
            "{{ 0x1p-2 }}",
            "{{ 1e+5 }}",
            "{{ nil | printf \"%v\" }}",
            "{{ if true }}{{ end }}",
            "{{ (.).x }}",
        ] {
            assert!(read(fine).is_ok(), "{fine}");
        }
        let nested = "{{ with printf \"up{pod=~%q,job=%q}\" (printf \"%s-.*\" $labels.a) $labels.b | query }}{{ end }}";
        assert_eq!(read(nested).map(|used| used.queries), Ok(vec!["up{pod=~\"x\",job=\"x\"}".to_owned()]));
        assert!(read("{{ with $x := query `a` | first }}{{ $x | value }}{{ else }}none{{ end }}").is_ok());
    }

    #[test]
    fn a_value_in_a_condition_is_not_shown() {
        for (text, shown) in [
            ("{{ if gt $value 90.0 }}a{{ else if $value }}b{{ end }}", false),
            ("{{ $v := $value }}{{ if gt $v 90.0 }}a{{ end }}", false),
            ("{{ with $v := .Value }}{{ if gt $v 90.0 }}a{{ end }}{{ end }}", false),
            ("{{ $level := \"a\" }}{{ if gt $value 9.0 }}{{ $level = \"b\" }}{{ end }}{{ $level }}", false),
            ("{{ gt $value 90.0 }}", false),
            ("{{ $value }}", true),
            ("{{ .Value | humanize }}", true),
            ("{{ $v := $value }}{{ $v }}", true),
            ("{{ $v := 5 }}{{ $v = $value }}{{ $v }}", true),
            ("{{ with $value }}{{ . }}{{ end }}", true),
            ("{{ range query \"up\" }}{{ $.Value }}{{ end }}", true),
            ("{{ if true }}{{ $value }}{{ end }}", true),
            ("{{ gt $value 90.0 | printf \"%v %v\" $value }}", true),
        ] {
            assert_eq!(read(text).map(|used| used.value), Ok(shown), "{text}");
        }
    }

    /// Prometheus accepts all of them, and expands only those that are fine.
    #[test]
    fn what_fails_when_a_template_is_expanded_is_found() {
        for bad in [
            "{{ gt $value 5 }}",
            "{{ if gt $value 5 }}a{{ end }}",
            "{{ if and true (lt .Value 5) }}a{{ end }}",
            "{{ if $value | eq 5 }}a{{ end }}",
            "{{ eq $value \"5\" }}",
            "{{ eq $labels.a 5 }}",
            "{{ .Labelz.x }}",
            "{{ .value }}",
            "{{ .CommonLabels.x }}",
            "{{ .Status | toUpper }}",
            "{{ range query \"up\" }}{{ $.StartsAt }}{{ end }}",
            "{{ $labels.x.y }}",
            "{{ humanizePercentage }}",
            "{{ $value | humanize 2 }}",
            "{{ query \"up\" | value }}",
            "{{ query \"up\" | first | humanize }}",
            "{{ (query \"up\" | first).Valeu }}",
            "{{ $value | toUpper }}",
            "{{ template \"x\" . }}",
            "{{ printf \"%d\" $value }}",
            "{{ printf \"%s is %.2f\" $value $labels.job }}",
            "{{ printf \"%v%\" $value }}",
            "{{ printf \"%.1f\" }}",
            "{{ $value | printf \"%.1f of %s\" }}",
            "{{ printf \"busy\" $value }}",
        ] {
            assert!(read(bad).is_ok_and(|used| !used.mistakes.is_empty()), "{bad}");
        }
        for fine in [
            "{{ gt $value 5.0 }} {{ eq $value 5e1 }} {{ eq $labels.a \"5\" }} {{ eq (len $labels) 5 }}",
            "{{ printf \"%v %.0f%% %s %q %5.1e %t\" $value $value $labels.a .Labels.b .Value true }}",
            "{{ $value | printf \"%.2f\" }} {{ printf \"%*d\" 5 5 }} {{ printf \"%%\" }}",
            "{{ range query \"up\" }}{{ .Labels.a }} {{ .Value }} {{ $.Labels.x }}{{ end }}",
            "{{ range $i, $x := query \"up\" }}{{ $x.Value | humanize }} {{ $i }}{{ end }}",
            "{{ with query \"up\" }}{{ . | first | value | humanizePercentage }}{{ end }}",
            "{{ with $value := query \"up\" | first }}{{ $value.Labels.a }}{{ end }}",
            "{{ query \"up\" | sortByLabel \"a\" | first | label \"a\" | toUpper }}",
            "{{ (query \"up\" | first).Value | humanize }} {{ (index (query \"up\") 0).Labels.x }}",
            "{{ define \"x\" }}{{ .Anything }}{{ $.Else }}{{ end }}{{ template \"x\" $labels }}",
            "{{ $labels.a | reReplaceAll \"(.*)\" \"$1\" }} {{ match \"a\" $externalLabels.b }}",
            "{{ .ExternalURL }} {{ .ExternalLabels.a }} {{ $externalURL }} {{ externalURL }} {{ printf \"%v\" now }}",
            "{{ parseDuration \"5m\" | humanizeDuration }} {{ \"5\" | humanize }} {{ $value | toTime }}",
            "{{ printf \"%v %v\" $value .Labels.x }} {{ args $value 5 }} {{ print $value .Labels.x }}",
            "{{ if and (eq $labels.a \"b\") (or (gt $value 5.0) (not true)) }}{{ end }}",
        ] {
            assert_eq!(read(fine).map(|used| used.mistakes), Ok(Vec::new()), "{fine}");
        }
        let deep = format!("{{{{ {}$value{} }}}}", "(".repeat(100_000), ")".repeat(100_000));
        assert!(read(&deep).is_ok());
    }

    #[test]
    fn templates_that_go_refuses_are_refused() {
        for bad in [
            "{{ . | nil }}",
            "{{ . | true }}",
            "{{ true.x }}",
            "{{ nil.x }}",
            "{{ () }}",
            "{{ ..x }}",
            "{{ $labels. }}",
            "{{ 1x }}",
            "{{ 1.5.x }}",
            "{{ $labels.job",
            "{{ nosuch }}",
            "{{ tmpl }}",
            "{{ break }}",
            "{{ $nosuch }}",
            "{{ if $value }}x",
            "{{ end }}",
            "{{ else }}",
            "{{ }}",
            "{{ \"open }}",
            "{{ ($value }}",
            "{{ if }}x{{ end }}",
            "{{ if $value }}{{ $x := 1 }}{{ end }}{{ $x }}",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
