-- A standby that does not follow its primary has old rows, which would be judged as those of today. It follows if it
-- has replayed all that a running WAL receiver got, so that an idle primary is fine, or if it has just replayed a commit.
-- A role without pg_read_all_stats sees a receiver, but not its status.
WITH seen AS MATERIALIZED (
    SELECT pg_catalog.pg_last_wal_receive_lsn() AS received, pg_catalog.pg_last_wal_replay_lsn() AS replayed,
           pg_catalog.pg_last_xact_replay_timestamp() AS at, pg_catalog.pg_is_wal_replay_paused() AS paused,
           EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver
                   WHERE coalesce(status, 'streaming') = 'streaming') AS receives
),
-- While a long transaction writes on a primary that was idle, there is no commit, and always a little to replay. So what
-- was received must be replayed within a second.
doubtful AS MATERIALIZED (
    SELECT seen.*, pg_catalog.pg_sleep((receives AND NOT paused)::int) AS waited
    FROM seen
    WHERE NOT coalesce(receives AND received <= replayed, false) AND NOT coalesce(at > now() - interval '15 minutes', false)
)
SELECT 1::float8,
       pg_catalog.format('this standby does not follow its primary, so its rows are old: %s; its newest commit is %s',
                         CASE WHEN paused THEN 'the replay is paused' WHEN receives THEN 'the replay is behind' ELSE 'there is no WAL receiver' END,
                         coalesce('of ' || pg_catalog.to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'), 'unknown'))
FROM doubtful
WHERE paused OR NOT receives OR coalesce(pg_catalog.pg_last_wal_replay_lsn() < received, true)
