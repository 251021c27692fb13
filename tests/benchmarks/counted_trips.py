"""Counts the statements and messages of saves with each logger, in one process and one database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

from django.db import connection, transaction

from tests.benchmarks.loggers import LOGGERS, prepare
from tests.benchmarks.measuring import creates, people, updates
from tests.benchmarks.wire import statements, watched, words

BLOCK = 10
KINDS = {"update": updates, "create": creates}
COMPARED = ("bare", "handwritten", "lean", "signal_log")


def measure() -> dict[str, dict[str, Any]]:
    """Return by scene and logger how many statements and messages a save is, and which messages."""
    prepare(people)
    return {
        f"{kind}, {'in a block of ' + str(BLOCK) if block else 'autocommit'}": dict(counted(kind, block=block))
        for kind in KINDS
        for block in (False, True)
    }


def counted(kind: str, *, block: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return what each logger's saves send, from the second time on."""
    size = BLOCK if block else 1
    for name in COMPARED:
        logger = LOGGERS[name]
        with logger.on():
            save = KINDS[kind](logger.person, 2 * size)
            for start in (0, size):
                with watched(connection) as sent:
                    with transaction.atomic() if block else nullcontext():
                        for index in range(start, start + size):
                            save(index)
                    messages = sent()
        yield (
            name,
            {
                "statements": sum(len(statements(message)) for message in messages) / size,
                "messages": len(messages) / size,
                "sent": [words(message) for message in messages],
            },
        )
