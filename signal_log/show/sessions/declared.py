"""What a session's file must hold, field by field: a kind and a range for each, so that no page meets another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from signal_log.event import OUTCOMES
from signal_log.models import DebugSession, SessionTrace
from signal_log.show.sessions.fit import (
    Check,
    Unfit,
    anything,
    by_name,
    flag,
    many,
    maybe,
    moment,
    moment_text,
    one_of,
    record,
    text,
    trace_id,
    tuple_of,
    whole,
)

LONGEST_US: Final = timedelta(days=3_650) // timedelta(microseconds=1)


def _position(value: Any) -> str:
    if not (value.isascii() and value.isdigit() and len(value) < 11):
        raise Unfit("positions")
    kept: str = value
    return kept


def _columns(**checks: Check) -> dict[str, Check]:
    """The texts of a row by the lengths of their columns, with other fields as given."""
    names = ("source", "name", "actor_repr", "status")
    columns = {column.name: column for column in SessionTrace._meta.concrete_fields}
    return {name: text(columns[name].max_length) for name in names} | checks


_STACK: Final = many(tuple_of(text(), text()))
_FIELDS_SENT: Final = many(tuple_of(text(), text()))
_NAME: Final = text()
_COUNT: Final = whole()
_TOOK: Final = whole(0, LONGEST_US)
_SINCE_START: Final = whole(-LONGEST_US, LONGEST_US)

SESSION: Final = record(
    {
        "name": text(),
        "scope": one_of(DebugSession.Scope.values),
        "started_by": text(200),
        "started_at": moment,
        "ended_at": moment,
        "why_ended": text(200),
    }
)
EVENT: Final = record(
    {
        "signal": _NAME,
        "sender": _NAME,
        "using": _NAME,
        "trace_id": trace_id,
        "position": _COUNT,
        "operation": _COUNT,
        "source": _NAME,
        "occurred_at": moment_text,
        "process": _NAME,
    },
    {
        "created": maybe(flag),
        "raw": flag,
        "update_fields": maybe(many(text())),
        "origin": maybe(by_name(anything)),
        "changes": by_name(anything),
        "overwrote": maybe(many(text())),
        "labels": maybe(by_name(anything)),
        "parent_position": maybe(_COUNT),
        "outcome": one_of(OUTCOMES),
        **dict.fromkeys(
            (
                "object_pk", "object_repr", "caused_by", "error", "actor_pk", "actor_repr", "request_id", "method",
                "path", "remote_addr", "call_site",
            ),
            _NAME,
        ),
    },
)  # fmt: skip
CALL: Final = record(
    {
        "position": _COUNT,
        "signal": _NAME,
        "receiver": _NAME,
        "started_us": _SINCE_START,
        "total_us": _TOOK,
        "queries": _COUNT,
        "error": _NAME,
    }
)
REQUEST: Final = record(
    {},
    {
        "method": _NAME,
        "path": _NAME,
        "content_type": _NAME,
        "query": _FIELDS_SENT,
        "form": _FIELDS_SENT,
        "files": many(text()),
    },
)
STATEMENT: Final = tuple_of(_COUNT, maybe(_COUNT), _SINCE_START, _TOOK, _COUNT, text(), whole(-1))
DEEPER: Final = record(
    {},
    {
        "request": maybe(REQUEST),
        "raised": maybe(tuple_of(text(), text())),
        "texts": many(text()),
        "statements": many(STATEMENT),
        "stacks": many(_STACK),
        "operations": by_name(_COUNT, _position),
        "omitted": _COUNT,
    },
)
TRACE: Final = record(
    _columns(
        trace_id=trace_id,
        started_at=moment,
        duration_us=_TOOK,
        events=_COUNT,
        operations=_COUNT,
        failed=_COUNT,
        silent=_COUNT,
        deeper=DEEPER,
        log=many(EVENT),
        calls=many(CALL),
    ),
    {"left_out": _COUNT, "lacks_calls": flag},
)
