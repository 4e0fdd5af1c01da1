//! The SELECTs of every SQL signal.

use super::sql::{Statement, select};
use checklist::Object;
use checklist::signals::{
    api_keys, audit_log, auth_failures, bloat, connections, database_size, indexes, maintenance, permission_denied,
    retention, roles, seq_scans, slow_queries, users, workflows,
};
use std::time::Duration;

/// Counts over a day or a week change little within this time.
const SLOWLY: Duration = Duration::from_mins(15);

/// The statements of a signal, if it is made of statements.
pub fn of(signal: &str) -> Option<&'static [Statement]> {
    STATEMENTS.iter().find(|(id, _)| *id == signal).map(|(_, statements)| *statements)
}

/// Whether the name means the extension's own view, and nothing of that name that somebody put before it.
macro_rules! pg_stat_statements {
    () => {
        "EXISTS (SELECT FROM pg_extension e JOIN pg_class c ON c.relnamespace = e.extnamespace WHERE e.extname = 'pg_stat_statements' AND c.oid = to_regclass('pg_stat_statements'))"
    };
}

#[rustfmt::skip]
static STATEMENTS: &[(&str, &[Statement])] = &[
    ("connections", &[
            select(include_str!("connections.sql"), &[&connections::CONNECTIONS]).counts(Object::Session),
            select(include_str!("connections_oldest.sql"), &[&connections::OLDEST_TRANSACTION]),
            select(include_str!("connections_limit.sql"), &[&connections::LIMIT]),
    ]),
    ("seq_scans", &[select(include_str!("seq_scans.sql"), &[
            &seq_scans::SEQ_SCANS, &seq_scans::INDEX_SCANS, &seq_scans::SEQ_ROWS, &seq_scans::INDEX_ROWS,
            &seq_scans::LIVE_ROWS, &seq_scans::BYTES,
        ]).each_is(Object::Table)]),
    ("slow_queries", &[
            select(concat!("SELECT (", pg_stat_statements!(), ")::int::float8"), &[&slow_queries::TRACKED]),
            select(include_str!("slow_queries.sql"), &[&slow_queries::CALLS, &slow_queries::SECONDS]).each_is(Object::Statement)
                .when(concat!("SELECT ", pg_stat_statements!())),
            select(include_str!("slow_queries_longest.sql"), &[&slow_queries::LONGEST]).each_is(Object::Session),
    ]),
    ("workflows", &[
            select(include_str!("workflows.sql"), &[&workflows::WORKFLOWS]).counts(Object::Workflow).every(SLOWLY),
            select(include_str!("workflows_finished.sql"), &[&workflows::FINISHED, &workflows::FAILED]),
            select(include_str!("workflows_open.sql"), &[&workflows::OPEN]).every(SLOWLY),
    ]),
    ("auth_failures", &[
            select(include_str!("auth_failures_hour.sql"), &[&auth_failures::FAILURES]),
            select(include_str!("auth_failures.sql"), &[&auth_failures::FAILURES]).counts(Object::Event).every(SLOWLY),
    ]),
    ("permission_denied", &[
            select(include_str!("permission_denied.sql"), &[&permission_denied::DENIED]).counts(Object::Event),
            select(include_str!("permission_denied_users.sql"), &[&permission_denied::USERS, &permission_denied::WORST])
                .with(&[&permission_denied::PER_USER]),
    ]),
    ("audit_log", &[select(include_str!("audit_log.sql"), &[&audit_log::PRESENT, &audit_log::LAST]).counts(Object::Event)]),
    ("database_size", &[select(include_str!("database_size.sql"), &[&database_size::BYTES]).each_is(Object::Database)]),
    ("maintenance", &[
            select(include_str!("maintenance.sql"), &[
                &maintenance::LAST_VACUUM, &maintenance::LAST_ANALYZE, &maintenance::DEAD, &maintenance::ROWS,
            ]).each_is(Object::Table).with(&[&maintenance::MIN_BYTES]),
            select(include_str!("maintenance_ids.sql"), &[&maintenance::XID_AGE]).each_is(Object::Database),
            select(include_str!("maintenance_never.sql"), &[&maintenance::NEVER]).with(&[&maintenance::MIN_BYTES]),
    ]),
    ("indexes", &[
            select(include_str!("indexes.sql"), &[&indexes::INVALID, &indexes::UNUSED, &indexes::DUPLICATE]).each_is(Object::Database),
    ]),
    ("bloat", &[
            select(include_str!("bloat.sql"), &[&bloat::BLOAT, &bloat::TABLE_BYTES]).with(&[&bloat::MIN_BYTES])
                .when("SELECT to_regproc('pgstattuple_approx') IS NULL"),
            select(include_str!("bloat_exact.sql"), &[&bloat::BLOAT, &bloat::TABLE_BYTES]).with(&[&bloat::MIN_BYTES])
                .when("SELECT to_regproc('pgstattuple_approx') IS NOT NULL"),
            select(include_str!("bloat_total.sql"), &[&bloat::TOTAL]).each_is(Object::Table),
    ]),
    ("retention", &[
            select(include_str!("retention.sql"), &[&retention::OVERDUE, &retention::OLDEST]).counts(Object::Row)
                .with(&[&retention::AUDIT_KEPT, &retention::WORKFLOWS_KEPT]),
    ]),
    ("users", &[select(include_str!("users.sql"), &[&users::ACCOUNTS]).counts(Object::Account).with(&[&users::STALE_AFTER])]),
    ("api_keys", &[
            select(include_str!("api_keys.sql"), &[&api_keys::KEYS]).counts(Object::ApiKey).with(&[&api_keys::STALE_AFTER]),
            select(include_str!("api_keys_oldest.sql"), &[&api_keys::OLDEST]),
    ]),
    ("roles", &[
            select(include_str!("roles.sql"), &[&roles::MEMBERS]).each_is(Object::Role),
            select(include_str!("roles_fingerprint.sql"), &[&roles::FINGERPRINT]),
    ]),
];
