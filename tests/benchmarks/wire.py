"""Lists what a connection sends: on PostgreSQL the messages as libpq traces them, on SQLite the statements it runs."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from psycopg import pq

Sent = Callable[[], list[str]]
"""Ends the watch, and returns what was sent; a COPY's rows, which nobody answers, are left out."""

_MESSAGE = re.compile(r'^F\t\d+\t(?:Query\t "(.*?)"|(CopyDone))\s*$(?=\n[FB]\t|\n\Z)', re.DOTALL | re.MULTILINE)


@contextmanager
def watched(connection: Any) -> Iterator[Sent]:
    """Watch a connection of Django's in the block."""
    connection.ensure_connection()
    watch = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}[connection.vendor]
    with watch(connection.connection) as sent:
        yield sent


@contextmanager
def _on_sqlite(raw: Any) -> Iterator[Sent]:
    statements: list[str] = []
    raw.set_trace_callback(statements.append)

    def sent() -> list[str]:
        raw.set_trace_callback(None)
        # A statement is told again for each trigger that it fires; what the triggers do begins with dashes.
        return [statement for statement, _ in groupby(statements) if not statement.startswith("--")]

    yield sent


@contextmanager
def _on_postgresql(raw: Any) -> Iterator[Sent]:
    with tempfile.TemporaryFile("w+") as trace:
        raw.pgconn.trace(trace.fileno())
        raw.pgconn.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)

        def sent() -> list[str]:
            raw.pgconn.untrace()
            trace.seek(0)
            return [query or done for query, done in _MESSAGE.findall(trace.read())]

        yield sent


def statements(message: str) -> list[str]:
    """The statements of a message."""
    return re.split(r";\s", message)


def words(message: str) -> str:
    """The first word of each of the message's statements."""
    return "; ".join(statement.split()[0] for statement in statements(message))
