SELECT database, queryid, calls, seconds FROM ranked WHERE shown
