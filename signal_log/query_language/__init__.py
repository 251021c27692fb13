"""The language in which events are asked for, ``email: old:a@x -source:shell took:>100ms``: plain Python.

``query = or``, ``or = and ("OR" and)*``, ``and = unary+`` (an ``AND`` in between is accepted), ``unary = ("-" | "!" |
"NOT") atom``, ``atom = "(" or ")" | key ":" value | text``; a value and a text are a word or a ``"phrase"``, and a word
ends at white space or a bracket. ``tests/vectors/query.json`` has what each query means, for JavaScript too.
"""

from __future__ import annotations

from signal_log.query_language.nodes import And, Node, Not, Or, Parsed, Problem, Term
from signal_log.query_language.parser import parse
from signal_log.query_language.writer import write

__all__ = ["And", "Node", "Not", "Or", "Parsed", "Problem", "Term", "parse", "write"]
