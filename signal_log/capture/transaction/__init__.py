"""Holds events until the outcome of their transaction is known, then has them written."""
