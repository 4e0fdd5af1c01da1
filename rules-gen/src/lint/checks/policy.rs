//! Lints about what people see and where it goes: RG030 to RG037.

use super::context::Context;
use crate::lint::dashboards::links::leads_nowhere;
use crate::lint::expr::{constant, filter, function, matchers, offset};
use crate::lint::known::Type;
use crate::lint::labels::labels;
use crate::lint::live::{LINKS, page};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::{Rule, seconds};
use crate::lint::template;
use promql::{Binary, BinaryOp, Duration, Expr, Kind, Selector};

/// The names that the mixins use, and those of pagers.
const SEVERITIES: [&str; 6] = ["critical", "warning", "info", "none", "page", "ticket"];

pub(super) fn check(rule: &Rule, ast: Option<&Expr>, context: &Context<'_>, report: &mut Report<'_>) {
    if rule.interval.is_some_and(|interval| interval > 300.0) {
        let message = "the group is evaluated more seldom than every 5m: results are stale in between";
        report.at("RG035", Level::Warning, &rule.name, message, "evaluate at least every 5m");
    }
    if !rule.alerts {
        return;
    }
    names(rule, report);
    texts(rule, report);
    templates(rule, ast, context, report);
    links(rule, context, report);
    times(rule, ast, context, report);
    if let Some(ast) = ast {
        numbers(rule, ast, report);
    }
}

fn names(rule: &Rule, report: &mut Report<'_>) {
    let name = &rule.name.value;
    let camel = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric());
    if !camel {
        report.at(
            "RG030",
            Level::Warning,
            &rule.name,
            format!("{name} is not CamelCase"),
            "routes and links rely on it",
        );
    }
    match rule.label("severity") {
        None => {
            report.at("RG030", Level::Warning, &rule.name, "no label severity: routes go by it", "severity: warning");
        }
        Some(severity) if severity.value.contains("{{") => {}
        Some(severity) if !SEVERITIES.contains(&severity.value.as_str()) => {
            let message = format!("severity {} is none of {}", severity.value, SEVERITIES.join(", "));
            report.at("RG030", Level::Warning, severity, message, "");
        }
        Some(_) => {}
    }
}

fn texts(rule: &Rule, report: &mut Report<'_>) {
    match rule.annotation("summary").or_else(|| rule.annotation("message")) {
        None => report.at("RG031", Level::Warning, &rule.name, "no annotation summary", "one fixed sentence"),
        Some(summary) => {
            if summary.value.contains("{{") {
                let message = "the summary changes with the alert: a group of alerts has no common headline";
                report.at("RG031", Level::Info, summary, message, "put values into the description");
            }
            if !summary.value.trim_end().ends_with(['.', '!', '?']) {
                report.at("RG031", Level::Info, summary, "the summary is no whole sentence", "end it with a period");
            }
        }
    }
    if rule.annotation("description").is_none() && rule.annotation("message").is_none() {
        report.at("RG031", Level::Warning, &rule.name, "no annotation description", "say which one and how much");
    }
}

fn templates(rule: &Rule, ast: Option<&Expr>, context: &Context<'_>, report: &mut Report<'_>) {
    let result = ast.map(|ast| labels(ast, &context.options.known)).unwrap_or_default();
    let unit = ast.and_then(unit);
    for (name, text) in rule.labels.iter().chain(&rule.annotations) {
        let Ok(used) = template::read(&text.value) else { continue };
        for query in &used.queries {
            if let Err(errors) = promql::parse(query) {
                let why = crate::promql::mistakes(&errors, query);
                let message = format!("the query in {name} does not parse: {why}");
                report.word("RG032", Level::Error, text, query, message, "the text shows an error instead of a value");
            }
        }
        for label in used.labels.iter().filter(|label| !result.may_have(label)) {
            let message = format!("{name} shows the label {label}, which the expression drops");
            report.word("RG032", Level::Error, text, label, message, "keep the label in by (...), or leave it out");
        }
        let formats =
            |function: &String| function.starts_with("humanize") || ["printf", "toTime"].contains(&&**function);
        if let Some((unit, fix)) = unit.filter(|_| used.value && !used.functions.iter().any(formats)) {
            let message = format!("{name} shows the bare value, which is {unit}");
            report.word("RG032", Level::Info, text, "$value", message, fix);
        }
        let sets = rule.labels.iter().any(|(known, _)| known == name);
        if sets && used.value {
            let message = format!("the label {name} holds the value: every evaluation makes another alert");
            report.at("RG032", Level::Error, text, message, "show the value in an annotation");
        }
    }
}

/// The unit of the value that an alert shows, where a metric's name says it, and how people read it.
fn unit(ast: &Expr) -> Option<(&'static str, &'static str)> {
    let mut side = filter(ast.bare()).map_or(ast, |one| &one.left).bare();
    loop {
        let name = function(side).unwrap_or_default();
        side = match &side.kind {
            Kind::Aggregation(one) if ["max", "min", "avg", "sum"].contains(&one.op.text.as_str()) => one.expr.bare(),
            // Over a time the unit stays; of a rate it does not.
            Kind::Call(call) if name.ends_with("_over_time") && !name.starts_with("count") => call.args.last()?.bare(),
            // Now less a time is an age.
            Kind::Binary(one) if one.op == BinaryOp::Sub && function(one.left.bare()) == Some("time") => {
                return Some(SECONDS);
            }
            _ => break side.selector().and_then(Selector::metric).and_then(of_name),
        }
    }
}

const SECONDS: (&str, &str) = ("in seconds", "{{ $value | humanizeDuration }}");

fn of_name(name: &str) -> Option<(&'static str, &'static str)> {
    if name.ends_with("_bytes") {
        Some(("in bytes", "{{ $value | humanize1024 }}B"))
    } else if name.ends_with("_timestamp_seconds") {
        Some(("a time", "{{ $value | humanizeTimestamp }}"))
    } else if name.ends_with("_seconds") {
        Some(SECONDS)
    } else {
        name.ends_with("_ratio").then_some(("a share", "{{ $value | humanizePercentage }}"))
    }
}

fn links(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    for (name, url) in rule.annotations.iter().filter(|(name, _)| LINKS.contains(&name.as_str())) {
        if let Some(why) = context.options.broken_links.get(page(&url.value)) {
            report.at(
                "RG033",
                Level::Error,
                url,
                format!("{name} leads nowhere: {why}"),
                "write the page, or mend the link",
            );
        }
    }
    if let Some(url) = rule.annotation("dashboard_url")
        && let Some(message) = leads_nowhere(&url.value, context.uids)
    {
        report.at(
            "RG033",
            Level::Warning,
            url,
            format!("dashboard_url: {message}"),
            "lint the dashboard too, or mend the link",
        );
    }
    let Some(url) = rule.annotation("runbook_url") else {
        if rule.label("severity").is_some_and(|severity| severity.value == "critical") {
            report.at(
                "RG033",
                Level::Info,
                &rule.name,
                "a page without runbook_url",
                "say what to do at three at night",
            );
        }
        return;
    };
    let Some(folder) = &context.options.runbooks else { return };
    let page = url.value.rsplit('/').next().unwrap_or_default();
    let (file, anchor) = page.split_once('#').map_or((page, None), |(file, anchor)| (file, Some(anchor)));
    let Ok(text) = std::fs::read_to_string(folder.join(file)) else {
        let message = format!("there is no {file} in {}", folder.display());
        report.at("RG033", Level::Error, url, message, "write the page, or mend the link");
        return;
    };
    let heading = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        line.starts_with('#') && Some(title.as_str()) == anchor
    };
    if anchor.is_some() && !text.lines().any(heading) {
        let message = format!("{file} has no heading #{}", anchor.unwrap_or_default());
        report.at("RG033", Level::Error, url, message, "write the section, or mend the link");
    }
}

fn times(rule: &Rule, ast: Option<&Expr>, context: &Context<'_>, report: &mut Report<'_>) {
    let interval = rule.interval.unwrap_or(context.options.evaluation_interval);
    if rule.pending > 0.0 && rule.pending < 2.0 * interval {
        let message = format!("for is shorter than two evaluations of {interval}s");
        report.at("RG034", Level::Warning, &rule.name, message, "wait for at least two");
    }
    let critical = rule.label("severity").is_some_and(|severity| severity.value == "critical");
    let known = &context.options.known;
    let gauge = ast.is_some_and(|ast| {
        let mut gauge = false;
        ast.walk(&mut |part, above| {
            let windowed = above.iter().any(|parent| matches!(parent.kind, Kind::Call(_)));
            let name = part.bare().selector().and_then(Selector::metric);
            gauge |=
                !windowed && name.is_some_and(|name| known.get(name).and_then(|fact| fact.kind) == Some(Type::Gauge));
        });
        gauge
    });
    if critical && gauge && rule.keep_firing == 0.0 {
        let message = "a page on a gauge resolves when the exporter restarts";
        report.at("RG034", Level::Info, &rule.name, message, "keep_firing_for: 5m");
    }
}

/// Words before a limit.
const LIMITS: [&str; 9] = ["than", "above", "below", "over", "under", "exceeds", "limit", "least", "beyond"];

/// "80%" or "the last hour" in the text, another number in the expression.
fn numbers(rule: &Rule, ast: &Expr, report: &mut Report<'_>) {
    let mut values = vec![rule.pending, rule.keep_firing];
    ast.walk(&mut |part, _| match &part.kind {
        Kind::Number(one) => values.push(one.value),
        Kind::Subquery(one) => {
            values.extend(one.range.seconds());
            let offset = one.modifiers.offset.as_ref().map(|_| offset(&one.modifiers));
            // A window that begins a while ago reaches back further than it is long.
            values.extend(
                offset.into_iter().flat_map(|ago| [Some(ago), one.range.seconds().map(|long| long + ago)]).flatten(),
            );
        }
        Kind::Selector(one) => {
            values.extend(one.range.as_ref().and_then(Duration::seconds));
            values.extend(one.modifiers.offset.as_ref().map(|_| offset(&one.modifiers)));
            values.extend(matchers(one).filter_map(|matcher| seconds(&matcher.value)));
        }
        Kind::Binary(one) => {
            values.extend(constant(part));
            values.extend(ahead(one));
        }
        _ => {}
    });
    let near = |wanted: f64| values.iter().any(|value| (value - wanted).abs() <= 1e-6 * wanted.abs().max(1e-6));
    for (name, text) in &rule.annotations {
        if !["summary", "description", "message"].contains(&name.as_str()) || text.value.contains("humanizeDuration") {
            continue;
        }
        let plain = outside_actions(&text.value);
        let words: Vec<&str> = plain.split([' ', '\n', ',', ';', '(', ')']).filter(|word| !word.is_empty()).collect();
        for (at, word) in words.iter().enumerate() {
            let word = word.trim_end_matches(['.', ':']);
            if let Some(percent) = word.strip_suffix('%').and_then(|number| number.parse::<f64>().ok()) {
                let fits = [percent, percent / 100.0, 100.0 - percent, 1.0 - percent / 100.0].into_iter().any(near);
                // A limit, and not a share of something else.
                let limit =
                    words[at.saturating_sub(3)..at].iter().any(|word| LIMITS.contains(&word.to_lowercase().as_str()));
                if !fits && limit {
                    differs(rule, text, word, report);
                }
            }
            let last = at > 0 && ["last", "past"].contains(&words[at - 1].to_lowercase().as_str());
            let unit = match word.trim_end_matches('s') {
                "minute" => Some(60.0),
                "hour" => Some(3_600.0),
                "day" => Some(86_400.0),
                "week" => Some(604_800.0),
                _ => None,
            };
            let count = words.get(at.wrapping_sub(1)).and_then(|number| number.parse::<f64>().ok());
            let spoken = match (unit, count) {
                (Some(unit), Some(count)) => Some(count * unit),
                (Some(unit), None) if last => Some(unit),
                _ => None,
            };
            let written = seconds(word).filter(|_| word.len() > 1 && word != "0");
            // Without any time in the expression the window is the metric's own.
            let timed = values[2..].iter().any(|value| *value >= 60.0);
            if let Some(wanted) = spoken.or(written)
                && timed
                && !near(wanted)
            {
                differs(rule, text, word, report);
            }
        }
    }
}

/// The times that a line is drawn ahead: a change since some time ago, so many times.
fn ahead(one: &Binary) -> Vec<f64> {
    let (Some(times), BinaryOp::Mul) = (constant(&one.left), one.op) else { return Vec::new() };
    let mut since = Vec::new();
    one.right.walk(&mut |part, _| match &part.kind {
        Kind::Subquery(one) => since.extend(one.modifiers.offset.as_ref().map(|_| times * offset(&one.modifiers))),
        Kind::Selector(one) => since.extend(one.modifiers.offset.as_ref().map(|_| times * offset(&one.modifiers))),
        _ => {}
    });
    since
}

fn differs(rule: &Rule, text: &crate::lint::place::Text, word: &str, report: &mut Report<'_>) {
    let message = format!("the text says {word}, the expression of {} has no such number", rule.name.value);
    report.word("RG037", Level::Warning, text, word, message, "let text and expression say the same");
}

fn outside_actions(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        plain.push_str(before);
        rest = after.split_once("}}").map_or("", |(_, after)| after);
    }
    plain + rest
}
