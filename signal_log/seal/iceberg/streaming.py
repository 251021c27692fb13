"""Reads what an Iceberg archive has between two ids, the oldest first, in little memory however much it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from signal_log.errors import ProofError
from signal_log.seal.archive import Line
from signal_log.seal.iceberg.columns import LINE_COLUMNS, NAMES, lines_of
from signal_log.seal.iceberg.conditions import Conditions
from signal_log.seal.iceberg.explained import explained
from signal_log.seal.iceberg.part import Part
from signal_log.seal.iceberg.searching import MEMORY
from signal_log.seal.iceberg.table import Archive

BATCH: Final = 1_000
"""So many rows are in memory at a time."""


def stream(archive: Archive, wanted: Conditions, *, above: int, below: int) -> Iterator[list[Line]]:
    """The wanted events between two ids, some at a time, in order of id and each once.

    The files that may have some are found when this is called; raises ``ProofError`` where the archive cannot be read,
    then or on the way.
    """
    parts = [part for part in archive.parts() if part.low < below and part.high > above and wanted.may_be_in(part)]
    parts.sort(key=lambda part: part.low)
    for one, following in pairwise(parts):
        if following.low <= one.high:
            raise ProofError(
                f"The archive {archive.place.location} has the events from {following.low} to "
                f"{min(one.high, following.high)} twice. Run signal_verify --archive, which says more."
            )
    return _read(archive, parts, wanted, above, below)


def _read(archive: Archive, parts: list[Part], wanted: Conditions, above: int, below: int) -> Iterator[list[Line]]:
    last = above
    with closing(duckdb.connect()) as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'; SET threads = 1")
        conditions = " AND ".join(["id > ?", "id < ?", *wanted.clauses])
        query = f"SELECT {', '.join(LINE_COLUMNS)} FROM archive WHERE {conditions} ORDER BY id"  # noqa: S608
        for part in parts:
            for batch in _batches(archive, part):
                connection.register("archive", batch)
                with explained(archive.place):
                    rows = connection.sql(query, params=[last, below, *wanted.values]).to_arrow_table()
                connection.unregister("archive")
                lines = _lines(archive, rows)
                if lines:
                    last = lines[-1].id or last
                    yield lines


def _batches(archive: Archive, part: Part) -> Iterator[pa.Table]:
    """The rows of a file, as many at a time as are held in memory, but for leaves without an event."""
    with explained(archive.place):
        data = ds.dataset(archive.paths([part]), filesystem=archive.files, format="parquet")
        found = data.to_batches(
            columns=list(NAMES), batch_size=BATCH, batch_readahead=1, fragment_readahead=1, use_threads=False,
            filter=ds.field("id").is_valid(),
        )  # fmt: skip
        for batch in found:
            if batch.num_rows:
                yield pa.Table.from_batches([batch])


def _lines(archive: Archive, rows: pa.Table) -> list[Line]:
    try:
        return list(lines_of(rows))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ProofError(f"The archive {archive.place.location} has a row that is none of an archive.") from error
