"""Relays: the log to other systems."""
