//! The exposition is read by other programs: promtool, the OpenMetrics parser of Prometheus' Python client, and
//! Prometheus in every format that it negotiates.

use anyhow::{Context, ensure};
use checklist::Limits;
use checklist::config::Check;
use checklist::signals::pods;
use exporter::run::reload::Source;
use exporter::run::shard::Shard;
use exporter::run::state::State;
use exporter::run::status::ProcessStatus;
use exporter::server::exposition::collector::States;
use exporter::server::exposition::format::{Encoding, Format};
use exporter::server::exposition::publisher::publish;
use exporter::server::exposition::snapshot::Snapshot;
use exporter::server::lifecycle::Lifecycle;
use exporter::server::listener::{Paths, listen, serve};
use exporter::server::site::Site;
use exporter::server::web::Web;
use stack::http::{headers, request};
use stack::monitoring::{Prometheus, Release};
use stack::process::free_port;
use stack::waiting::{eventually, passes};
use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

const OPEN_METRICS: (&str, &str) = ("accept", "application/openmetrics-text;version=1.0.0");

/// A complete exporter in this process, with checks that pass, checks that fail, and labels that need escaping.
struct World {
    port: u16,
    tasks: Vec<JoinHandle<()>>,
    folder: TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl World {
    async fn start() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let port = free_port()?;
        std::fs::create_dir(folder.path().join("records"))?;
        let text = format!(
            "health: [{{name: away, url: 'http://127.0.0.1:{}/health'}}]\n\
             tasks: {{since: 2026-01-01, directory: {}/records}}\n\
             checks: {{health: {{interval: 1s}}, tasks: {{interval: 1s}}, override: {{interval: 1s}}}}\n",
            free_port()?,
            folder.path().display()
        );
        let file = folder.path().join("checklist.yaml");
        std::fs::write(&file, text)?;
        let source = Source::open(&file, Shard::default())?;
        let web = Arc::new(Web::open(None, Arc::default())?);
        let site = Site::new(Arc::clone(&source), web, Lifecycle::default(), tokio::runtime::Handle::current());
        let listener = listen(([127, 0, 0, 1], port).into()).await?;
        let tasks = vec![
            tokio::spawn(Arc::clone(&source.schedule).run()),
            tokio::spawn(publish(Arc::clone(&source.schedule), Arc::clone(&site.latest))),
            tokio::spawn(async move { serve(listener, site, Paths::All, std::future::pending()).await }),
        ];
        let world = Self { port, tasks, folder };
        world.until("every check has run", || source.schedule.states().iter().all(|state| state.has_run())).await?;
        world.until_exposed("checklist_run_duration_seconds_count{check=\"tasks\"} ").await?;
        Ok(world)
    }

    async fn until(&self, what: &str, holds: impl Fn() -> bool) -> anyhow::Result<()> {
        eventually(what, || async { Ok(holds()) }).await
    }

    /// Waits until a series has a value above zero in the text format.
    async fn until_exposed(&self, series: &str) -> anyhow::Result<()> {
        passes(|| async {
            let text = self.body(&[]).await?;
            let value = text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse::<f64>().ok());
            ensure!(value.is_some_and(|value| value > 0.0), "{series} stays {value:?}:\n{text}");
            Ok(())
        })
        .await
    }

    async fn body(&self, headers: &[(&str, &str)]) -> anyhow::Result<String> {
        let (status, body) = request(&format!("http://127.0.0.1:{}/metrics", self.port), None, headers).await?;
        ensure!(status == 200, "{status}");
        Ok(String::from_utf8(body.to_vec())?)
    }

    /// Starts a Prometheus with a scrape job for each of these lists of formats.
    async fn prometheus(&self, release: &Release, global: &str, jobs: &[(&str, &str)]) -> anyhow::Result<Prometheus> {
        let (port, folder) = (self.port, self.folder.path());
        let jobs = jobs.iter().map(|(name, more)| {
            format!("  - {{job_name: {name}, {more}static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n")
        });
        let config = folder.join("prometheus.yml");
        let text = format!("global: {{scrape_interval: 1s, {global}}}\nscrape_configs:\n{}", jobs.collect::<String>());
        std::fs::write(&config, text)?;
        Prometheus::of(release, free_port()?, &config, folder).await
    }
}

/// Returns an exposition with a label that needs escaping.
fn odd(format: Format) -> anyhow::Result<String> {
    let mut state = State::new(Check::of(&pods::SIGNAL, "t"), Limits::new(pods::SIGNAL.thresholds, |_| None));
    let mut samples = pods::SIGNAL.samples();
    samples.set(&pods::NOT_READY, ["a\"b\\c\nd", "ü", "CrashLoopBackOff"], true);
    state.record(Ok(samples), 0.0, Duration::from_secs(1));
    let states = States { states: vec![Arc::new(state)], now: 0.0, process: ProcessStatus::default() };
    let body = Snapshot::of(states).body(format, Encoding::Identity)?;
    Ok(String::from_utf8(body.to_vec())?)
}

/// Runs a program with the text as input. The error contains its output.
fn validate(command: &mut Command, text: &str) -> anyhow::Result<()> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().context("no standard input")?.write_all(text.as_bytes())?;
    let output = child.wait_with_output()?;
    let wrote = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure!(output.status.success(), "{command:?}: {wrote}\n{text}");
    Ok(())
}

/// Waits until the first value of a query fulfils a condition.
async fn until(prometheus: &Prometheus, query: &str, holds: impl Fn(f64) -> bool) -> anyhow::Result<()> {
    eventually(query, || async { Ok(prometheus.query(query).await?.first().is_some_and(|value| holds(*value))) }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_finds_nothing_wrong_with_the_text() -> anyhow::Result<()> {
    let world = World::start().await?;
    let text = world.body(&[]).await?;
    for text in [text, odd(Format::Text)?] {
        validate(Release::chosen().tool("promtool").args(["check", "metrics"]), &text)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_openmetrics_parser), ignore = "python3 has no prometheus_client (pip install prometheus_client)")]
async fn the_python_client_parses_the_openmetrics_text() -> anyhow::Result<()> {
    let python = env!("OPENMETRICS_PYTHON");
    let world = World::start().await?;
    let text = world.body(&[OPEN_METRICS]).await?;
    let parse = "import sys\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
        families = {family.name: family for family in parse(sys.stdin.read())}\n\
        assert families['checklist_run_duration_seconds'].type == 'histogram', families\n\
        assert families['checklist_probe_runs'].type == 'counter', families\n\
        assert families['checklist_probe_success'].samples, families\n";
    validate(Command::new(python).env("PYTHONUTF8", "1").args(["-c", parse]), &text)?;
    let parse = "import sys\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
        labels = [s.labels for f in parse(sys.stdin.read()) for s in f.samples if 'pod' in s.labels]\n\
        assert labels[0]['namespace'] == 'a\"b\\\\c\\nd', labels\n\
        assert labels[0]['pod'] == '\\u00fc', labels\n";
    validate(Command::new(python).env("PYTHONUTF8", "1").args(["-c", parse]), &odd(Format::OpenMetrics)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_response_headers_name_format_compression_and_escaping() -> anyhow::Result<()> {
    let world = World::start().await?;
    let url = format!("http://127.0.0.1:{}/metrics", world.port);
    let (status, response) = headers(&url).await?;
    assert!(status == 200 && response.contains("text/plain; version=0.0.4; charset=utf-8"), "{response}");
    let accept = "application/openmetrics-text;version=1.0.0;escaping=underscores,*/*;q=0.1";
    let mut stream = TcpStream::connect(("127.0.0.1", world.port)).await?;
    let head = format!(
        "GET /metrics HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\naccept-encoding: gzip\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await?;
    let response = String::from_utf8_lossy(&response).to_ascii_lowercase();
    let (response, _) = response.split_once("\r\n\r\n").context("no head")?;
    assert!(
        response.contains("application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores")
            && response.contains("content-encoding: gzip"),
        "{response}"
    );
    Ok(())
}

/// Returns the names of the metrics of a job, without the histogram, which differs between the formats.
async fn names(prometheus: &Prometheus, job: &str) -> anyhow::Result<BTreeSet<String>> {
    let query = format!("{{job=\"{job}\",__name__=~\"checklist_.+\",__name__!~\"checklist_run_duration.*\"}}");
    let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    let url = format!("http://127.0.0.1:{}/api/v1/query?query={encoded}", prometheus.port);
    let response = stack::http::json(&url).await?;
    let series = response["data"]["result"].as_array().cloned().unwrap_or_default();
    let parts = |labels: &serde_json::Value| {
        let labels = labels.as_object().into_iter().flatten().filter(|(name, _)| *name != "job");
        labels.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
    };
    Ok(series.iter().map(|one| parts(&one["metric"])).collect())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_newest_prometheus), ignore = "no Prometheus 3 in target/parts (make parts)")]
async fn the_newest_prometheus_scrapes_the_same_series_in_every_format() -> anyhow::Result<()> {
    let world = World::start().await?;
    let jobs = [
        ("protobuf", "scrape_protocols: [PrometheusProto], "),
        ("openmetrics", "scrape_protocols: [OpenMetricsText1.0.0], "),
        ("openmetrics-old", "scrape_protocols: [OpenMetricsText0.0.1], "),
        ("text", "scrape_protocols: [PrometheusText0.0.4], "),
        ("text-new", "scrape_protocols: [PrometheusText1.0.0], metric_name_escaping_scheme: underscores, "),
        ("default", ""),
    ];
    let global = "scrape_native_histograms: true, always_scrape_classic_histograms: true";
    let prometheus = world.prometheus(&Release::newest(), global, &jobs).await?;
    for (job, _) in jobs {
        until(&prometheus, &format!("up{{job=\"{job}\"}}"), |up| up > 0.0).await?;
        let query = format!("checklist_run_duration_seconds_count{{job=\"{job}\",check=\"tasks\"}}");
        until(&prometheus, &query, |count| count > 0.0).await?;
    }
    // The formats are compared repeatedly, because a new series appears in one scrape before the other.
    for (job, _) in jobs {
        passes(|| async {
            let (expected, here) = (names(&prometheus, "text").await?, names(&prometheus, job).await?);
            ensure!(expected.len() > 50, "{expected:?}");
            let differs: Vec<&String> = expected.symmetric_difference(&here).collect();
            ensure!(differs.is_empty(), "{job}: {differs:?}");
            Ok(())
        })
        .await?;
    }
    until(&prometheus, "histogram_count(checklist_run_duration_seconds{job=\"protobuf\",check=\"tasks\"})", |n| {
        n > 0.0
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prometheus_of_the_system_scrapes_the_exposition() -> anyhow::Result<()> {
    let world = World::start().await?;
    let prometheus = world.prometheus(&Release::chosen(), "evaluation_interval: 1s", &[("default", "")]).await?;
    until(&prometheus, "up{job=\"default\"}", |up| up > 0.0).await?;
    let quantile = "histogram_quantile(0.9, checklist_run_duration_seconds_bucket{check=\"tasks\"})";
    until(&prometheus, quantile, |seconds| seconds > 0.0).await?;
    Ok(())
}
