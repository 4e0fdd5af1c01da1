//! Every check that is a handful of SELECTs: a row is the labels of its metrics, then a value for each of them.

use crate::probe::{Failure, Probe};
use crate::sources::postgres::Database;
use checklist::config::Query;
use checklist::{Limits, Metric, Object, Reason, Samples, Signal, Threshold};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_postgres::types::ToSql;

/// One SELECT. Its metrics all have the same labels.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The text, with `{table}` and `{table.column}` for the application's names.
    pub sql: Cow<'static, str>,
    /// What its rows set: texts for the labels, then a double for each metric; NULL sets nothing.
    pub metrics: &'static [&'static Metric],
    /// The limits that are its parameters.
    pub parameters: &'static [&'static Threshold],
    /// A question with one boolean answer that decides whether it is asked.
    pub when: Option<&'static str>,
    /// What its rows are evidence of.
    pub counts: Option<(Object, Count)>,
    /// How long its rows are good enough, for what is expensive and changes slowly.
    pub reuse: Duration,
}

/// How many objects a statement's rows speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// One object a row.
    Rows,
    /// The sum of the rows' first values.
    FirstValue,
}

/// A statement without parameters, asked on every run.
pub const fn select(sql: &'static str, metrics: &'static [&'static Metric]) -> Statement {
    Statement { sql: Cow::Borrowed(sql), metrics, parameters: &[], when: None, counts: None, reuse: Duration::ZERO }
}

impl Statement {
    /// Gives it parameters.
    #[must_use]
    pub const fn with(mut self, parameters: &'static [&'static Threshold]) -> Self {
        self.parameters = parameters;
        self
    }

    /// Each of its rows is one object that was looked at.
    #[must_use]
    pub const fn each_is(mut self, object: Object) -> Self {
        self.counts = Some((object, Count::Rows));
        self
    }

    /// Its rows count objects that were looked at.
    #[must_use]
    pub const fn counts(mut self, object: Object) -> Self {
        self.counts = Some((object, Count::FirstValue));
        self
    }

    /// Asks it only when another question is answered with yes.
    #[must_use]
    pub const fn when(mut self, question: &'static str) -> Self {
        self.when = Some(question);
        self
    }

    /// Asks it at most once in a time.
    #[must_use]
    pub const fn every(mut self, reuse: Duration) -> Self {
        self.reuse = reuse;
        self
    }
}

/// Labels and values of one row.
type Found = (Vec<String>, Vec<Option<f64>>);

impl Count {
    fn of(self, rows: &[Found]) -> usize {
        match self {
            Self::Rows => rows.len(),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of rows")]
            Self::FirstValue => {
                rows.iter().filter_map(|(_, values)| values.first().copied().flatten()).sum::<f64>() as usize
            }
        }
    }
}

/// A check made of statements.
pub struct Sql {
    database: Arc<Database>,
    signal: &'static Signal,
    statements: Vec<(Statement, Vec<f64>)>,
    kept: Mutex<Vec<Option<Kept>>>,
}

/// Rows, and when they were asked for.
type Kept = (Instant, Arc<Vec<Found>>);

impl Sql {
    /// The check of a catalog signal, with the limits that hold for its target.
    pub fn new(database: Arc<Database>, signal: &'static Signal, statements: &[Statement], limits: &Limits) -> Self {
        let names = database.tables();
        let filled = statements.iter().map(|statement| {
            let values = statement.parameters.iter().map(|threshold| limits.value(threshold)).collect();
            (Statement { sql: Cow::Owned(names.fill(&statement.sql)), ..statement.clone() }, values)
        });
        let statements: Vec<_> = filled.collect();
        Self { database, signal, kept: Mutex::new(vec![None; statements.len()]), statements }
    }

    /// The check of an operator's own query.
    pub fn own(database: Arc<Database>, query: &Query) -> Self {
        let statement =
            Statement { sql: Cow::Owned(query.sql.clone()), ..select("", query.signal.metrics).each_is(Object::Row) };
        Self { database, signal: query.signal, statements: vec![(statement, Vec::new())], kept: Mutex::new(vec![None]) }
    }

    /// The rows of a statement: those of an earlier run while they are good enough.
    async fn rows(&self, at: usize) -> Result<Arc<Vec<Found>>, Failure> {
        let (statement, parameters) = &self.statements[at];
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, rows)) = &kept()[at]
            && asked.elapsed() < statement.reuse
        {
            return Ok(Arc::clone(rows));
        }
        if let Some(question) = statement.when {
            let answer = self.database.query(question, &[]).await?;
            if !answer.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
                return Ok(Arc::default());
            }
        }
        let values: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|value| value as _).collect();
        let labels = statement.metrics.first().map_or(0, |metric| metric.labels.len());
        let rows = self.database.query(&statement.sql, &values).await?;
        let read = rows.iter().map(|row| found(row, labels, statement.metrics.len())).collect::<Result<_, _>>();
        let read = Arc::new(read.map_err(|error| {
            Failure::new(Reason::Decode, format!("check {}: an unexpected column: {error}", self.signal.id))
        })?);
        if !statement.reuse.is_zero() {
            kept()[at] = Some((Instant::now(), Arc::clone(&read)));
        }
        Ok(read)
    }

    /// The statements as they are sent, with their parameters.
    pub fn statements(&self) -> &[(Statement, Vec<f64>)] {
        &self.statements
    }

    /// Where they are sent to.
    pub fn database(&self) -> &Arc<Database> {
        &self.database
    }
}

fn found(row: &tokio_postgres::Row, labels: usize, values: usize) -> Result<Found, tokio_postgres::Error> {
    let label = |at| Ok(row.try_get::<_, Option<String>>(at)?.unwrap_or_default());
    let names = (0..labels).map(label).collect::<Result<_, tokio_postgres::Error>>()?;
    let values = (labels..labels + values).map(|at| row.try_get(at)).collect::<Result<_, _>>()?;
    Ok((names, values))
}

impl Probe for Sql {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let mut samples = self.signal.samples();
            for (at, (statement, _)) in self.statements.iter().enumerate() {
                let rows = self.rows(at).await?;
                if let Some((object, count)) = statement.counts {
                    samples.saw(object, count.of(&rows));
                }
                for (labels, values) in rows.iter() {
                    for (metric, value) in statement.metrics.iter().zip(values) {
                        if let Some(value) = value {
                            samples.put(metric, labels, *value);
                        }
                    }
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}
