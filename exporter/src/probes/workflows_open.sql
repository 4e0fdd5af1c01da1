SELECT count(*)::float8 FROM {workflows} WHERE {workflows.status}::text IN ({workflows:open})
