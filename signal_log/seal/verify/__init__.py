"""Verifies the log: each row against its leaf, the tree, its checkpoints, and what witnesses hold.

``python -m signal_log.seal.verify EVENT.tlog-proof`` checks the proof of one event; it needs neither Django nor a
database. The whole log is verified by ``manage.py signal_verify``.
"""
