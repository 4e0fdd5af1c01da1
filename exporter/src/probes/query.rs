//! Custom SQL checks (`queries:` in checklist.yaml). A query returns rows of labels and one value; for rows with equal
//! labels the worst value counts.

use crate::probe::{Failure, Probe};
use crate::sources::postgres::{Database, Reads, SqlRequest};
use checklist::condition::threshold::Direction;
use checklist::config::Query;
use checklist::samples::cut;
use checklist::{Object, Reason, Samples};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// The probe of one custom query.
pub struct Own {
    database: Arc<Database>,
    query: Query,
}

/// The result of reading the rows of a query.
#[derive(Debug, Default)]
struct RowSummary {
    /// The worst value for each combination of labels.
    worst: BTreeMap<Vec<String>, f64>,
    rows: usize,
    /// Number of rows whose labels an earlier row already had.
    twice: usize,
    empty: usize,
    not_a_number: usize,
}

impl Own {
    pub const fn new(database: Arc<Database>, query: Query) -> Self {
        Self { database, query }
    }

    pub const fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// Runs a statement that contains the query, such as the query itself or its EXPLAIN.
    ///
    /// # Errors
    /// Fails as [`Database::query`] does.
    pub async fn rows(&self, sql: &str) -> Result<Vec<Row>, Failure> {
        let schemas = &self.query.schemas;
        self.database.query(SqlRequest { sql, parameters: &[], reads: Reads::Tables, schemas }).await
    }

    /// Returns the statement to send, in which the value is cast to a floating point number.
    ///
    /// # Errors
    /// Fails when the value has a type that is not a number; the message says what to write instead.
    pub async fn statement(&self) -> Result<String, Failure> {
        let sql = self.query.around("{value}");
        let request = SqlRequest { sql: &sql, parameters: &[], reads: Reads::Tables, schemas: &self.query.schemas };
        let types = self.database.columns(request).await?;
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
            // Of two values that are equal once they are cut, the worse one must count.
            let label = |at| Ok(cut(row.try_get::<_, Option<&str>>(at)?.unwrap_or_default()));
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
        // The worst rows come first, so that the series limit cuts off the best ones.
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
            samples.evidence.note(format!("{rows} have the same labels as another row; the worst of them counts"));
        }
        if summary.not_a_number > 0 {
            let rows = Object::Row.counted(summary.not_a_number as u64);
            samples.missed(Object::Row, Reason::Decode, format!("{rows} with NaN as the value"));
        }
        if summary.empty > 0 || summary.rows == 0 {
            let what = match summary.empty {
                0 => "the query returns no row".to_owned(),
                empty => format!("{} without a value", Object::Row.counted(empty as u64)),
            };
            if self.query.empty_is_bad {
                let text = format!("{what}; if that is fine, set `empty: ok` in checklist.yaml");
                samples.missed(Object::Row, Reason::NotFound, text);
            } else {
                samples.evidence.note(format!("{what}, which `empty: ok` in checklist.yaml allows"));
            }
        }
    }
}

/// Returns the SQL expression that casts a value of this type to a number, or advice on how to rewrite the query.
fn as_number(of_value: &Type) -> Result<&'static str, &'static str> {
    Ok(match *of_value {
        Type::INT2 | Type::INT4 | Type::INT8 | Type::FLOAT8 | Type::NUMERIC => "{value}::float8",
        Type::OID => "{value}::int8::float8",
        // A text may hold digits; if it does not, the server's error says so. The text of a real is exact: cast directly,
        // 0.1 would be 0.10000000149011612 and above a limit of 0.1.
        Type::FLOAT4 | Type::TEXT | Type::VARCHAR | Type::UNKNOWN => "{value}::text::float8",
        Type::BOOL => "{value}::int::float8",
        Type::MONEY => "{value}::numeric::float8",
        Type::INTERVAL => "extract(epoch FROM {value})::float8",
        Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::DATE => {
            return Err("return its age with extract(epoch FROM now() - max(column)), and set `unit: seconds`");
        }
        Type::TIME | Type::TIMETZ => {
            return Err("a time of day cannot be compared with a limit; return extract(epoch FROM column)");
        }
        _ => return Err("return a number"),
    })
}

impl Probe for Own {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let sql = self.statement().await?;
            let rows = self.rows(&sql).await?;
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
