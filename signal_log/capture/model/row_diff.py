"""What a statement did to a row: the differences between before and after, and what its writer had not seen."""

from __future__ import annotations

from collections.abc import Collection
from operator import is_
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.model.actual_row import Raw, RowReader
from signal_log.capture.model.column import Column
from signal_log.capture.model.loaded import MISSING, Belief
from signal_log.capture.model.long_value import is_the_same
from signal_log.capture.model.plan import Plan, Values
from signal_log.capture.model.same_value import equal, is_known, is_stored_as
from signal_log.capture.model.snapshot import PLAIN
from signal_log.event import Changes


class RowDiff(NamedTuple):
    """The event's ``changes`` and ``overwrote``, and what it takes to know later what the writer has seen."""

    changes: Changes
    overwrote: list[str]
    row: Raw
    """The row after the statement; what the instance holds itself is that very object, so that it is kept once."""
    unseen: Collection[int]
    """The columns whose new value is not what the instance holds."""


def row_written(
    plan: Plan, reader: RowReader, connection: BaseDatabaseWrapper,
    before: Raw | None, after: Raw, believed: Belief | None, held: Values, expected: Changes,
) -> RowDiff:  # fmt: skip
    """What an INSERT (``before`` is None) or UPDATE did, given what the writer believed and what it holds now.

    ``expected`` is what it was about to do by its belief; where that came true, its very pair is told again.
    """
    changes: Changes = {}
    overwrote: list[str] = []
    unseen: list[int] = []
    if before == after:
        return RowDiff(changes, overwrote, after, unseen)
    row = list(after)
    columns, direct = reader.columns, reader.direct
    known: Values = believed.values if believed is not None else {}
    olds = (None,) * len(after) if before is None else before
    for at in [at for at, (old, new) in enumerate(zip(olds, after, strict=True)) if old is not new and old != new]:
        column, old, new = columns[at], olds[at], after[at]
        pair = expected.get(column.name)
        if (
            pair is not None
            and _came_true(pair[1], held.get(column.attname, MISSING), new, direct[at])
            and (
                pair[0] is None
                if before is None
                else _came_true(pair[0], known.get(column.attname, MISSING), old, direct[at])
            )
        ):
            changes[column.name], row[at] = pair, held[column.attname]
            continue
        old_value = None if old is None else reader.value(at, old, connection)
        new_value = None if new is None else reader.value(at, new, connection)
        kind = type(new_value)
        if type(old_value) is kind and equal(old_value, new_value):
            continue  # the same value, stored differently: JSON with other spaces
        shown = plan.pair(column, old_value, new_value)
        if pair is not None:  # a long text may hide something beyond what the database has left of it
            cut = zip((old_value, new_value), pair, shown, strict=True)
            shown = [already if is_the_same(value, already) else now for value, already, now in cut]
        changes[column.name] = shown
        was_there = before is not None and not (old is None and reader.lacks(before, column))
        if was_there and not column.generated and not _has_seen(believed, at, column, old, old_value, connection):
            overwrote.append(column.name)
        value = held.get(column.attname, MISSING)
        if not (type(value) is kind and kind in PLAIN and value == new_value) and not is_stored_as(
            column, value, new_value, connection
        ):
            unseen.append(at)
    return RowDiff(expected if _is_same(changes, expected) else changes, overwrote, tuple(row), unseen)


def row_deleted(
    plan: Plan, reader: RowReader, connection: BaseDatabaseWrapper, row: Raw, believed: Belief | None
) -> RowDiff:
    """What a DELETE took away, given what its writer believed."""
    changes: Changes = {}
    overwrote: list[str] = []
    for at, column in enumerate(reader.columns):
        old = row[at]
        value = None if old is None else reader.value(at, old, connection)
        if value is not None:
            changes[column.name] = plan.pair(column, value, None)
        if not column.generated and not _has_seen(believed, at, column, old, value, connection):
            overwrote.append(column.name)
    return RowDiff(changes, overwrote, (), ())


def seen_after(
    reader: RowReader, diff: RowDiff, believed: Belief | None, only: Collection[str] | None, held: Values
) -> Raw:
    """The row as its writer knows it after a save of these fields (None: all): what it wrote, and what it knew before.

    What a trigger made of a value is not seen: the instance still holds what it wrote.
    """
    columns, after = reader.columns, diff.row
    if only is None and len(held) >= len(columns):
        if not diff.unseen:
            return after
        return tuple(MISSING if at in diff.unseen else value for at, value in enumerate(after))
    known = believed.seen if believed is not None else None
    return tuple(
        value
        if at not in diff.unseen and column.attname in held and (only is None or _names(column, only))
        else MISSING if known is None else known[at]
        for at, (column, value) in enumerate(zip(columns, after, strict=True))
    )  # fmt: skip


def _came_true(shown: Any, held: Any, raw: Any, direct: Collection[type]) -> bool:
    """Whether the row's raw value is the one that the instance holds, and that the log has shown already."""
    kind = type(held)
    if kind not in direct or type(shown) is not kind or (type(raw) is not kind and kind is not bool):
        return False
    return bool(shown == held == raw)


def _is_same(changes: Changes, expected: Changes) -> bool:
    """Whether each pair is the very one that was expected, so that both events can share all of them."""
    return len(changes) == len(expected) and all(map(is_, changes.values(), expected.values()))


def _names(column: Column, only: Collection[str]) -> bool:
    return column.name in only or column.attname in only


def _has_seen(
    believed: Belief | None, at: int, column: Column, raw: Any, value: Any, connection: BaseDatabaseWrapper
) -> bool:
    """Whether the writer knew this value: by its last save's row, or by what it loaded."""
    if believed is None:
        return False
    if believed.seen is not None and believed.seen[at] is not MISSING:
        return equal(believed.seen[at], raw)
    known = believed.values.get(column.attname, MISSING)
    return known is not MISSING and is_known(column, known, value, connection)
