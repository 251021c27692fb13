"""Erases a person from the log, its archives and the tables beside it, so that all that is left still verifies."""
