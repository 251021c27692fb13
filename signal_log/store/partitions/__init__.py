"""The log's table in parts on PostgreSQL, each a range of ids: converted, made ahead, replaced when pruned."""
