"""Real servers for the tests, started as plain processes: PostgreSQL, Valkey, daphne and a browser."""
