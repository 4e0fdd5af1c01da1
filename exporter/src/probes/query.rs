//! An operator's own query: rows of labels and a value, of which the worst counts.

use crate::probe::{Failure, Probe};
use crate::sources::postgres::{Database, Reads, SqlRequest};
use checklist::condition::threshold::Direction;
use checklist::config::Query;
use checklist::{Object, Reason, Samples};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// The check of an own query.
pub struct Own {
    database: Arc<Database>,
    query: Query,
}

/// What was found in the rows.
#[derive(Debug, Default)]
struct RowSummary {
    /// The worst value by labels.
    worst: BTreeMap<Vec<String>, f64>,
    rows: usize,
    /// Rows whose labels were there already.
    twice: usize,
    empty: usize,
    not_a_number: usize,
}

impl Own {
    /// Asks a database.
    pub const fn new(database: Arc<Database>, query: Query) -> Self {
        Self { database, query }
    }

    /// Where it is asked.
    pub const fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// Asks something around the query.
    ///
    /// # Errors
    /// As [`Database::query`].
    pub async fn ask(&self, sql: &str) -> Result<Vec<Row>, Failure> {
        let schemas = &self.query.schemas;
        self.database.query(SqlRequest { sql, parameters: &[], reads: Reads::Tables, schemas }).await
    }

    /// The statement as it is sent, with the value as a number.
    ///
    /// # Errors
    /// When the value is of a type that is no number, with what to write instead.
    pub async fn statement(&self) -> Result<String, Failure> {
        let sql = self.query.around("{value}");
        let ask = SqlRequest { sql: &sql, parameters: &[], reads: Reads::Tables, schemas: &self.query.schemas };
        let types = self.database.columns(ask).await?;
        let of_value = types.last().unwrap_or(&Type::UNKNOWN);
        let number = as_number(of_value).map_err(|advice| {
            let text = format!("query {}: the value is {of_value}: {advice}", self.query.signal.id);
            Failure::new(Reason::Config, text)
        })?;
        Ok(self.query.around(number))
    }

    fn direction(&self) -> Direction {
        self.query.signal.thresholds.first().map_or(Direction::Above, |threshold| threshold.direction)
    }

    fn read(&self, rows: &[Row]) -> Result<RowSummary, tokio_postgres::Error> {
        let labels = self.query.signal.metrics.first().map_or(0, |metric| metric.labels.len());
        let mut summary = RowSummary { rows: rows.len(), ..RowSummary::default() };
        for row in rows {
            let label = |at| Ok(row.try_get::<_, Option<String>>(at)?.unwrap_or_default());
            let names = (0..labels).map(label).collect::<Result<Vec<String>, tokio_postgres::Error>>()?;
            match row.try_get::<_, Option<f64>>(labels)? {
                None => summary.empty += 1,
                Some(value) if value.is_nan() => summary.not_a_number += 1,
                Some(value) => {
                    let direction = self.direction();
                    let worse = |known: f64| if direction == Direction::Above { value > known } else { value < known };
                    summary.twice += usize::from(summary.worst.contains_key(&names));
                    let kept = summary.worst.entry(names).or_insert(value);
                    if worse(*kept) {
                        *kept = value;
                    }
                }
            }
        }
        Ok(summary)
    }

    fn fill(&self, samples: &mut Samples, summary: RowSummary) {
        let signal = self.query.signal;
        let mut worst: Vec<(Vec<String>, f64)> = summary.worst.into_iter().collect();
        samples.saw(Object::Row, worst.len().min(samples.limit()));
        // What does not fit is the best of them.
        worst.sort_by(|(_, a), (_, b)| match self.direction() {
            Direction::Above => b.total_cmp(a),
            Direction::Below => a.total_cmp(b),
        });
        if let Some(metric) = signal.metrics.first() {
            for (labels, value) in &worst {
                samples.put(metric, labels, *value);
            }
        }
        if summary.twice > 0 {
            let rows = Object::Row.counted(summary.twice as u64);
            samples.evidence.note(format!("{rows} had the labels of another row; the worst of them counts"));
        }
        if summary.not_a_number > 0 {
            let rows = Object::Row.counted(summary.not_a_number as u64);
            samples.missed(Object::Row, Reason::Decode, format!("{rows} with NaN as the value"));
        }
        if summary.empty > 0 || summary.rows == 0 {
            let what = match summary.empty {
                0 => "the query gives no row".to_owned(),
                empty => format!("{} without a value", Object::Row.counted(empty as u64)),
            };
            if self.query.empty_is_bad {
                let text = format!("{what}, which is bad here; `empty: ok` in checklist.yaml when it is not");
                samples.missed(Object::Row, Reason::NotFound, text);
            } else {
                samples.evidence.note(format!("{what}, which checklist.yaml calls ok"));
            }
        }
    }
}

/// The expression that makes a number of a value, or what to write in the query.
fn as_number(of_value: &Type) -> Result<&'static str, &'static str> {
    Ok(match *of_value {
        Type::INT2 | Type::INT4 | Type::INT8 | Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC | Type::OID => {
            "{value}::float8"
        }
        // A literal or a text with digits in it; the server says when it is none.
        Type::TEXT | Type::VARCHAR | Type::UNKNOWN => "{value}::text::float8",
        Type::BOOL => "{value}::int::float8",
        Type::MONEY => "{value}::numeric::float8",
        Type::INTERVAL => "extract(epoch FROM {value})::float8",
        Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::DATE => {
            return Err("write how long ago that is, extract(epoch FROM now() - max(column)), and `unit: seconds`");
        }
        Type::TIME | Type::TIMETZ => return Err("a time of day has no limit; write extract(epoch FROM column)"),
        _ => return Err("write an expression that is a number"),
    })
}

impl Probe for Own {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let sql = self.statement().await?;
            let rows = self.ask(&sql).await?;
            let summary = self.read(&rows).map_err(|error| {
                let check = self.query.signal.id;
                Failure::new(Reason::Decode, format!("query {check}: an unexpected column: {error}"))
            })?;
            self.fill(&mut samples, summary);
            Ok(samples)
        }
        .boxed()
    }
}
