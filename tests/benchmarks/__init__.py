"""Measurements that people run by ``make bench``; no test asserts a time."""
