//! The syntax of Go templates, as far as Prometheus checks it when it loads rules: actions, blocks, variables and
//! function names.

mod tokens;

use tokens::{CONSTANTS, Token, tokens};

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
/// Variables that Prometheus defines at the start of a template.
const GIVEN: [&str; 4] = ["labels", "externalLabels", "externalURL", "value"];

/// What a template refers to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Labels of the series, as in `$labels.instance`.
    pub labels: Vec<String>,
    /// Whether the value of the alert is used.
    pub value: bool,
    /// The functions that are called.
    pub functions: Vec<String>,
    /// The arguments of `query` that are literal texts.
    pub queries: Vec<String>,
    /// The arguments of `label`, which reads a label of a query's result.
    pub read: Vec<String>,
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
    let mut variables: Vec<&str> = GIVEN.to_vec();
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
        // Inside `range` and `with`, the dot is not the alert.
        let outer = blocks.iter().filter(|(word, _)| ["range", "with"].contains(word)).count();
        let inside = outer > usize::from(matches!(tokens.first(), Some(Token::Word("range" | "with"))));
        pipeline(&tokens, &mut variables, inside, &mut used)?;
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
    match blocks.last() {
        Some((word, _)) => Err(format!("{{{{ {word} }}}} has no {{{{ end }}}}")),
        None => Ok(used),
    }
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
    variables: &mut Vec<&'a str>,
) -> Result<(), String> {
    match tokens.first() {
        Some(Token::Word(word @ ("if" | "range" | "with" | "block" | "define"))) => {
            if tokens.len() == 1 {
                return Err(format!("{{{{ {word} }}}} needs a value"));
            }
            blocks.push((word, variables.len()));
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

fn pipeline<'a>(
    tokens: &[Token<'a>],
    variables: &mut Vec<&'a str>,
    inside: bool,
    used: &mut Used,
) -> Result<(), String> {
    let keywords = ["if", "else", "range", "with", "end", "define", "block", "template", "break", "continue"];
    let mut open = 0_usize;
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
                if !name.is_empty() && !variables.iter().any(|known| known == name) {
                    return Err(format!("undefined variable \"${name}\""));
                }
                match (*name, next) {
                    ("labels", Some(Token::Field(label))) => used.labels.push((*label).to_owned()),
                    ("value", _) => used.value = true,
                    _ => {}
                }
            }
            Token::Field("Labels" | "Value") if inside => {}
            Token::Field("Labels") => {
                if let Some(Token::Field(label)) = tokens.get(at + 1) {
                    used.labels.push((*label).to_owned());
                }
            }
            Token::Field("Value") => used.value = true,
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
            Token::Field(_) | Token::Text(_) | Token::Number | Token::Sign(_) => {}
        }
    }
    if open > 0 {
        return Err("a ( is not closed".to_owned());
    }
    variables.extend(declared.0);
    Ok(())
}

/// Returns the variables that a pipeline assigns, and the number of tokens of the assignment: `$x :=`, or `$key, $value
/// :=` after `range`.
fn declared<'a>(tokens: &[Token<'a>], range: bool, known: &[&'a str]) -> Result<(Vec<&'a str>, usize), String> {
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
    if let Some(name) = names.iter().find(|name| !makes && !name.is_empty() && !known.contains(name)) {
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
