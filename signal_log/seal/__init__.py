"""The tree over the log's events, and the signed checkpoints that state it: what makes tampering show."""
