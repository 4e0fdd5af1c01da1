//! The SELECTs of every SQL signal. The SQL texts are in files beside this one.

use super::sql::{Statement, gap, note, select};
use checklist::signals::{
    api_keys, audit_log, auth_failures, bloat, connections, database_size, indexes, maintenance, permission_denied,
    retention, roles, seq_scans, slow_queries, users, workflows,
};
use checklist::{Object, Reason};
use std::time::Duration;

/// Reuse time of expensive counts over a day or a week, which change little within it.
const SLOWLY: Duration = Duration::from_mins(15);

/// Returns the statements of a signal, or `None` if the signal is not made of SQL.
pub fn of(signal: &str) -> Option<&'static [Statement]> {
    STATEMENTS.iter().find(|(id, _)| *id == signal).map(|(_, statements)| *statements)
}

/// The SQL text of a file that starts from the common table expressions in tables.sql: the tables of a database and
/// their sizes.
macro_rules! of_tables {
    ($file:literal) => {
        concat!(include_str!("tables.sql"), include_str!($file))
    };
}

/// The SQL text of a file that starts from the events which a signal wants.
macro_rules! of_events {
    ($events:literal, $file:literal) => {
        concat!(include_str!($events), include_str!($file))
    };
}

/// The SQL text of a file that starts from the events which a signal wants, and from the types of the week's events.
macro_rules! of_types {
    ($events:literal, $file:literal) => {
        concat!(include_str!($events), include_str!("events_types.sql"), include_str!($file))
    };
}

/// The SQL text of a file that starts from the ranked statements of `pg_stat_statements`.
macro_rules! of_ranked {
    ($file:literal) => {
        concat!(include_str!("slow_queries_ranked.sql"), include_str!($file))
    };
}

#[rustfmt::skip]
static STATEMENTS: &[(&str, &[Statement])] = &[
    ("connections", &[
            select(include_str!("connections.sql"), &[&connections::CONNECTIONS]).counts(Object::Session),
            gap(include_str!("sessions_untracked.sql"), Object::Session, Reason::Config),
            select(include_str!("connections_oldest.sql"), &[&connections::OLDEST_TRANSACTION]),
            select(include_str!("connections_limit.sql"), &[&connections::LIMIT]),
            select(include_str!("connections_databases.sql"), &[&connections::DATABASE_LIMIT]),
            select(include_str!("connections_roles.sql"), &[&connections::ROLE_CONNECTIONS, &connections::ROLE_LIMIT]),
    ]),
    ("seq_scans", &[
            select(of_tables!("seq_scans.sql"), &[
                &seq_scans::SEQ_SCANS, &seq_scans::INDEX_SCANS, &seq_scans::SEQ_ROWS, &seq_scans::INDEX_ROWS,
                &seq_scans::LIVE_ROWS, &seq_scans::BYTES,
            ]).each_is(Object::Table),
            gap(include_str!("counts_untracked.sql"), Object::Table, Reason::Config),
            gap(of_tables!("seq_scans_beyond.sql"), Object::Table, Reason::Limit).with(&[&seq_scans::MIN_BYTES]),
            gap(of_tables!("tables_locked.sql"), Object::Table, Reason::Lock),
    ]),
    ("slow_queries", &[
            select("SELECT 0::float8", &[&slow_queries::TRACKED]).when(|facts| facts.statements.is_none()),
            select("SELECT 1::float8", &[&slow_queries::TRACKED]).when(|facts| facts.statements.is_some()),
            select(of_ranked!("slow_queries.sql"), &[&slow_queries::CALLS, &slow_queries::SECONDS])
                .each_is(Object::Statement).with(&[&slow_queries::MIN_CALLS]).when(|facts| facts.statements.is_some()),
            gap(of_ranked!("slow_queries_beyond.sql"), Object::Statement, Reason::Limit)
                .with(&[&slow_queries::MIN_CALLS, &slow_queries::MEAN]).when(|facts| facts.statements.is_some()),
            select("SELECT WHERE false", &[]).each_is(Object::Statement).when(|facts| facts.statements.is_none()),
            gap(include_str!("slow_queries_forgotten.sql"), Object::Statement, Reason::Limit)
                .when(|facts| facts.statements.as_ref().is_some_and(|statements| statements.counts_forgotten)),
            gap(include_str!("slow_queries_full.sql"), Object::Statement, Reason::Limit)
                .when(|facts| facts.statements.as_ref().is_some_and(|statements| !statements.counts_forgotten)),
            gap(include_str!("sessions_untracked.sql"), Object::Session, Reason::Config),
            select(include_str!("slow_queries_longest.sql"), &[&slow_queries::LONGEST]).each_is(Object::Session),
    ]),
    ("workflows", &[
            select(include_str!("workflows.sql"), &[&workflows::WORKFLOWS, &workflows::UNKNOWN])
                .counts(Object::Workflow).every(SLOWLY),
            select(include_str!("workflows_finished.sql"), &[&workflows::FINISHED, &workflows::FAILED]),
            gap(include_str!("workflows_future.sql"), Object::Workflow, Reason::Decode),
            gap(include_str!("workflows_untimed.sql"), Object::Workflow, Reason::Decode).every(SLOWLY),
            select(include_str!("workflows_open.sql"), &[&workflows::OPEN]).every(SLOWLY),
    ]),
    ("auth_failures", &[
            select(include_str!("auth_failures_hour.sql"), &[&auth_failures::FAILURES]),
            select(include_str!("auth_failures.sql"), &[&auth_failures::FAILURES]).of_all(Object::Event).every(SLOWLY),
            gap(of_events!("auth_failures_events.sql", "events_untimed.sql"), Object::Event, Reason::Decode).every(SLOWLY),
            gap(of_events!("auth_failures_events.sql", "events_ahead.sql"), Object::Event, Reason::Decode),
            gap(of_types!("auth_failures_events.sql", "events_misspelt.sql"), Object::Event, Reason::Config).every(SLOWLY),
            gap(of_types!("auth_failures_events.sql", "events_none.sql"), Object::Event, Reason::NotFound).every(SLOWLY),
    ]),
    ("permission_denied", &[
            select(include_str!("permission_denied.sql"), &[&permission_denied::DENIED]).of_all(Object::Event),
            select(include_str!("permission_denied_users.sql"), &[&permission_denied::USERS, &permission_denied::WORST])
                .with(&[&permission_denied::PER_USER]),
            note(include_str!("permission_denied_anonymous.sql")).every(SLOWLY),
            gap(of_events!("permission_denied_events.sql", "events_untimed.sql"), Object::Event, Reason::Decode).every(SLOWLY),
            gap(of_events!("permission_denied_events.sql", "events_ahead.sql"), Object::Event, Reason::Decode),
            gap(of_types!("permission_denied_events.sql", "events_misspelt.sql"), Object::Event, Reason::Config).every(SLOWLY),
            gap(of_types!("permission_denied_events.sql", "events_none.sql"), Object::Event, Reason::NotFound).every(SLOWLY),
    ]),
    ("audit_log", &[
            select(include_str!("audit_log.sql"), &[&audit_log::PRESENT, &audit_log::LAST, &audit_log::FUTURE])
                .counts(Object::Event),
            gap(include_str!("audit_log_untimed.sql"), Object::Event, Reason::Decode),
    ]),
    ("database_size", &[
            select(include_str!("database_size.sql"), &[&database_size::BYTES]).each_is(Object::Database),
            note(include_str!("database_size_beyond.sql")),
    ]),
    ("maintenance", &[
            select(include_str!("maintenance_ids.sql"), &[&maintenance::XID_AGE]).each_is(Object::Database),
            gap(include_str!("counts_untracked.sql"), Object::Table, Reason::Config).when(|facts| !facts.standby),
            select(of_tables!("maintenance.sql"), &[
                &maintenance::LAST_VACUUM, &maintenance::LAST_ANALYZE, &maintenance::DEAD, &maintenance::ROWS,
            ]).of_all(Object::Table).with(&[&maintenance::MIN_BYTES]).when(|facts| !facts.standby),
            select(of_tables!("maintenance_never.sql"), &[&maintenance::NEVER, &maintenance::NEVER_ANALYZED])
                .with(&[&maintenance::MIN_BYTES]).when(|facts| !facts.standby),
            note(of_tables!("maintenance_never_named.sql")).with(&[&maintenance::MIN_BYTES]).when(|facts| !facts.standby),
            gap(of_tables!("maintenance_reset.sql"), Object::Table, Reason::NotFound)
                .with(&[&maintenance::MIN_BYTES]).when(|facts| !facts.standby),
            gap(of_tables!("tables_locked.sql"), Object::Table, Reason::Lock).when(|facts| !facts.standby),
            select("SELECT WHERE false", &[]).each_is(Object::Table).when(|facts| facts.standby),
    ]),
    ("indexes", &[
            select(include_str!("indexes.sql"), &[&indexes::INVALID, &indexes::UNUSED, &indexes::DUPLICATE])
                .each_is(Object::Database),
            gap(include_str!("counts_untracked.sql"), Object::Index, Reason::Config),
    ]),
    ("bloat", &[
            select(of_tables!("bloat.sql"), &[&bloat::BLOAT, &bloat::TABLE_BYTES])
                .of_all(Object::Table).with(&[&bloat::MIN_BYTES]).when(|facts| facts.tuples.is_none()),
            gap(of_tables!("bloat_unknown.sql"), Object::Table, Reason::Permission)
                .with(&[&bloat::MIN_BYTES, &bloat::SHARE]).when(|facts| facts.tuples.is_none()),
            gap(of_tables!("bloat_beyond.sql"), Object::Table, Reason::Limit)
                .with(&[&bloat::MIN_BYTES]).when(|facts| facts.tuples.is_none()),
            gap(of_tables!("tables_locked.sql"), Object::Table, Reason::Lock).when(|facts| facts.tuples.is_none()),
            select(of_tables!("bloat_exact.sql"), &[&bloat::BLOAT, &bloat::TABLE_BYTES])
                .of_all(Object::Table).with(&[&bloat::MIN_BYTES]).when(|facts| facts.tuples.is_some()),
            gap(of_tables!("bloat_exact_beyond.sql"), Object::Table, Reason::Limit)
                .with(&[&bloat::MIN_BYTES]).when(|facts| facts.tuples.is_some()),
            gap(of_tables!("bloat_exact_locked.sql"), Object::Table, Reason::Lock)
                .with(&[&bloat::MIN_BYTES]).when(|facts| facts.tuples.is_some()),
            select(include_str!("bloat_total.sql"), &[&bloat::TOTAL]),
    ]),
    ("retention", &[
            select(include_str!("retention_events.sql"), &[&retention::OVERDUE, &retention::OLDEST])
                .counts(Object::Row).with(&[&retention::AUDIT_KEPT]),
            select(include_str!("retention_workflows.sql"), &[&retention::OVERDUE, &retention::OLDEST])
                .counts(Object::Row).with(&[&retention::WORKFLOWS_KEPT]),
            gap(include_str!("retention_untimed.sql"), Object::Row, Reason::Decode),
    ]),
    ("users", &[
            select(include_str!("users.sql"), &[&users::ACCOUNTS]).counts(Object::Account).with(&[&users::STALE_AFTER]),
            gap(include_str!("users_none.sql"), Object::Account, Reason::NotFound),
    ]),
    ("api_keys", &[
            select(include_str!("api_keys.sql"), &[&api_keys::KEYS]).counts(Object::ApiKey)
                .with(&[&api_keys::STALE_AFTER]),
            select(include_str!("api_keys_oldest.sql"), &[&api_keys::OLDEST]),
    ]),
    ("roles", &[
            select(include_str!("roles.sql"), &[&roles::MEMBERS]).each_is(Object::Role),
            gap(include_str!("roles_none.sql"), Object::Role, Reason::NotFound),
            gap(include_str!("roles_unnamed.sql"), Object::Role, Reason::Config),
            select(include_str!("roles_fingerprint.sql"), &[&roles::FINGERPRINT]),
    ]),
];
