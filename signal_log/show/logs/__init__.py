"""Logs of several databases as one list by time, with a place in each."""
