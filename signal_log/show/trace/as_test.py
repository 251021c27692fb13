"""Writes a pytest test that performs what a trace did, from the log alone: its outermost operations, through the ORM.

Keys and automatic dates are left out, secrets are replaced by a constant, and a row that a receiver made is not made
by hand. What cannot be repeated so (silent writes, relations, failures) becomes a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from signal_log.event import COMMITTED
from signal_log.models import SignalEvent, SignalTrace
from signal_log.show.cascade.operation import AnyEvent, Cascade, Operation, cascade_of
from signal_log.show.cascade.phrase import line
from signal_log.show.cascade.shape import shape
from signal_log.show.trace.rows_for_test import Rows
from signal_log.show.trace.written_test import INDENT, written_test
from signal_log.show.words.diff import pairs
from signal_log.show.words.kinds import begun_by
from signal_log.show.words.text import one_line

LONGEST = 80
"""Longer values are not asserted."""
REPEATED = ("created", "updated", "deleted")


_VARIES = re.compile(r"\d{4}-\d\d-\d\d|•")
"""What is not asserted: dates, and secrets."""


def as_pytest(events: Sequence[SignalEvent], trace: SignalTrace | None) -> str:
    """The test as text; its name and its docstring are those of the trace."""
    whole = cascade_of(events)
    repeated = [operation for operation in whole.roots if _can_repeat(operation)]
    acted = {(operation.last.sender, operation.last.object_pk) for operation in repeated}
    fired = [operation for operation in whole.roots if operation in repeated or _went_with(operation.last) in acted]
    others = [operation for operation in whole.roots if operation not in fired]
    rows = Rows(events)
    act = [text for operation in repeated for text in _act(operation, rows)]
    expected = shape(Cascade(_with_all_below(fired), fired, {}))
    first = events[0]
    begun = one_line(trace.name if trace else begun_by(first.method, first.path, first.source), 120)
    body = [
        *rows.setup,
        *([""] if rows.setup else []),
        "with signal_log.capture() as seen:",
        *(INDENT + text for text in act),
        *([] if any(not text.startswith("#") for text in act) else [f"{INDENT}pass"]),
        "",
        'seen.assert_tree("""',
        *(INDENT + text for text in expected),
        '""")',
        *changes(repeated),
        *(f"# not repeated: {line(operation)}" for operation in others),
    ]
    ended = one_line(trace.status, 40) if trace else ""
    return written_test(begun, ended, body, rows.imports, "signal_log", rows.has_secrets)


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
    yield f"{name}.save(update_fields={sorted(only)!r})" if isinstance(only, list) else f"{name}.save()"


def _with_all_below(operations: Sequence[Operation]) -> list[Operation]:
    """Causes before effects."""
    found = list(operations)
    for operation in found:  # which grows meanwhile
        found += operation.caused()
    return found


def _is_short(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) < LONGEST


def changes(operations: Sequence[Operation]) -> Iterator[str]:
    """The lines that assert what these operations changed, where a text says the same in every run."""
    for operation in operations:
        if operation.verb != "updated":
            continue
        event = operation.last
        told = [
            f"{name}=({old!r}, {new!r})"
            for name, old, new in pairs(event.changes)
            if name.isidentifier()
            and all(isinstance(side, str) and side != "" and len(side) < 80 for side in (old, new))
            and not re.match(r"\d{4}-\d\d-\d\d|•", new)
        ]
        if told:
            yield f'seen.assert_changed("{event.sender}", {", ".join(told)})'
