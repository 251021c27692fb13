"""``manage.py signal_tail``: like ``tail -f`` for signals, each cascade indented below what caused it."""

from __future__ import annotations

import os
import shutil
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import orjson
from django.core.management.base import CommandError
from django.db import Error

from signal_log.amounts import parse_duration
from signal_log.errors import FilterError
from signal_log.event import Event
from signal_log.filters import Filters
from signal_log.management.command import SignalCommand
from signal_log.management.commands.signal_export import USAGE_ERROR, add_filters, filters_of
from signal_log.management.ending import INTERRUPTED
from signal_log.moments import latest, parse_moment
from signal_log.seal.canonical import timestamp
from signal_log.show.query.unmatched import unmatched
from signal_log.show.terminal import WIDE, Teller
from signal_log.show.whole_traces import Part, WholeTraces
from signal_log.show.words.text import inert_json, visible
from signal_log.store.read import as_mapping
from signal_log.store.span import LARGEST_ID, selected, walk
from signal_log.store.tables import not_migrated
from signal_log.tail.following import Following, Read

PAGE: Final = 500


class Command(SignalCommand):
    """``signal_tail``."""

    help = (
        "Follow the log from a terminal: what is committed from now on, or since a time; all of it, or what a query "
        "selects, as the history takes it. Filters may also be options: a value that starts with ! excludes, repeating "
        "one widens the selection, and different ones narrow it. Works beside any server, and goes on after a restart "
        "of the database. Exit status: 0 ended, 2 usage error, 130 interrupted."
    )

    _style: Callable[[str], str] | None = None

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The filters, and how to tell."""
        add_filters(parser)
        parser.add_argument("--since", metavar="WHEN", default="", help="now-10m, 2h, 1d, or a time: 2026-11-22 09:42")
        parser.add_argument("--slow", metavar="TIME", default="", help="only traces that took this long, such as 100ms")
        parser.add_argument("--json", action="store_true", help="one JSON object a line, for programs")
        parser.add_argument("--no-follow", action="store_true", help="tell what was since then, and end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Tell events until somebody ends it."""
        filters = filters_of(options)
        try:
            filters.must_be_followed()
            since = latest(parse_moment("since", options["since"]), parse_moment("since", filters.since or ""))
            if (until := parse_moment("until", filters.until or "")) is not None:
                filters = filters.within("", timestamp(until))
            slow_us = parse_duration("slow", options["slow"]) if options["slow"] else None
        except FilterError as error:
            raise CommandError(str(error), returncode=USAGE_ERROR) from error
        told = _Json() if options["json"] else _Text(self._teller(options))
        reads = _past(filters, since) if options["no_follow"] else Following(filters, since, self._say)
        by_trace = None if options["json"] and slow_us is None else WholeTraces(slow_us)
        try:
            self._warn(filters)
            self._tell(reads, told, by_trace)
            if options["no_follow"] and not told.number and options["verbosity"]:
                self._say(
                    f"Nothing since {options['since']}." if options["since"] else "The log has nothing like this."
                )
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except Error as error:
            raise CommandError(not_migrated() or str(error).strip()) from error
        finally:
            if isinstance(reads, Following):
                reads.close()

    def _tell(self, reads: Iterable[Read], told: _Text | _Json, by_trace: WholeTraces | None) -> None:
        may_fail = isinstance(reads, Following)
        for read in reads:
            try:
                parts = [Part("", read.rows)] if by_trace is None else by_trace.add(read)
            except Error:
                if not may_fail:
                    raise
                may_fail = False  # the next read waits until the database is back; if it is there, this is no outage
                continue
            may_fail = isinstance(reads, Following)
            lines = [line for part in parts for line in told.lines(part)]
            for line in lines:
                self.stdout.write(line, style_func=self._style)
            if lines:
                self.stdout.flush()

    def _warn(self, filters: Filters) -> None:
        with suppress(Error):  # it is said, or waited for, where the events are read
            for sentence in unmatched(filters):
                self._say(sentence)

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

    def lines(self, part: Part) -> Iterator[str]:
        """Lines of these events, and how their trace ended."""
        self.number += len(part.rows)
        yield from self._teller.events([_event(row) for row in part.rows])
        if part.end is not None:
            yield from self._teller.ended(part.end)


class _Json:
    """Tells events for programs."""

    def __init__(self) -> None:
        self.number = 0

    def lines(self, part: Part) -> Iterator[str]:
        """A line each."""
        self.number += len(part.rows)
        return (_json(row) for row in part.rows)


def _past(filters: Filters, since: datetime | None) -> Iterator[Read]:
    """Everything up to now that matches, oldest first."""
    found, span = selected(filters, since, None)
    for chunk, reached in walk(found, span, span.low - 1, PAGE, upwards=True):
        yield Read([as_mapping(event) for event in chunk], reached, more=True)
    yield Read([], LARGEST_ID)


def _event(row: Mapping[str, Any]) -> Event:
    given = {name: row[name] for name in Event._fields if name in row}
    return Event(**{**given, "occurred_at": datetime.fromisoformat(row["occurred_at"])})


def _json(row: Mapping[str, Any]) -> str:
    return inert_json(orjson.dumps(row, option=orjson.OPT_NON_STR_KEYS).decode())
