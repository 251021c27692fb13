"""A trace as a JSON document for programs and agents (``signal_log.trace/1``): findings first, then flat operations.

``cause`` points up, so that any part of a huge trace is valid by itself. The format is in ``docs/reference.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from signal_log.show.cascade.findings import Finding, findings
from signal_log.show.cascade.operation import Cascade, Operation, number_shapes
from signal_log.show.cascade.phrase import line
from signal_log.show.words.remarks import failure

FORMAT: Final = "signal_log.trace/1"
PAGE: Final = 500
"""How many folded operations one document holds; ``next`` is the position to ask for then."""


def document(
    head: dict[str, Any],
    cascade: Cascade,
    *,
    telemetry: str,
    after: int = 0,
    most: int = PAGE,
    total: int | None = None,
    beyond: int | None = None,
) -> dict[str, Any]:
    """The document; ``head`` holds what is known of the trace as a whole: id, name, source, status, actor, times.

    ``telemetry`` says how much is known of times: ``complete``, ``pending``, ``dropped`` or ``expired``. ``after`` is
    the ``next`` of the part before. Of a trace too large to be read at once, ``cascade`` is a part, ``total`` is the
    number of all its operations, and ``beyond`` where the next part begins.
    """
    operations = folded_operations(cascade)
    rest = [(operation, times) for operation, times in operations if operation.position > after]
    shown = rest[:most]
    return {
        "format": FORMAT,
        **head,
        "findings": [finding_as_json(found) for found in findings(cascade, head.get("duration_us") or 0)],
        "operations": [operation_as_json(operation, times) for operation, times in shown],
        "telemetry": telemetry,
        "shown": len(shown),
        "total": len(operations) if total is None else total,
        "next": shown[-1][0].position if len(rest) > most else beyond,
    }


def folded_operations(cascade: Cascade) -> list[tuple[Operation, int]]:
    """The operations by position, equal neighbours of one cause as the first of them with their number."""
    number_shapes(cascade, line)
    found: list[tuple[Operation, int]] = []
    pending: list[Sequence[Operation]] = [cascade.roots, *cascade.orphans.values()]
    while pending:
        for _, equal in groupby(pending.pop(), key=lambda operation: operation.shape):
            alike = list(equal)
            found.append((alike[0], len(alike)))
            pending += [cause.operations for cause in alike[0].causes()]
    return sorted(found, key=lambda one: one[0].position)


def finding_as_json(found: Finding) -> dict[str, Any]:
    """One finding."""
    return {
        "id": found.id,
        "kind": found.kind,
        "receiver": found.receiver,
        "positions": list(found.positions),
        "text": found.text,
        "fix": found.fix,
    }


def operation_as_json(operation: Operation, times: int = 1) -> dict[str, Any]:
    """One operation, or the first of ``times`` equal ones."""
    event = operation.last
    position = operation.first.parent_position
    cause = None if position is None else {"position": position, "receiver": operation.receiver}
    return {
        "position": operation.position,
        "verb": operation.verb,
        "signal": event.signal,
        "model": event.sender,
        "pk": event.object_pk,
        "repr": event.object_repr,
        "times": times,
        "outcome": event.outcome,
        "error": failure(event) or failure(operation.first),
        "cause": cause,
        "changes": event.changes,
        "call_site": event.call_site,
        "receivers": [
            {
                "name": run.receiver,
                "signal": run.signal,
                "position": run.position,
                "total_us": run.total_us,
                "self_us": run.self_us,
                "queries": run.queries,
                "error": run.error,
            }
            for run in operation.runs
        ],
    }
