"""Writes a pytest test that performs what a trace did, from the log alone: its outermost operations, through the ORM.

Keys and automatic dates are left out, secrets are replaced by a constant, and a row that a receiver made is not made
by hand. What cannot be repeated so (silent writes, relations, failures) becomes a comment.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from signal_log.event import COMMITTED, MASK
from signal_log.models import SignalEvent, SignalTrace
from signal_log.show.cascade.operation import AnyEvent, Cascade, Operation, cascade_of
from signal_log.show.cascade.phrase import line
from signal_log.show.cascade.shape import shape
from signal_log.show.trace.rows_for_test import Rows, assignable, field_named
from signal_log.show.trace.written_test import INDENT, tree_asserted, written_test
from signal_log.show.words.diff import pairs
from signal_log.show.words.kinds import begun_by
from signal_log.show.words.text import one_line

MOST_OPERATIONS: Final = 100
"""So many are repeated; nobody reads a longer test, and each may have to be looked up."""
MOST_NOT_REPEATED: Final = 20
LONGEST: Final = 80
"""Longer values are not asserted."""
REPEATED: Final = ("created", "updated", "deleted")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def as_pytest(events: Sequence[SignalEvent], trace: SignalTrace | None) -> str:
    """The test as text; its name and its docstring are those of the trace."""
    whole = cascade_of(events)
    repeated = list(islice(filter(_can_repeat, whole.roots), MOST_OPERATIONS))
    chosen = {id(operation) for operation in repeated}
    acted = {(operation.last.sender, operation.last.object_pk) for operation in repeated}
    fired = [root for root in whole.roots if id(root) in chosen or _went_with(root.last) in acted]
    shown = {id(operation) for operation in fired}
    others = [operation for operation in whole.roots if id(operation) not in shown]
    rows = Rows(events)
    act = [text for operation in repeated for text in _act(operation, rows)]
    first = events[0]
    begun = one_line(trace.name if trace else begun_by(first.method, first.path, first.source), 120)
    body = [
        *rows.remarks(),
        *rows.setup,
        *([""] if rows.setup else []),
        "with signal_log.capture() as seen:",
        *(INDENT + text for text in act),
        *([] if any(not text.startswith("#") for text in act) else [f"{INDENT}pass"]),
        "",
        *tree_asserted(shape(Cascade(_with_all_below(fired), fired, {}))),
        *changes(repeated),
        *_not_repeated(others),
    ]
    ended = one_line(trace.status, 40) if trace else ""
    return written_test(begun, ended, body, rows.imports, "signal_log", rows.has_secrets)


def changes(operations: Sequence[Operation]) -> Iterator[str]:
    """The lines that assert what these operations changed, where a text says the same in every run."""
    for operation in islice((one for one in operations if one.verb == "updated"), MOST_OPERATIONS):
        event = operation.last
        told = [
            f"{name}=({old!r}, {new!r})"
            for name, old, new in pairs(event.changes)
            if _is_steady(old) and _is_steady(new) and _can_be_named(event.sender, name)
        ]
        if told:
            yield f"seen.assert_changed({event.sender!r}, {', '.join(told)})"


def _can_be_named(label: str, name: str) -> bool:
    """Whether a field can be an argument of ``assert_changed``; a key of another row differs in every run."""
    field = field_named(label, name)
    return field is not None and not field.is_relation and assignable(name) and name not in ("model", "pk", "self")


def _is_steady(value: Any) -> bool:
    """Whether a value is a text that is the same in every run: no date, no secret."""
    return isinstance(value, str) and 0 < len(value) < LONGEST and not _DATE.match(value) and MASK not in value


def _can_repeat(operation: Operation) -> bool:
    event = operation.last
    alone = _went_with(event) in (None, (event.sender, event.object_pk))
    return operation.verb in REPEATED and event.outcome == COMMITTED and not event.raw and alone


def _went_with(event: AnyEvent) -> tuple[str, str] | None:
    """The object whose deletion took this one along."""
    origin = event.origin if isinstance(event.origin, dict) else {}
    return (str(origin["model"]), str(origin["pk"])) if "pk" in origin and "model" in origin else None


def _act(operation: Operation, rows: Rows) -> Iterator[str]:
    event = operation.last
    if not rows.knows(event.sender):
        yield f"# not repeated, for there is no such model any more: {line(operation)}"
        return
    if operation.verb == "created":
        yield rows.creation(event)
        return
    name = rows.name_of(event.sender, event.object_pk)
    if operation.verb == "deleted":
        yield f"{name}.delete()"
        return
    for field, _, new in pairs(event.changes):
        text = rows.value(event.sender, field, new)
        if text is not None:
            yield f"{name}.{text[0]} = {text[1]}"
    only = event.update_fields
    if isinstance(only, list):
        names = sorted(one for one in only if isinstance(one, str) and field_named(event.sender, one) is not None)
        yield f"{name}.save(update_fields={names!r})"
    else:
        yield f"{name}.save()"


def _not_repeated(operations: Sequence[Operation]) -> Iterator[str]:
    """A comment for each kind of operation that the test leaves out."""
    kinds = Counter(line(operation) for operation in operations)
    for text, times in islice(kinds.items(), MOST_NOT_REPEATED):
        yield f"# not repeated: {text}{f' × {times:,}' if times > 1 else ''}"
    if len(kinds) > MOST_NOT_REPEATED:
        yield f"# and {len(kinds) - MOST_NOT_REPEATED:,} other kinds of operations"


def _with_all_below(operations: Sequence[Operation]) -> list[Operation]:
    """Causes before effects."""
    found = list(operations)
    for operation in found:  # which grows meanwhile
        found += operation.caused()
    return found
