//! The exposition: every state rendered into one body, compressed ahead of the scrapes.

use crate::run::lease::LeaseStatus;
use crate::run::shard::Shard;
use crate::run::state::State;
use arc_swap::ArcSwap;
use bytes::Bytes;
use checklist::contract::{
    BUILD_INFO, CONFIG_INFO, CONFIG_SUCCESSFUL, CONFIG_TIMESTAMP, LEASE_ACQUISITIONS, LEASE_FAILURES, LEASE_HELD,
    LEASE_RENEWED, PER_CHECK, SHARD, SHARDS,
};
use checklist::{Kind, Metric};
use std::fmt::Write as _;
use std::io::Write as _;

/// The two text formats that Prometheus negotiates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text format 0.0.4.
    Classic,
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
}

/// One body in every encoding.
#[derive(Debug, Default, Clone)]
pub struct Body {
    /// As it is.
    pub plain: Bytes,
    /// gzip.
    pub gzip: Bytes,
    /// Zstandard.
    pub zstd: Bytes,
}

/// What is known of checklist.yaml and of the process's part in it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// When it was last loaded, Unix seconds.
    pub at: f64,
    /// Whether the last attempt succeeded.
    pub successful: bool,
    /// What its rules are known by.
    pub fingerprint: String,
    /// Which part of the checks is made here.
    pub shard: Shard,
    /// How it stands with the lease, if there is one.
    pub lease: Option<LeaseStatus>,
}

impl Default for Loaded {
    fn default() -> Self {
        Self { at: 0.0, successful: true, fingerprint: String::new(), shard: Shard::default(), lease: None }
    }
}

/// Both formats of one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    classic: Body,
    open_metrics: Body,
}

impl Snapshot {
    /// The body of a format.
    pub fn body(&self, format: Format) -> &Body {
        match format {
            Format::Classic => &self.classic,
            Format::OpenMetrics => &self.open_metrics,
        }
    }

    /// Renders and compresses.
    pub fn of(states: &[&State], now: f64, loaded: &Loaded) -> Self {
        let body = |format| {
            let plain = render(states, now, loaded, format);
            Body { gzip: gzip(plain.as_bytes()), zstd: zstd(plain.as_bytes()), plain: plain.into() }
        };
        Self { classic: body(Format::Classic), open_metrics: body(Format::OpenMetrics) }
    }
}

/// Where the latest snapshot is; scrapes load it, the publisher swaps it.
pub type Latest = ArcSwap<Snapshot>;

/// Renders the states in fixed family order.
pub fn render(states: &[&State], now: f64, loaded: &Loaded, format: Format) -> String {
    let mut text = String::with_capacity(64 * 1024);
    let rustc = option_env!("CARGO_PKG_RUST_VERSION").unwrap_or_default();
    header(&mut text, &BUILD_INFO, format);
    line(&mut text, &BUILD_INFO, &[("version", env!("CARGO_PKG_VERSION")), ("rustc", rustc)], 1.0);
    if !loaded.fingerprint.is_empty() {
        header(&mut text, &CONFIG_INFO, format);
        line(&mut text, &CONFIG_INFO, &[("fingerprint", &loaded.fingerprint)], 1.0);
    }
    let successful = f64::from(u8::from(loaded.successful));
    let (index, total) = (f64::from(loaded.shard.index), f64::from(loaded.shard.total));
    let of_file = [(&CONFIG_SUCCESSFUL, successful), (&CONFIG_TIMESTAMP, loaded.at), (&SHARD, index), (&SHARDS, total)];
    let of_lease = loaded.lease.iter().flat_map(lease);
    for (metric, value) in of_file.into_iter().chain(of_lease).chain(crate::run::process::usage()) {
        header(&mut text, metric, format);
        line(&mut text, metric, &[], value);
    }
    for metric in PER_CHECK {
        header(&mut text, metric, format);
        for state in states {
            for (values, value) in state.contract(metric, now) {
                check_line(&mut text, metric, state, &values, value);
            }
        }
    }
    for (at, first) in states.iter().enumerate() {
        let signal = first.check.signal;
        // States come signal by signal.
        if at > 0 && std::ptr::eq(states[at - 1].check.signal, signal) {
            continue;
        }
        let of_signal = states[at..].iter().take_while(|state| std::ptr::eq(state.check.signal, signal));
        for metric in signal.metrics {
            let mut begun = false;
            for state in of_signal.clone() {
                for series in state.exposed(now).filter(|series| std::ptr::eq(series.metric, *metric)) {
                    if !begun {
                        header(&mut text, metric, format);
                        begun = true;
                    }
                    check_line(&mut text, metric, state, &series.labels, series.value);
                }
            }
        }
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn lease(status: &LeaseStatus) -> impl Iterator<Item = (&'static Metric, f64)> {
    let always = [
        (&LEASE_HELD, f64::from(u8::from(status.held))),
        (&LEASE_ACQUISITIONS, status.acquisitions as f64),
        (&LEASE_FAILURES, status.failures as f64),
    ];
    always.into_iter().chain(status.renewed.map(|at| (&LEASE_RENEWED, at)))
}

fn header(text: &mut String, metric: &Metric, format: Format) {
    let family = match (format, metric.kind) {
        (Format::OpenMetrics, Kind::Counter) => metric.name.trim_end_matches("_total"),
        _ => metric.name,
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {family} {}\n# TYPE {family} {}", metric.help, metric.type_word());
}

fn check_line(text: &mut String, metric: &Metric, state: &State, values: &[String], value: f64) {
    let own = metric.labels.iter().copied().zip(values.iter().map(String::as_str));
    let labels: Vec<(&str, &str)> =
        [("check", state.check.signal.id), ("target", state.check.target.as_str())].into_iter().chain(own).collect();
    line(text, metric, &labels, value);
}

fn line(text: &mut String, metric: &Metric, labels: &[(&str, &str)], value: f64) {
    text.push_str(metric.name);
    for (at, (name, label)) in labels.iter().enumerate() {
        text.push(if at == 0 { '{' } else { ',' });
        let _ = write!(text, "{name}=\"");
        for c in label.chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                c => text.push(c),
            }
        }
        text.push('"');
    }
    if !labels.is_empty() {
        text.push('}');
    }
    let _ = writeln!(text, " {value}");
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // Writing to memory cannot fail; an empty body would fail the scrape visibly.
    let _ = encoder.write_all(plain);
    encoder.finish().unwrap_or_default().into()
}

fn zstd(plain: &[u8]) -> Bytes {
    zstd::bulk::compress(plain, 1).unwrap_or_default().into()
}
