"""Ends a sentence of ours with what a library or a receiver said, which may have a full stop of its own."""

from __future__ import annotations


def sentence(ours: str, theirs: str) -> str:
    """``ours``, a colon and ``theirs``, with one full stop."""
    return f"{ours}: {theirs.rstrip('. ')}."
