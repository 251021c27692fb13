"""Measurements that people run with ``make bench``; no test asserts a time."""
