//! The collector: hands the states of all checks to prometheus-client, as metric families in a fixed order.

use crate::run::state::State;
use crate::run::status::{LeaseStatus, ProcessStatus};
use crate::run::{process, reach};
use checklist::self_metrics::{
    BUILD_INFO, CONFIG_INFO, CONFIG_SUCCESSFUL, CONFIG_TIMESTAMP, LEASE_ACQUISITIONS, LEASE_FAILURES, LEASE_HELD,
    LEASE_RENEWED, PER_CHECK, PER_TARGET, RUN_DURATION, SHARD, SHARDS, WEB_CONFIG, WEB_REFUSED,
};
use checklist::{Kind, Metric};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    CounterValueEncoder, DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabel, EncodeLabelSet,
    EncodeMetric, GaugeValueEncoder, LabelSetEncoder, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::Arc;

/// A snapshot of all states, which is a collector of prometheus-client.
#[derive(Debug)]
pub struct States {
    /// The states of the checks, in the order of signals and targets.
    pub states: Vec<Arc<State>>,
    /// Unix seconds. Decides which gauges are stale.
    pub now: f64,
    /// The status of the process itself.
    pub process: ProcessStatus,
}

impl Collector for States {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.of_process(&mut encoder)?;
        for metric in PER_CHECK {
            let mut family = begin(&mut encoder, metric)?;
            for state in &self.states {
                for (values, value) in state.self_metric(metric, self.now) {
                    write(&mut family, metric, &Labels::of(state, metric, &values), value)?;
                }
            }
        }
        let borrowed: Vec<&State> = self.states.iter().map(|state| &**state).collect();
        let reaches = reach::of(&borrowed);
        for metric in PER_TARGET {
            let mut family = begin(&mut encoder, metric)?;
            for (labels, value) in reach::series(metric, &reaches) {
                write(&mut family, metric, &labels.as_slice(), value)?;
            }
        }
        for of_signal in self.states.chunk_by(|a, b| std::ptr::eq(a.check.signal, b.check.signal)) {
            self.of_signal(&mut encoder, of_signal)?;
        }
        self.durations(&mut encoder)
    }
}

impl States {
    fn of_process(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let process = &self.process;
        let rustc = option_env!("CARGO_PKG_RUST_VERSION").unwrap_or_default();
        let build = [("version", env!("CARGO_PKG_VERSION")), ("rustc", rustc)];
        write(&mut begin(encoder, &BUILD_INFO)?, &BUILD_INFO, &build, 1.0)?;
        if !process.fingerprint.is_empty() {
            let config = [("fingerprint", process.fingerprint.as_str())];
            write(&mut begin(encoder, &CONFIG_INFO)?, &CONFIG_INFO, &config, 1.0)?;
        }
        let of_config = [
            (&CONFIG_SUCCESSFUL, f64::from(u8::from(process.successful))),
            (&CONFIG_TIMESTAMP, process.loaded_at),
            (&SHARD, f64::from(process.shard.index)),
            (&SHARDS, f64::from(process.shard.total)),
        ];
        let of_lease = process.lease.iter().flat_map(of_lease);
        let of_web = process.web.in_force().map(|good| (&WEB_CONFIG, f64::from(u8::from(good))));
        for (metric, value) in of_config.into_iter().chain(of_web).chain(of_lease).chain(process::usage()) {
            let mut family = begin(encoder, metric)?;
            write_value(&mut family, metric, value)?;
        }
        let mut family = begin(encoder, &WEB_REFUSED)?;
        for (reason, count) in process.web.refused() {
            write(&mut family, &WEB_REFUSED, &[("reason", reason)], count as f64)?;
        }
        Ok(())
    }

    /// Encodes the metrics of a signal from all its states. A metric without series gets no HELP and TYPE lines either.
    fn of_signal(&self, encoder: &mut DescriptorEncoder<'_>, states: &[Arc<State>]) -> fmt::Result {
        let Some(first) = states.first() else { return Ok(()) };
        for metric in first.check.signal.metrics {
            let of_metric = states.iter().flat_map(|state| {
                let series = state.exposed(self.now).filter(|series| std::ptr::eq(series.metric, *metric));
                series.map(move |series| (state, series))
            });
            let mut of_metric = of_metric.peekable();
            if of_metric.peek().is_none() {
                continue;
            }
            let mut family = begin(encoder, metric)?;
            for (state, series) in of_metric {
                write(&mut family, metric, &Labels::of(state, metric, &series.labels), series.value)?;
            }
        }
        Ok(())
    }

    /// Encodes the histograms of run durations. All states of a signal share one histogram.
    fn durations(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family =
            encoder.encode_descriptor(RUN_DURATION.name, RUN_DURATION.help, None, MetricType::Histogram)?;
        for of_signal in self.states.chunk_by(|a, b| std::ptr::eq(a.check.signal, b.check.signal)) {
            if let Some(state) = of_signal.first() {
                state.durations.encode(family.encode_family(&[("check", state.check.signal.id)])?)?;
            }
        }
        Ok(())
    }
}

fn of_lease(status: &LeaseStatus) -> impl Iterator<Item = (&'static Metric, f64)> {
    let always = [
        (&LEASE_HELD, f64::from(u8::from(status.held))),
        (&LEASE_ACQUISITIONS, status.acquisitions as f64),
        (&LEASE_FAILURES, status.failures as f64),
    ];
    always.into_iter().chain(status.renewed.map(|at| (&LEASE_RENEWED, at)))
}

/// Begins a metric family. prometheus-client appends `_total` to the name of a counter where the format requires it.
fn begin<'a>(encoder: &'a mut DescriptorEncoder<'_>, metric: &'static Metric) -> Result<MetricEncoder<'a>, fmt::Error> {
    let (name, metric_type) = match metric.kind {
        Kind::Counter => (metric.name.trim_end_matches("_total"), MetricType::Counter),
        Kind::Histogram => (metric.name, MetricType::Histogram),
        Kind::Gauge | Kind::Fact => (metric.name, MetricType::Gauge),
    };
    encoder.encode_descriptor(name, metric.help, None, metric_type)
}

fn write(family: &mut MetricEncoder<'_>, metric: &Metric, labels: &impl EncodeLabelSet, value: f64) -> fmt::Result {
    write_value(&mut family.encode_family(labels)?, metric, value)
}

fn write_value(encoder: &mut MetricEncoder<'_>, metric: &Metric, value: f64) -> fmt::Result {
    match metric.kind {
        Kind::Counter => encoder.encode_counter::<NoLabelSet, _, u64>(&Number(value), None),
        _ => encoder.encode_gauge(&Number(value)),
    }
}

/// The labels of one series: `check`, `target`, and those of its metric.
struct Labels<'a> {
    state: &'a State,
    names: &'static [&'static str],
    values: &'a [String],
}

impl<'a> Labels<'a> {
    fn of(state: &'a State, metric: &Metric, values: &'a [String]) -> Self {
        Self { state, names: metric.labels, values }
    }
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        ("check", self.state.check.signal.id).encode(encoder.encode_label())?;
        ("target", self.state.check.target.as_str()).encode(encoder.encode_label())?;
        for (name, value) in self.names.iter().zip(self.values) {
            (*name, value.as_str()).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

/// A value that is written without a fraction if it is an integer: `1`, not `1.0`, as Prometheus' own clients do.
struct Number(f64);

impl Number {
    /// Returns the value as an integer, if an `f64` holds this integer exactly (below 2^53).
    fn whole(&self) -> Option<i64> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
        (self.0.fract() == 0.0 && self.0.abs() < EXACT).then_some(self.0 as i64)
    }
}

impl EncodeGaugeValue for Number {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> fmt::Result {
        match self.whole() {
            Some(whole) => EncodeGaugeValue::encode(&whole, encoder),
            None => EncodeGaugeValue::encode(&self.0, encoder),
        }
    }
}

impl EncodeCounterValue for Number {
    fn encode(&self, encoder: &mut CounterValueEncoder<'_>) -> fmt::Result {
        match self.whole().and_then(|whole| u64::try_from(whole).ok()) {
            Some(whole) => EncodeCounterValue::encode(&whole, encoder),
            None => EncodeCounterValue::encode(&self.0, encoder),
        }
    }
}
