SELECT {workflows.status}::text, count(*)::float8
FROM {workflows}
GROUP BY 1
ORDER BY 2 DESC
LIMIT 20
