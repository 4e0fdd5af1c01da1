//! The list `traffic:`.

use super::kind::TargetKind;
use super::parts::Needs;
use super::target::{List, OWN, Target};
use crate::reader::keys::{Form, Key, Kind, Section};
use crate::reader::table::Table;

/// The application's own HTTP metrics, with the names that they have in Prometheus.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// The value of the label `target`.
    pub name: String,
    /// The name of the counter of requests.
    pub requests: String,
    /// The name of the histogram of durations in seconds, without `_bucket`.
    pub duration: String,
    /// Label matchers of the application's series, without braces.
    pub selector: String,
    /// Label matchers of failed requests.
    pub errors: String,
    /// Whether the histogram is a native one.
    pub native: bool,
}

static METRIC: Form =
    Form { right: "the name of a metric", pattern: "^[A-Za-z_:][A-Za-z0-9_:]*$", fits: is_metric_name };
static MATCHERS: Form = Form {
    right: "label matchers such as job=\"web\"",
    pattern: "^ *[A-Za-z_][A-Za-z0-9_]* *[=!]",
    fits: are_matchers,
};

impl Target for Traffic {
    fn name(&self) -> &str {
        &self.name
    }

    fn kinds(&self) -> Vec<TargetKind> {
        vec![TargetKind::Traffic]
    }

    /// The exporter needs nothing, because only Prometheus judges this target.
    fn needs(&self) -> Needs<'_> {
        Needs::default()
    }
}

static ENTRY: Section = Section {
    what: "a target",
    keys: &[
        OWN,
        &[
            Key::new("requests", Kind::Form(&METRIC), "The counter of requests.")
                .default("http_requests_total")
                .example("http_server_requests_total"),
            Key::new("duration", Kind::Form(&METRIC), "The histogram of durations in seconds, without `_bucket`.")
                .default("http_request_duration_seconds")
                .example("http_server_request_duration_seconds"),
            Key::new("selector", Kind::Form(&MATCHERS), "Label matchers that select the application, without braces.")
                .required()
                .example("'job=\"web\"'"),
            Key::new("errors", Kind::Form(&MATCHERS), "Label matchers that select its failed requests.")
                .default("status=~\"5..\"")
                .example("'code=~\"5..\"'"),
            Key::new("nativeHistogram", Kind::Flag, "Whether the histogram is a native one.")
                .default("false")
                .example("true"),
        ],
    ],
    rules: &[],
};

impl List for Traffic {
    const LIST: &'static str = "traffic";
    const ABOUT: &'static str =
        "The HTTP metrics of the application in Prometheus; only rules evaluate them, not the exporter.";
    const EXAMPLE: &'static str = "[{name: shop, selector: 'job=\"shop\"'}]";
    const ENTRY: &'static Section = &ENTRY;

    fn read(table: &Table<'_>, name: String) -> Option<Self> {
        Some(Self {
            name,
            requests: table.text("requests")?,
            duration: table.text("duration")?,
            selector: table.text("selector")?,
            errors: table.text("errors")?,
            native: table.flag("nativeHistogram"),
        })
    }
}

fn is_metric_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '_' | ':'))
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
}

/// Returns whether the text is a list of label matchers: `job="a", code!~'2..'`.
fn are_matchers(text: &str) -> bool {
    let mut rest = text.trim();
    loop {
        let Some(after) = matcher(rest) else { return false };
        match after.trim_start().strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None => return after.trim().is_empty(),
        }
    }
}

/// Returns what follows a label matcher at the beginning of the text, or `None` when there is no matcher.
fn matcher(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    let (name, rest) = text.split_at(end);
    let rest = rest.trim_start();
    let operator = ["=~", "!~", "!=", "="].into_iter().find(|operator| rest.starts_with(operator))?;
    let rest = rest[operator.len()..].trim_start();
    let quote = rest.chars().next().filter(|c| ['"', '\'', '`'].contains(c))?;
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, c)) = letters.next() {
        match c {
            '\\' if quote != '`' => drop(letters.next()),
            '\n' if quote != '`' => return None,
            c if c == quote => return (!name.is_empty()).then(|| &rest[at + 1..]),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_matchers_of_every_kind_are_accepted_and_other_text_is_refused() {
        for good in
            [r#"job="a""#, r#"job="a", code!~"2..""#, "job='a' , x=`b\\c`", r#"path=~"/x[0-9]{1,3}""#, r#"job="a\"b""#]
        {
            assert!(are_matchers(good), "{good}");
        }
        for bad in
            ["", "job", "job=", "job=a", r#"job="a"#, r#"job="a"}"#, r#"="a""#, r#"job="a" x="b""#, "job=\"a\n\""]
        {
            assert!(!are_matchers(bad), "{bad}");
        }
    }
}
