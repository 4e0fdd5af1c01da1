//! Queries live servers: the labels of metrics, whether links lead to a page (RG033), and the rules that a server
//! cannot evaluate (RG070).

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

/// The largest number of metrics, and of links, that are queried. A note says how many were left out.
const MOST: usize = 500;
/// The number of requests that run at the same time.
const IN_FLIGHT: usize = 8;
/// The largest size of a page behind a link, in bytes.
const MAX_PAGE: usize = 8 * 1024 * 1024;
const DEADLINE: Duration = Duration::from_secs(10);

/// The annotations that contain links.
pub(super) const LINKS: [&str; 2] = ["runbook_url", "dashboard_url"];

/// The metrics that rules read, and the links in their annotations.
#[derive(Debug, Default)]
pub struct Questions {
    metrics: BTreeSet<String>,
    links: BTreeSet<String>,
}

impl Questions {
    /// Collects the metrics and links of rules.
    pub(super) fn of<'a>(rules: impl Iterator<Item = &'a Rule>) -> Self {
        let mut questions = Self::default();
        for rule in rules {
            let selectors = rule.ast.iter().flat_map(Expr::selectors);
            questions.metrics.extend(selectors.filter_map(Selector::metric).map(ToOwned::to_owned));
            let links = LINKS.iter().filter_map(|name| rule.annotation(name)).map(|text| &text.value);
            // A link with a template is only known when the alert fires.
            let whole = links.filter(|link| link.starts_with("http") && !link.contains("{{"));
            // The part after `#` is not sent to the server.
            questions.links.extend(whole.map(|link| page(link).to_owned()));
        }
        questions
    }
}

/// Returns an address without the part after `#`.
pub(super) fn page(link: &str) -> &str {
    link.split('#').next().unwrap_or(link)
}

/// Adds to the options what the server and the pages behind links say. Returns findings about rules that the server
/// cannot evaluate, and notes about what was left out.
///
/// # Errors
/// [`NoVerdict`] when the server does not answer. A link that does not answer is a finding.
pub async fn learn(
    server: &Server,
    questions: Questions,
    options: &mut Options,
) -> Result<(Vec<Finding>, Vec<String>), NoVerdict> {
    let mut notes = Vec::new();
    let mut most = |all: BTreeSet<String>, what: &str| {
        if all.len() > MOST {
            notes.push(format!("{} {what} were not checked: the limit is {MOST}", all.len() - MOST));
        }
        all.into_iter().take(MOST).collect::<Vec<_>>()
    };
    let (metrics, links) = (most(questions.metrics, "metrics"), most(questions.links, "links"));
    let names = server.names("/api/v1/label/__name__/values", &[]).await?;
    let there = metrics.into_iter().filter(|metric| names.contains(metric));
    let labels = futures::stream::iter(there)
        .map(|metric| async move {
            let labels = server.names("/api/v1/labels", &[("match[]", &selector(&metric))]).await?;
            Ok::<_, NoVerdict>((metric, labels))
        })
        .buffered(IN_FLIGHT);
    let labels: Vec<Result<_, NoVerdict>> = labels.collect().await;
    options.known.add_names(names);
    for response in labels {
        let (metric, labels) = response?;
        options.known.add_labels(&metric, labels);
    }
    let broken = futures::stream::iter(links).map(|link| async move { Some((why_broken(&link).await?, link)) });
    let broken: Vec<_> = broken.buffered(IN_FLIGHT).collect().await;
    options.broken_links = broken.into_iter().flatten().map(|(why, link)| (link, why)).collect();
    Ok((unhealthy(server, options).await?, notes))
}

/// Returns a selector of a metric. A name with other characters than letters, digits, `_` and `:` is quoted.
fn selector(metric: &str) -> String {
    if metric_name(metric) { metric.to_owned() } else { format!("{{{}}}", Text::from(metric)) }
}

/// Returns the reason why the page behind a link cannot be opened.
async fn why_broken(link: &str) -> Option<String> {
    let endpoint = Endpoint { url: link.to_owned(), bearer_token: None, ca_file: None };
    match tokio::time::timeout(DEADLINE, Box::pin(http::fetch(&endpoint, "", MAX_PAGE))).await {
        Err(_) => Some(format!("no response within {DEADLINE:?}")),
        Ok(Err(failure)) => Some(failure.message),
        // A redirection usually leads to a login page and back.
        Ok(Ok(response)) if response.status.is_success() || response.status.is_redirection() => None,
        Ok(Ok(response)) => Some(format!("the server responds with {}", response.status)),
    }
}

async fn unhealthy(server: &Server, options: &Options) -> Result<Vec<Finding>, NoVerdict> {
    let response = server.rule_groups().await?;
    let mut report = Report::new(&server.url, "", None);
    for group in response["groups"].as_array().into_iter().flatten() {
        for rule in group["rules"].as_array().into_iter().flatten().filter(|rule| rule["health"] == "err") {
            report.about(rule["name"].as_str().map(ToOwned::to_owned));
            let error = rule["lastError"].as_str().unwrap_or("the server gives no reason");
            report.line("RG070", Level::Error, 1, format!("the evaluation fails: {error}"), "");
        }
    }
    Ok(report.finish(options.today, |_| None))
}
