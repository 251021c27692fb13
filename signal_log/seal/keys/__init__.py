"""The log's keys: where each is kept, what it remembers, and who signs with it."""
