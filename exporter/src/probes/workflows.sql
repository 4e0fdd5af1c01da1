-- Counts workflows by status. A status that checklist.yaml does not name is neither open nor ended.
SELECT status, count::float8, CASE WHEN status NOT IN ({workflows:completed}, {workflows:failed}, {workflows:cancelled}, {workflows:open}) THEN count END::float8
FROM (SELECT coalesce({workflows.status}::text, '') AS status, count(*) AS count FROM {workflows} GROUP BY 1) AS by_status
ORDER BY status NOT IN ({workflows:completed}, {workflows:failed}, {workflows:cancelled}, {workflows:open}) DESC, count DESC
LIMIT 20
