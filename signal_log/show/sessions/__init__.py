"""Recorded sessions: read from the log or from a file, told as a whole, compared."""
