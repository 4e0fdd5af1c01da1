//! Queries to the HTTP API of Prometheus, Mimir or Thanos. A response that is missing or incomplete is a [`NoVerdict`].

mod response;

pub use response::{Labels, NoVerdict, Series};

use checklist::Reason;
use checklist::config::{Endpoint, SecretRef};
use checklist::yaml;
use clients::Failure;
use clients::http;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use response::Unreadable;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// Prometheus' limit of points per series in one response.
const MAX_POINTS: f64 = 11_000.0;
/// The number of slices that are requested at the same time.
const IN_FLIGHT: usize = 4;
/// The limit of a response in bytes. In memory it takes some five times as much.
const MAX_BODY: usize = 64 * 1024 * 1024;
const DEADLINE: Duration = Duration::from_mins(2);

/// The address of a Prometheus-compatible API and the credentials for it.
#[derive(Debug, Clone, clap::Args)]
pub struct Server {
    /// Base address of a Prometheus-compatible API; Mimir's ends in /prometheus.
    #[arg(long = "prometheus", value_name = "URL", env = "PROMETHEUS_URL", hide_env_values = true, value_parser = address)]
    pub url: String,
    #[command(flatten)]
    pub login: Login,
}

/// Checks the base address of a server and returns it unchanged.
///
/// # Errors
/// When the text is not an HTTP address, or contains a user or password. The message does not repeat the text, as it may
/// hold a password.
pub fn address(text: &str) -> Result<String, String> {
    let of_a_server = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    match Url::parse(text).ok().filter(of_a_server) {
        None => Err("this is not an address such as http://localhost:9090".to_owned()),
        Some(url) if !url.username().is_empty() || url.password().is_some() => {
            Err("the address must not contain a user or password: use --token-file".to_owned())
        }
        Some(_) => Ok(text.to_owned()),
    }
}

/// Credentials for a server.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Login {
    /// File that holds a bearer token.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The tenant of Mimir, Cortex or Thanos (`X-Scope-OrgID`).
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
    /// PEM file with the authorities to trust instead of the system's.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// The token that checklist.yaml names. It is used when the command line has no token file.
    #[arg(skip)]
    pub token: Option<SecretRef>,
}

/// A range of time that ends now or earlier.
#[derive(Debug, Clone, clap::Args)]
pub struct Past {
    /// The length of the history that is read.
    #[arg(long, default_value = "30d", value_parser = crate::promql::duration::parse)]
    pub range: Duration,
    /// Time between two evaluations.
    #[arg(long, default_value = "1m", value_parser = crate::promql::duration::parse)]
    pub step: Duration,
    /// The end of the range instead of now.
    #[arg(long, value_name = "RFC3339")]
    pub at: Option<Timestamp>,
}

impl Past {
    /// Returns the first and the last evaluation in Unix milliseconds. Both are multiples of the step, so that a second
    /// run evaluates the same times.
    pub fn milliseconds(&self) -> anyhow::Result<(i64, i64)> {
        let (range, step) = (i64::try_from(self.range.as_millis())?, i64::try_from(self.step.as_millis())?);
        anyhow::ensure!(step > 0 && range >= step, "--step must be greater than zero and not longer than --range");
        let end = self.at.unwrap_or_else(Timestamp::now).as_millisecond();
        let end = end - end.rem_euclid(step);
        let start = end - range / step * step;
        anyhow::ensure!(start > 0, "--range begins before 1970");
        Ok((start, end))
    }
}

/// Waits for the response of a server, at most `within`.
///
/// # Errors
/// [`NoVerdict`] when the deadline passes or the request fails.
pub async fn response_within<T>(
    place: &str,
    within: Duration,
    request: impl Future<Output = Result<T, Failure>>,
) -> Result<T, NoVerdict> {
    let response = tokio::time::timeout(within, request).await;
    let late = || format!("{place} gave no response within {within:?}");
    let response = response.map_err(|_| NoVerdict { too_much: true, ..NoVerdict::new(late()) })?;
    response
        .map_err(|failure| NoVerdict { too_much: failure.reason == Reason::Limit, ..NoVerdict::new(failure.message) })
}

impl Server {
    fn endpoint(&self) -> Endpoint {
        Endpoint {
            url: self.url.trim_end_matches('/').to_owned(),
            bearer_token: self.login.token_file.clone().map(SecretRef::File).or_else(|| self.login.token.clone()),
            ca_file: self.login.ca_file.clone(),
        }
    }

    /// Sends a request and returns the field `data` of a successful answer.
    ///
    /// # Errors
    /// [`NoVerdict`] with the server's error message.
    pub async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, NoVerdict> {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let response = self.fetch(&path).await?;
        let mut parsed: Value = serde_json::from_slice(&response.body).map_err(|error| {
            NoVerdict::new(format!("{} responded with {} and no valid JSON ({error})", self.url, response.status))
        })?;
        if parsed["status"] == "success" && response.status.is_success() {
            return response::incomplete(&parsed["warnings"])
                .map_or_else(|| Ok(parsed["data"].take()), |why| Err(NoVerdict::new(format!("{}: {why}", self.url))));
        }
        let why = parsed["error"].as_str().map_or_else(|| response.status.to_string(), ToOwned::to_owned);
        let of_the_expression = ["bad_data", "execution"].iter().any(|kind| parsed["errorType"] == *kind);
        let too_much = exceeds_a_limit(&why);
        Err(NoVerdict { why: format!("{}: {why}", self.url), of_the_expression, too_much })
    }

    async fn fetch(&self, path: &str) -> Result<http::HttpResponse, NoVerdict> {
        let (endpoint, tenant) = (self.endpoint(), self.login.tenant.as_deref());
        response_within(&self.url, DEADLINE, Box::pin(http::fetch_of(&endpoint, path, tenant, MAX_BODY))).await
    }

    /// Sends a request and returns a successful answer in YAML, the format of Mimir's ruler.
    ///
    /// # Errors
    /// [`NoVerdict`] when the request fails or the body is not YAML.
    pub async fn get_yaml(&self, path: &str) -> Result<Value, NoVerdict> {
        let response = self.fetch(path).await?;
        let text = String::from_utf8_lossy(&response.body);
        // Mimir answers 404 when a tenant has no rules at all.
        if response.status == 404 && text.contains("no rule groups found") {
            return Ok(Value::Null);
        }
        if let Some(failure) = http::refusal(&response) {
            return Err(NoVerdict::new(format!("{}{path}: {}: {}", self.url, failure.message, text.trim())));
        }
        yaml::parse(&text).map_err(|error| NoVerdict::new(format!("{}{path}: line {error}", self.url)))
    }

    /// Sends an instant query for a time in Unix seconds.
    pub async fn query(&self, expr: &str, at: f64) -> Result<Vec<(Labels, f64)>, NoVerdict> {
        let data = self.get("/api/v1/query", &[("query", expr), ("time", &format!("{at:.3}"))]).await?;
        response::values(&data).map_err(|unreadable| unreadable.of(&self.url))
    }

    /// Sends a request whose response is a list of names.
    pub async fn names(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Vec<String>, NoVerdict> {
        let data = self.get(path, parameters).await?;
        let names =
            data.as_array().and_then(|names| names.iter().map(|name| Some(name.as_str()?.to_owned())).collect());
        names.ok_or_else(|| Unreadable::Form.of(&self.url))
    }

    /// Returns the groups of rules that the server evaluates, as its rules API writes them.
    pub async fn rule_groups(&self) -> Result<Value, NoVerdict> {
        let data = self.get("/api/v1/rules", &[]).await?;
        if data["groups"].is_array() { Ok(data) } else { Err(Unreadable::Form.of(&self.url)) }
    }

    /// Sends a range query. Times are Unix seconds, `step` is in seconds. The range is divided into as many slices as
    /// the server's limits require. `progress` is called after each slice with the number of finished slices and of all
    /// slices.
    pub async fn query_range(
        &self,
        expr: &str,
        time: (f64, f64),
        step: f64,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Vec<Series>, NoVerdict> {
        let mut merged: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
        let mut merge = |slice: Vec<Series>| {
            for series in slice {
                merged.entry(series.labels).or_default().extend(series.points);
            }
        };
        self.each_slice(expr, time, step, MAX_POINTS, &mut merge, progress).await?;
        Ok(merged.into_iter().map(|(labels, points)| Series { labels, points }).collect())
    }

    /// Sends a range query and passes the response on slice by slice, in order of time, so that only a few slices are
    /// in memory. A slice has at most `points` points for each series.
    pub async fn each_slice(
        &self,
        expr: &str,
        (start, end): (f64, f64),
        step: f64,
        points: f64,
        take: &mut (dyn FnMut(Vec<Series>) + Send),
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<(), NoVerdict> {
        let slices = slices(start, end, step, points.clamp(100.0, MAX_POINTS));
        let (count, mut done) = (slices.len(), 0);
        let mut responses = futures::stream::iter(slices)
            .map(|slice| async move { self.halves(expr, slice, step).await })
            .buffered(IN_FLIGHT);
        while let Some(response) = responses.try_next().await? {
            take(response);
            done += 1;
            progress(done, count);
        }
        Ok(())
    }

    /// Queries one slice. If the response exceeds the server's limits, the slice is halved, down to a hundred points.
    async fn halves(&self, expr: &str, slice: (f64, f64), step: f64) -> Result<Vec<Series>, NoVerdict> {
        let mut waiting = vec![slice];
        let mut all = Vec::new();
        while let Some((start, end)) = waiting.pop() {
            match self.slice(expr, (start, end), step).await {
                Ok(series) => all.extend(series),
                Err(error) if error.too_much && (end - start) / step > 100.0 => {
                    let middle = start + ((end - start) / step / 2.0).floor() * step;
                    // The list is a stack: the earlier half is pushed last, so it is queried first.
                    waiting.push((middle + step, end));
                    waiting.push((start, middle));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    async fn slice(&self, expr: &str, (start, end): (f64, f64), step: f64) -> Result<Vec<Series>, NoVerdict> {
        let (start, end, step) = (format!("{start:.3}"), format!("{end:.3}"), format!("{step}"));
        let parameters = [("query", expr), ("start", &*start), ("end", &*end), ("step", &*step)];
        let data = self.get("/api/v1/query_range", &parameters).await?;
        response::series(&data).map_err(|unreadable| unreadable.of(&self.url))
    }
}

/// Whether a server's error message says that a query exceeds its limits of samples or time. Prometheus has no code for
/// it, and Mimir and Thanos have other messages.
fn exceeds_a_limit(error: &str) -> bool {
    ["too many samples", "query timed out", "exceeded the maximum", "limit"].iter().any(|words| error.contains(words))
}

/// Splits a range into slices of at most `points` points. Slices do not overlap.
fn slices(start: f64, end: f64, step: f64, points: f64) -> Vec<(f64, f64)> {
    let mut slices = Vec::new();
    let mut from = start;
    while from <= end {
        let to = (from + (points - 1.0) * step).min(end);
        slices.push((from, to));
        from += points * step;
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
    fn every_point_of_a_time_is_in_exactly_one_slice() {
        let points = |slices: &[(f64, f64)]| -> Vec<f64> {
            let of_slice = |(from, to): &(f64, f64)| {
                let last = ((to - from) / 60.0).floor() as u32;
                (0..=last).map(|n| from + f64::from(n) * 60.0).collect::<Vec<_>>()
            };
            slices.iter().flat_map(of_slice).collect()
        };
        for end in [0.0, 59.0, 60.0, 600.0, 659.0, 6000.0] {
            let whole = points(&[(0.0, end)]);
            assert_eq!(points(&slices(0.0, end, 60.0, 10.0)), whole, "until {end}");
        }
    }

    /// Returns a server that gives one answer, with this content of the field `data`.
    fn answering(data: &str) -> std::io::Result<Server> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let body = format!("{{\"status\": \"success\", \"data\": {data}}}");
        std::thread::spawn(move || -> std::io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                request.extend(byte);
            }
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
        });
        Ok(Server { url, login: Login::default() })
    }

    #[tokio::test]
    async fn a_response_may_be_larger_than_the_budget_of_the_exporter() -> std::io::Result<()> {
        let name = "x".repeat(11 * 1024 * 1024);
        let row = format!("{{\"metric\": {{\"a\": \"{name}\"}}, \"value\": [60, \"1\"]}}");
        let data = format!("{{\"resultType\": \"vector\", \"result\": [{row}]}}");
        let rows = answering(&data)?.query("up", 60.0).await;
        assert!(rows.is_ok_and(|rows| rows[0].0["a"].len() == name.len()));
        Ok(())
    }

    #[tokio::test]
    async fn a_response_beyond_a_limit_may_be_small_enough_for_a_shorter_time() {
        let failed = async |reason| {
            let request = std::future::ready(Err::<(), _>(Failure::new(reason, "why")));
            response_within("a server", DEADLINE, request).await.is_err_and(|error| error.too_much)
        };
        assert!(failed(Reason::Limit).await && !failed(Reason::Connect).await);
        let late = response_within("a server", Duration::ZERO, std::future::pending::<Result<(), Failure>>()).await;
        assert!(late.is_err_and(|error| error.too_much));
    }

    #[tokio::test]
    async fn an_answer_in_an_unknown_form_is_no_empty_result() -> std::io::Result<()> {
        let matrix = |row: &str| format!("{{\"resultType\": \"matrix\", \"result\": [{row}]}}");
        let histogram = "{\"metric\": {}, \"histograms\": [[60, {\"count\": \"1\"}]]}";
        for (data, why) in [
            ("null", "unknown form"),
            ("{}", "unknown form"),
            ("{\"resultType\": \"matrix\", \"result\": {}}", "unknown form"),
            (&*matrix("{\"metric\": {}, \"values\": [[60, 1]]}"), "unknown form"),
            (&*matrix("{\"metric\": {}}"), "unknown form"),
            (&*matrix(histogram), "native histograms"),
        ] {
            let result = answering(data)?.query_range("up", (0.0, 60.0), 60.0, &|_, _| {}).await;
            assert!(result.as_ref().is_err_and(|error| error.why.contains(why)), "{data}: {result:?}");
            let data = data.replace("matrix", "vector").replace("histograms", "histogram");
            let result = answering(&data)?.query("up", 0.0).await;
            assert!(result.as_ref().is_err_and(|error| error.why.contains(why)), "{data}: {result:?}");
        }
        let row = "{\"metric\": {\"a\": \"b\"}, \"values\": [[60, \"+Inf\"], [120, \"NaN\"]]}";
        let series = answering(&matrix(row))?.query_range("up", (0.0, 120.0), 60.0, &|_, _| {}).await;
        assert!(series.is_ok_and(|series| series.len() == 1 && series[0].points[0] == (60.0, f64::INFINITY)));
        for data in ["null", "{\"groups\": {}}", "[5]"] {
            assert!(answering(data)?.rule_groups().await.is_err(), "{data}");
            assert!(answering(data)?.names("/api/v1/labels", &[]).await.is_err(), "{data}");
        }
        let scalar = answering("{\"resultType\": \"scalar\", \"result\": [60, \"5\"]}")?.query("5", 60.0).await;
        assert!(scalar.is_ok_and(|rows| rows == [(Labels::new(), 5.0)]));
        Ok(())
    }
}
