//! What only live servers know: the labels that metrics have, whether links lead anywhere (RG033), and which rules
//! cannot be evaluated (RG070).

use super::options::Options;
use super::report::{Finding, Level, Report};
use super::rule_file::{Rule, metric_name};
use crate::server::{NoVerdict, Server};
use checklist::config::Endpoint;
use clients::http;
use futures::StreamExt;
use promql::{Expr, Selector, Text};
use std::collections::BTreeSet;
use std::time::Duration;

/// Metrics and links that are asked about; a note counts the others.
const MOST: usize = 500;
/// Questions at a time.
const IN_FLIGHT: usize = 8;
/// Bytes of a page behind a link.
const MAX_PAGE: usize = 8 * 1024 * 1024;
const DEADLINE: Duration = Duration::from_secs(10);

/// The annotations that are links.
pub(super) const LINKS: [&str; 2] = ["runbook_url", "dashboard_url"];

/// What rules read and where they point to.
#[derive(Debug, Default)]
pub struct Asked {
    metrics: BTreeSet<String>,
    links: BTreeSet<String>,
}

impl Asked {
    pub(super) fn of<'a>(rules: impl Iterator<Item = &'a Rule>) -> Self {
        let mut asked = Self::default();
        for rule in rules {
            let selectors = rule.ast.iter().flat_map(Expr::selectors);
            asked.metrics.extend(selectors.filter_map(Selector::metric).map(ToOwned::to_owned));
            let links = LINKS.iter().filter_map(|name| rule.annotation(name)).map(|text| &text.value);
            // An address with a template is known when the alert fires only.
            let whole = links.filter(|link| link.starts_with("http") && !link.contains("{{"));
            // The part behind # is the browser's.
            asked.links.extend(whole.map(|link| page(link).to_owned()));
        }
        asked
    }
}

/// The address without the place on the page.
pub(super) fn page(link: &str) -> &str {
    link.split('#').next().unwrap_or(link)
}

/// Learns what a server and the pages behind links know; gives the rules that the server cannot evaluate, and notes
/// about what was not asked.
///
/// # Errors
/// [`NoVerdict`] when the server does not answer. A link that does not is a finding.
pub async fn learn(
    server: &Server,
    asked: Asked,
    options: &mut Options,
) -> Result<(Vec<Finding>, Vec<String>), NoVerdict> {
    let mut notes = Vec::new();
    let mut most = |all: BTreeSet<String>, what: &str| {
        if all.len() > MOST {
            notes.push(format!("{} {what} are not asked about: {MOST} are the most", all.len() - MOST));
        }
        all.into_iter().take(MOST).collect::<Vec<_>>()
    };
    let (metrics, links) = (most(asked.metrics, "metrics"), most(asked.links, "links"));
    let names = server.get("/api/v1/label/__name__/values", &[]).await?;
    let names: Vec<String> =
        names.as_array().into_iter().flatten().filter_map(|name| Some(name.as_str()?.into())).collect();
    let there = metrics.into_iter().filter(|metric| names.contains(metric));
    let labels = futures::stream::iter(there)
        .map(|metric| async move {
            let labels = server.get("/api/v1/labels", &[("match[]", &selector(&metric))]).await?;
            let labels = labels.as_array().into_iter().flatten().filter_map(|label| Some(label.as_str()?.to_owned()));
            Ok::<_, NoVerdict>((metric, labels.collect::<Vec<_>>()))
        })
        .buffered(IN_FLIGHT);
    let labels: Vec<Result<_, NoVerdict>> = labels.collect().await;
    options.known.add_names(names);
    for answer in labels {
        let (metric, labels) = answer?;
        options.known.add_labels(&metric, labels);
    }
    let broken = futures::stream::iter(links).map(|link| async move { Some((why_broken(&link).await?, link)) });
    let broken: Vec<_> = broken.buffered(IN_FLIGHT).collect().await;
    options.broken_links = broken.into_iter().flatten().map(|(why, link)| (link, why)).collect();
    Ok((unhealthy(server, options).await?, notes))
}

/// A metric as a selector; names that are no words stand in quotes.
fn selector(metric: &str) -> String {
    if metric_name(metric) { metric.to_owned() } else { format!("{{{}}}", Text::from(metric)) }
}

/// Why nobody would see a page behind a link.
async fn why_broken(link: &str) -> Option<String> {
    let endpoint = Endpoint { url: link.to_owned(), bearer_token: None, ca_file: None };
    match tokio::time::timeout(DEADLINE, Box::pin(http::fetch(&endpoint, "", MAX_PAGE))).await {
        Err(_) => Some(format!("no answer within {DEADLINE:?}")),
        Ok(Err(failure)) => Some(failure.message),
        // Who has to log in is led on, and comes back.
        Ok(Ok(answer)) if answer.status.is_success() || answer.status.is_redirection() => None,
        Ok(Ok(answer)) => Some(format!("it answers {}", answer.status)),
    }
}

async fn unhealthy(server: &Server, options: &Options) -> Result<Vec<Finding>, NoVerdict> {
    let answer = server.get("/api/v1/rules", &[]).await?;
    let mut report = Report::new(&server.url, "", None);
    for group in answer["groups"].as_array().into_iter().flatten() {
        for rule in group["rules"].as_array().into_iter().flatten().filter(|rule| rule["health"] == "err") {
            report.about(rule["name"].as_str().map(ToOwned::to_owned));
            let error = rule["lastError"].as_str().unwrap_or("the server does not say why");
            report.line("RG070", Level::Error, 1, format!("the server cannot evaluate it: {error}"), "");
        }
    }
    Ok(report.finish(options.today, |_| None))
}
