"""Finds events in an Iceberg archive by DuckDB, the newest first or the oldest, as far as time allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Timer
from typing import Final

import duckdb
import pyarrow.dataset as ds
import pyiceberg.catalog.sql
import pyiceberg.io.pyarrow  # noqa: F401  both would be imported later, in the time in which a page wants its answer

from signal_log import clock
from signal_log.errors import ProofError
from signal_log.seal.archive import Line
from signal_log.seal.iceberg.columns import LINE_COLUMNS, lines_of
from signal_log.seal.iceberg.conditions import Conditions
from signal_log.seal.iceberg.explained import explained
from signal_log.seal.iceberg.part import Part
from signal_log.seal.iceberg.table import Archive

AT_ONCE: Final = 200
"""So many rows are taken from one query, and the next asked for where fewer than are wanted are left of them."""
MOST_PARTS: Final = 8
"""So many files are searched by one query, in the end; the first is searched alone."""
MEMORY: Final = "512MB"


@dataclass(slots=True)
class Found:
    """Events of an archive; ``reached`` is the id up to which was looked where time was up."""

    lines: list[Line] = field(default_factory=list)
    reached: int | None = None


def search(
    archive: Archive, wanted: Conditions, *, above: int, below: int, number: int, seconds: float,
    accept: Callable[[list[Line]], list[Line]] = list, upwards: bool = False,
) -> Found:  # fmt: skip
    """The newest events between two ids (or the oldest, ``upwards``) that are wanted and accepted.

    Raises ``ProofError`` where the archive cannot be read.
    """
    deadline = clock.monotonic() + seconds
    parts = [part for part in archive.parts() if part.low < below and part.high > above and wanted.may_be_in(part)]
    parts.sort(key=lambda part: part.low, reverse=not upwards)
    found = Found()
    width = 1
    while parts and len(found.lines) < number:
        some, parts = parts[:width], parts[width:]
        width = min(width * 2, MOST_PARTS)
        low, high = above, below
        while len(found.lines) < number:
            left = deadline - clock.monotonic()
            if left <= 0:
                found.reached = (
                    (low if upwards else high) if low > above or high < below else _edge(some, upwards=upwards)
                )
                return found
            lines = _asked(archive, some, wanted, low, high, left, upwards=upwards)
            if lines is None:
                continue  # time is up
            found.lines += accept(lines)
            if len(lines) < AT_ONCE:
                break
            last = lines[-1].id or 0
            low, high = (last, high) if upwards else (low, last)
    return found


def _edge(parts: Sequence[Part], *, upwards: bool) -> int:
    """Where the search of these would have begun."""
    return min(part.low for part in parts) - 1 if upwards else max(part.high for part in parts) + 1


def _asked(
    archive: Archive, parts: Sequence[Part], wanted: Conditions, low: int, high: int, seconds: float, *, upwards: bool
) -> list[Line] | None:
    """The next rows of some parts; None if time was up."""
    conditions = " AND ".join(["id IS NOT NULL", "id > ?", "id < ?", *wanted.clauses])
    order = "ASC" if upwards else "DESC"
    query = f"SELECT {', '.join(LINE_COLUMNS)} FROM archive WHERE {conditions} ORDER BY id {order} LIMIT {AT_ONCE}"  # noqa: S608
    with explained(archive.place), duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'; SET threads = 2")
        connection.register("archive", ds.dataset(archive.paths(parts), filesystem=archive.files, format="parquet"))
        timer = Timer(seconds, connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            rows = connection.sql(query, params=[low, high, *wanted.values]).to_arrow_table()
        except duckdb.InterruptException:
            return None
        finally:
            timer.cancel()
        try:
            return list(lines_of(rows))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ProofError(f"The archive {archive.place.location} has a row that is none of an archive.") from error
