"""``manage.py signal_tail``: like ``tail -f`` for signals, each cascade indented below what caused it."""

from __future__ import annotations

import os
import shutil
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from django.core.management.base import CommandError
from django.db import Error

from signal_log import clock
from signal_log.amounts import parse_age, parse_duration
from signal_log.errors import FilterError
from signal_log.event import Event
from signal_log.filters import KEYS, Filters
from signal_log.management.command import SignalCommand
from signal_log.management.commands.signal_export import HINTS, INTERRUPTED, USAGE_ERROR, text
from signal_log.models import SignalTrace
from signal_log.show.terminal import WIDE, Teller
from signal_log.show.words.moments import parse_moment
from signal_log.show.words.text import inert_json, visible
from signal_log.store.read import as_mapping
from signal_log.store.span import selected, walk
from signal_log.store.tables import not_migrated
from signal_log.tail.following import Following, Rows
from signal_log.telemetry.read import trace_rows

PAGE: Final = 500
MOST_HELD: Final = 10_000
"""With ``--slow``, so many events wait for the end of their traces; then the oldest are let go."""


class Command(SignalCommand):
    """``signal_tail``."""

    help = (
        "Follow the log from a terminal: what is committed from now on, or since a time. The filters are those of the "
        "history: a value that starts with ! excludes, repeating a filter widens the selection, and different filters "
        "narrow it. Works beside any server, and goes on after a restart of the database. Exit status: 0 ended, "
        "2 usage error, 130 interrupted."
    )

    _style: Callable[[str], str] | None = None

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The filters, and how to tell."""
        for key in KEYS:
            option = f"--{key.replace('_', '-')}"
            parser.add_argument(option, action="append", default=[], type=text, metavar="TEXT", help=HINTS.get(key))
        parser.add_argument("--since", metavar="WHEN", default="", help="10m, 2h, 1d, or a time: 2026-11-22 09:42")
        parser.add_argument("--slow", metavar="TIME", default="", help="only traces that took this long, such as 100ms")
        parser.add_argument("--json", action="store_true", help="one JSON object a line, for programs")
        parser.add_argument("--no-follow", action="store_true", help="tell what was since then, and end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Tell events until somebody ends it."""
        try:
            filters = Filters.parse({key: options[key] for key in KEYS if options[key]})
            since = _since(options["since"])
            slow_us = parse_duration("slow", options["slow"]) if options["slow"] else None
        except FilterError as error:
            raise CommandError(str(error), returncode=USAGE_ERROR) from error
        teller = _Json() if options["json"] else _Text(self._teller(options))
        told = _Slow(teller, slow_us) if slow_us is not None else teller
        batches = _past(filters, since) if options["no_follow"] else Following(filters, since, self._say)
        try:
            self._tell(batches, told)
            if options["no_follow"] and not told.number and options["verbosity"]:
                self._say(
                    f"Nothing since {options['since']}." if options["since"] else "The log has nothing like this."
                )
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except Error as error:
            raise CommandError(not_migrated() or str(error).strip()) from error
        finally:
            if isinstance(batches, Following):
                batches.close()

    def _tell(self, batches: Iterable[Rows], told: _Text | _Json | _Slow) -> None:
        for rows in batches:
            lines = [*told.events(rows), *told.ended()]
            for line in lines:
                self.stdout.write(line, style_func=self._style)
            if lines:
                self.stdout.flush()

    def _teller(self, options: Mapping[str, Any]) -> Teller:
        on_terminal = self.stdout.isatty()
        colour = options["force_color"] or (on_terminal and not options["no_color"] and "NO_COLOR" not in os.environ)
        narrow = on_terminal and shutil.get_terminal_size().columns < WIDE
        self._style = str if colour else None  # the teller's colours pass
        return Teller(narrow=narrow, colour=colour)

    def _say(self, sentence: str) -> None:
        self.stderr.write(visible(sentence), style_func=str)
        self.stderr.flush()


class _Text:
    """Tells events for people."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self.number = 0

    def events(self, rows: Rows) -> Iterator[str]:
        """Lines of these events."""
        self.number += len(rows)
        return self._teller.events([_event(row) for row in rows])

    def ended(self, rows: Sequence[SignalTrace] | None = None) -> Iterator[str]:
        """Lines of traces that are over: these, or those awaited."""
        return self._teller.ended(trace_rows(self._teller.unended()) if rows is None else rows)


class _Json:
    """Tells events for programs."""

    def __init__(self) -> None:
        self.number = 0

    def events(self, rows: Rows) -> Iterator[str]:
        """A line each."""
        self.number += len(rows)
        return (_json(row) for row in rows)

    def ended(self, rows: Sequence[SignalTrace] | None = None) -> Iterator[str]:
        """Nothing: programs read traces elsewhere."""
        return iter(())


class _Slow:
    """Holds events back until their trace has ended, and tells only those of slow ones."""

    def __init__(self, told: _Text | _Json, at_least_us: int) -> None:
        self._told = told
        self._at_least_us = at_least_us
        self._held: dict[str, Rows] = {}

    @property
    def number(self) -> int:
        """How many events were told."""
        return self._told.number

    def events(self, rows: Rows) -> Iterator[str]:
        """Nothing yet."""
        for row in rows:
            self._held.setdefault(row["trace_id"], []).append(row)
        while sum(map(len, self._held.values())) > MOST_HELD:
            del self._held[next(iter(self._held))]
        return iter(())

    def ended(self) -> Iterator[str]:
        """The lines of traces that are over and were slow."""
        for row in trace_rows(list(self._held)):
            events = self._held.pop(str(row.trace_id), [])
            if row.duration_us >= self._at_least_us:
                yield from self._told.events(events)
                yield from self._told.ended([row])


def _since(given: str) -> datetime | None:
    age = parse_age(given)
    if age is not None:
        return clock.now() - age
    try:
        return parse_moment("since", given)
    except FilterError:
        raise FilterError(
            f"'since' must be an age such as 10m, 2h or 1d, or a time such as 2026-11-22 09:42, not {given[:50]!r}."
        ) from None


def _past(filters: Filters, since: datetime | None) -> Iterator[Rows]:
    """Everything up to now that matches, oldest first."""
    found, span = selected(filters, since, None)
    for chunk, _ in walk(found, span, span.low - 1, PAGE, upwards=True):
        yield [as_mapping(event) for event in chunk]


def _event(row: Mapping[str, Any]) -> Event:
    given = {name: row[name] for name in Event._fields if name in row}
    return Event(**{**given, "occurred_at": datetime.fromisoformat(row["occurred_at"])})


def _json(row: Mapping[str, Any]) -> str:
    return inert_json(orjson.dumps(row, option=orjson.OPT_NON_STR_KEYS).decode())
