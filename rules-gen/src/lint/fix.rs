//! Repairs for `--fix`, where a mistake has only one possible meaning: missing quotes, durations in another notation, a
//! quoted `limit` of a group, regular expressions that are plain text, and missing links to runbooks.

mod matchers;
mod quotes;

use super::documents::members;
use super::duration_meant::duration_meant;
use super::rule_file::seconds;
use super::yaml::{Kind, Node};
use quotes::read;
use std::collections::BTreeMap;
use std::ops::Range;

/// A repaired text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    pub text: String,
    /// What was repaired and how often, such as "texts quoted: 2".
    pub what: Vec<String>,
}

/// The kinds of repairs.
const QUOTED: &str = "texts quoted";
const DURATIONS: &str = "durations";
const LIMITS: &str = "limits";
const MATCHERS: &str = "regular expressions replaced by =";
const LINKS: &str = "runbook links added";

/// A change of the text.
struct Edit {
    bytes: Range<usize>,
    text: String,
    what: &'static str,
}

/// Returns the repaired text. `None` when there is nothing to repair, or the result would not be valid YAML.
pub fn fix(text: &str, runbook_url: Option<&str>) -> Option<Fixed> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut mended = text.to_owned();
    if let Some((quoted, count)) = quotes::quote(text) {
        counts.insert(QUOTED, count);
        mended = quoted;
    }
    let documents = read(&mended)?;
    let mut edits = Vec::new();
    for root in documents.iter().flat_map(members).map(|node| node.get("spec").unwrap_or(node)) {
        for group in root.get("groups").map(Node::items).unwrap_or_default() {
            durations(&mended, group, &["interval", "query_offset"], &mut edits);
            limit(group, &mut edits);
            for rule in group.get("rules").map(Node::items).unwrap_or_default() {
                durations(&mended, rule, &["for", "keep_firing_for"], &mut edits);
                let plain = matchers::plain(&mended, rule).into_iter();
                edits.extend(plain.map(|(bytes, text)| Edit { bytes, text: text.to_owned(), what: MATCHERS }));
                if let Some(pattern) = runbook_url {
                    edits.extend(link(&mended, rule, pattern));
                }
            }
        }
    }
    // Several aliases share one text, which is changed only once.
    edits.sort_by_key(|edit| (edit.bytes.start, edit.bytes.end));
    edits.dedup_by(|b, a| a.bytes == b.bytes);
    for edit in edits.iter().rev() {
        mended.replace_range(edit.bytes.clone(), &edit.text);
        *counts.entry(edit.what).or_default() += 1;
    }
    let what: Vec<String> = counts.into_iter().map(|(what, count)| format!("{what}: {count}")).collect();
    (!what.is_empty() && read(&mended)?.len() == documents.len()).then_some(Fixed { text: mended, what })
}

fn durations(file: &str, node: &Node, names: &[&str], edits: &mut Vec<Edit>) {
    for value in names.iter().filter_map(|name| node.get(name)) {
        let Some(text) = value.text().filter(|text| !text.is_empty() && seconds(text).is_none()) else { continue };
        let quote =
            ["\"", "'"].into_iter().find(|quote| file[value.span.start..].starts_with(quote)).unwrap_or_default();
        if let Some(meant) = duration_meant(text) {
            edits.push(Edit { bytes: value.span.clone(), text: format!("{quote}{meant}{quote}"), what: DURATIONS });
        }
    }
}

fn limit(group: &Node, edits: &mut Vec<Edit>) {
    let Some(value) = group.get("limit").filter(|value| value.plain().is_none()) else { return };
    if let Some(text) = value.text().filter(|text| text.parse::<u32>().is_ok()) {
        edits.push(Edit { bytes: value.span.clone(), text: text.to_owned(), what: LIMITS });
    }
}

/// Adds a link to the runbook to an alert without one.
fn link(text: &str, rule: &Node, pattern: &str) -> Option<Edit> {
    let (key, name) = rule.entries().iter().find(|(key, _)| key.text() == Some("alert"))?;
    let alert = name.text().filter(|alert| !alert.is_empty() && !alert.contains("{{"))?;
    // What an alias or a merge key brings here belongs to other rules too.
    let is_own = |key: &Node, value: &Node| {
        let before = text.get(rule.span.start..key.span.start);
        let between = text.get(key.span.end..value.span.start);
        before.is_some_and(|before| !before.contains("<<"))
            && between.is_some_and(|between| !between.contains(['&', '*']))
            && value.span.end <= rule.span.end
    };
    if !is_own(key, name) {
        return None;
    }
    let url = pattern.replace("{alert}", alert);
    let edit = |at: usize, text: String| Some(Edit { bytes: at..at, text, what: LINKS });
    let in_brackets = |node: &Node| text.get(node.span.start..).is_some_and(|rest| rest.starts_with('{'));
    // In a flow mapping the entry is written as JSON, which is valid YAML.
    let pair = format!("\"runbook_url\": {}", serde_json::Value::from(url.as_str()));
    let plain = url.chars().all(|c| c.is_ascii_alphanumeric() || "/._~%?=&+-:#".contains(c)) && !url.ends_with(':');
    let line = if plain { url } else { format!("'{}'", url.replace('\'', "''")) };
    match rule.entries().iter().find(|(key, _)| key.text() == Some("annotations")) {
        Some((_, annotations)) if annotations.get("runbook_url").is_some() => None,
        Some((key, annotations)) if !is_own(key, annotations) => None,
        Some((_, annotations)) => {
            let Kind::Map(entries) = &annotations.kind else { return None };
            let (first, _) = entries.first()?;
            if in_brackets(annotations) {
                return edit(annotations.span.start + 1, format!("{pair}, "));
            }
            let indent = " ".repeat(first.place.column - 1);
            edit(first.span.start, format!("runbook_url: {line}\n{indent}"))
        }
        None if in_brackets(rule) => edit(name.span.end, format!(", \"annotations\": {{{pair}}}")),
        None => {
            let end = text.get(name.span.end..)?.find('\n').map_or(text.len(), |at| name.span.end + at);
            let end = if text[..end].ends_with('\r') { end - 1 } else { end };
            let indent = " ".repeat(key.place.column - 1);
            edit(end, format!("\n{indent}annotations:\n{indent}  runbook_url: {line}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unambiguous_errors_are_fixed_and_nothing_else_changes() {
        let bad = "groups:\n- name: g # first\n  interval: 1 min\n  limit: \"5\"\n  rules:\n  - alert: Down\n    expr: {job=\"x\"} == 0\n    \
                   for: 5 minutes\n    annotations:\n      summary: {{ $labels.job }} is down\n      description: a: it's b\n  \
                   - {alert: B, expr: up, for: 1.5h}\n  - alert: C\n    expr: up\n    for: 5\n";
        let good = "groups:\n- name: g # first\n  interval: 1m\n  limit: 5\n  rules:\n  - alert: Down\n    expr: '{job=\"x\"} == 0'\n    \
                    for: 5m\n    annotations:\n      runbook_url: https://r.example.org/Down.md\n      summary: '{{ $labels.job }} is down'\n      \
                    description: 'a: it''s b'\n  - {alert: B, \"annotations\": {\"runbook_url\": \"https://r.example.org/B.md\"}, expr: up, for: 1h30m}\n  \
                    - alert: C\n    annotations:\n      runbook_url: https://r.example.org/C.md\n    expr: up\n    for: 5\n";
        let fixed = fix(bad, Some("https://r.example.org/{alert}.md")).unwrap();
        assert_eq!(fixed.text, good);
        assert_eq!(fixed.what, ["durations: 3", "limits: 1", "runbook links added: 3", "texts quoted: 3"]);
        assert_eq!(fix(good, Some("https://r.example.org/{alert}.md")), None, "once is enough");
        let json = "{\"groups\":[{\"name\":\"g\",\"rules\":[{\"alert\":\"A\",\"expr\":\"up\",\"for\":\"5 m\"}]}]}";
        let fixed = fix(json, None).unwrap().text;
        assert!(fixed.contains("\"for\":\"5m\""), "{fixed}");
    }

    #[test]
    fn a_regular_expression_that_is_a_plain_text_becomes_an_equality() {
        let with = |expr: &str| format!("groups:\n- name: g\n  rules:\n  - record: a\n    expr: {expr}\n");
        for (bad, good) in [
            ("up{a=~\"b\"}", "up{a=\"b\"}"),
            ("'up{a!~\"it''s~\", c=~\"d.*\"}'", "'up{a!=\"it''s~\", c=~\"d.*\"}'"),
            ("\"up{a =~ \\\"b\\\"}\"", "\"up{a = \\\"b\\\"}\""),
            ("|\n      x{a=~\"b\"}\n        / y{c!~`d`}", "|\n      x{a=\"b\"}\n        / y{c!=`d`}"),
        ] {
            assert_eq!(fix(&with(bad), None).map(|fixed| fixed.text), Some(with(good)), "{bad}");
            assert_eq!(fix(&with(good), None), None, "{good}");
        }
    }

    #[test]
    fn the_objects_of_a_list_are_fixed_too() {
        let bad = "apiVersion: v1\nkind: List\nitems:\n- kind: PrometheusRule\n  spec:\n    groups:\n    - name: g\n      rules:\n      - {alert: A, expr: up, for: 5min}\n";
        assert_eq!(fix(bad, None).map(|fixed| fixed.text), Some(bad.replace("5min", "5m")));
    }

    #[test]
    fn files_that_a_fix_cannot_make_valid_are_not_changed() {
        let helm = "groups:\n- name: {{ .Values.name }}\n  rules: []\n";
        for broken in
            [helm, "groups: [\n", "groups:\n- name: {{ include \"x\" . }}\n  rules: [\n", "a: 'b\n", "groups: []\n"]
        {
            assert_eq!(fix(broken, None), None, "{broken}");
        }
    }
}
