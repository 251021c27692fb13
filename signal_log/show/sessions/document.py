"""A recorded session as one file (``signal_log.session/1``), to be opened on another machine.

::

    {"format": "signal_log.session/1", "sha256": "…", "session": {…}, "traces": [{…}, …]}

``sha256`` is that of ``{"session": …, "traces": …}`` as JSON in UTF-8 with sorted keys and without spaces.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from signal_log import clock
from signal_log.errors import SessionError
from signal_log.event import Event
from signal_log.models import DebugSession, SessionTrace
from signal_log.show.cascade.operation import Run
from signal_log.show.sessions.caught import Caught, event_from, load
from signal_log.show.words.moments import iso
from signal_log.telemetry.recorded import caught, checked_name
from signal_log.telemetry.sessions import KEPT

FORMAT: Final = "signal_log.session/1"
MOST_BYTES: Final = 256 * 1024 * 1024
AT_ONCE: Final = 100
_LEFT_OUT: Final = ("salt", "digest")
_FIELDS: Final = tuple(name for name in Event._fields if name not in _LEFT_OUT)
_OF_ROW: Final = {
    "source": 100, "name": 520, "actor_repr": 200, "status": 100, "duration_us": None, "events": None,
    "operations": None, "failed": None, "silent": None,
}  # fmt: skip
"""The columns of a trace, with the longest text of those that are text."""
_KEPT: Final[Mapping[str, type]] = {
    "texts": list, "statements": list, "stacks": list, "operations": dict, "omitted": int,
}  # fmt: skip
_STATEMENT: Final = (int, (int, type(None)), int, int, int, str, int)
_CALL: Final = ("position", "signal", "receiver", "started_us", "total_us", "queries", "error")


def as_document(session: DebugSession) -> bytes:
    """The file."""
    held = {
        "session": {
            "name": session.name,
            "scope": session.scope,
            "started_by": session.started_by_repr,
            "started_at": iso(session.started_at),
            "ended_at": iso(session.ended_at or min(session.stops_at, clock.now())),
            "why_ended": session.why_ended,
        },
        "traces": list(_traces(session)),
    }
    try:
        digest = hashlib.sha256(orjson.dumps(held, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except TypeError as error:  # a row of the log that the recorder has not written
        raise SessionError(f"The session holds a value that cannot be exported: {error}.") from error
    return orjson.dumps({"format": FORMAT, "sha256": digest, **held})


def read_document(content: bytes, *, name: str = "") -> tuple[DebugSession, list[SessionTrace]]:
    """The session of a file, not stored yet; raises ``SessionError`` with one sentence if it is none."""
    if len(content) > MOST_BYTES:
        raise SessionError(f"The file is larger than a session can be ({MOST_BYTES // 1024 // 1024} MB).")
    try:
        held = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise SessionError(f"The file is damaged: it is not JSON ({error}).") from None
    form = held.get("format") if isinstance(held, dict) else None
    if form != FORMAT:
        if isinstance(form, str) and form.startswith("signal_log.session/"):
            raise SessionError(f"The file is a session of another version ({form[:40]}); this one reads {FORMAT}.")
        raise SessionError("The file is not a recorded session.")
    whole = {"session": held.get("session"), "traces": held.get("traces")}
    digest = hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()
    if digest != held.get("sha256"):
        raise SessionError("The file is damaged: its content is not what its SHA-256 says.")
    try:
        session = _session(held["session"], name, digest)
        return session, [_trace(given) for given in held["traces"]]
    except SessionError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise SessionError("The file is damaged: it lacks what a session has.") from error


def _traces(session: DebugSession) -> Iterator[dict[str, Any]]:
    rows = list(caught(session))
    for start in range(0, len(rows), AT_ONCE):
        for one in load(session, rows[start : start + AT_ONCE]):
            yield _as_json(one)


def _as_json(one: Caught) -> dict[str, Any]:
    kept = {key: value for key, value in one.kept.items() if key not in ("events", "calls")}
    return {
        "trace_id": str(one.row.trace_id),
        "started_at": iso(one.row.started_at),
        **{name: getattr(one.row, name) for name in _OF_ROW},
        "deeper": kept,
        "log": [
            {name: getattr(event, name) for name in _FIELDS}
            | {"trace_id": str(event.trace_id), "occurred_at": iso(event.occurred_at)}
            for event in one.found
        ],
        "calls": [
            {name: getattr(run, name) for name in _CALL} for runs in one.runs.values() for run in runs
        ],
    }  # fmt: skip


def _session(given: Mapping[str, Any], name: str, digest: str) -> DebugSession:
    ended = datetime.fromisoformat(given["ended_at"])
    if given["scope"] not in DebugSession.Scope.values:
        raise ValueError
    return DebugSession(
        name=checked_name(name or given["name"]),
        scope=given["scope"],
        started_by_repr=_text(given["started_by"], 200),
        started_at=datetime.fromisoformat(given["started_at"]),
        stops_at=ended,
        ended_at=ended,
        expires_at=clock.now() + KEPT,
        why_ended=_text(given["why_ended"], 200),
        imported_from=f"sha256:{digest}",
    )


def _trace(given: dict[str, Any]) -> SessionTrace:
    deeper = _of_kind(given["deeper"], dict)
    kept = {key: _of_kind(deeper[key], kind) for key, kind in _KEPT.items() if key in deeper}
    kept["request"] = deeper.get("request")
    _check(kept)
    kept["events"], kept["calls"] = given["log"], given["calls"]
    for event in kept["events"]:
        _check_event(event_from(event))
    for call in kept["calls"]:
        Run(**call)
        if not all(isinstance(call[name], int) for name in ("position", "started_us", "total_us", "queries")):
            raise TypeError
    data = orjson.dumps(kept).decode()
    return SessionTrace(
        trace_id=uuid.UUID(given["trace_id"]),
        started_at=datetime.fromisoformat(given["started_at"]),
        **{name: _text(given[name], most) if most else _of_kind(given[name], int) for name, most in _OF_ROW.items()},
        bytes=len(data),
        data=data,
    )


def _check(kept: Mapping[str, Any]) -> None:
    """Whether what pages show of it is there."""
    texts, stacks = kept.get("texts", []), kept.get("stacks", [])
    for ran in kept.get("statements", []):
        if not all(isinstance(value, kind) for value, kind in zip(ran, _STATEMENT, strict=True)):  # type: ignore[arg-type]
            raise TypeError
        texts[ran[0]].strip()
        if ran[6] >= 0:
            stacks[ran[6]]
    for at in kept.get("operations", {}).values():
        stacks[at]
    for where, above in (frame for stack in stacks for frame in stack):
        where.strip(), above.strip()


def _check_event(event: Event) -> None:
    texts = ("signal", "sender", "object_pk", "object_repr", "caused_by", "outcome", "error", "source", "call_site")
    if not all(isinstance(getattr(event, name), str) for name in texts) or not isinstance(event.changes, dict):
        raise TypeError
    if not (isinstance(event.position, int) and isinstance(event.operation, int)):
        raise TypeError
    if event.occurred_at.tzinfo is None:
        raise ValueError


def _text(value: Any, most: int) -> str:
    return str(_of_kind(value, str))[:most].replace("\0", "")


def _of_kind(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError
    return value
