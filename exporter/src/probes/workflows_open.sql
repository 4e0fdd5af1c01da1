SELECT count(*)::float8 FROM {workflows} WHERE {workflows.status}::text NOT IN ('completed', 'failed')
