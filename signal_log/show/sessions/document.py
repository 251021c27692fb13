"""A recorded session as one file (``signal_log.session/1``), to be opened on another machine.

::

    {"format": "signal_log.session/1", "sha256": "…", "session": {…}, "traces": [{…}, …]}

``sha256`` is that of ``{"session": …, "traces": …}`` as JSON in UTF-8 with sorted keys and without spaces.
"""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from signal_log import clock
from signal_log.errors import SessionError
from signal_log.event import Event
from signal_log.models import DebugSession, SessionTrace
from signal_log.show.cascade.shared_out import level
from signal_log.show.sessions.caught import Caught, event_numbers, load
from signal_log.show.sessions.declared import SESSION, TRACE
from signal_log.show.sessions.fit import Unfit
from signal_log.show.sessions.parts import MOST_BYTES, taken_apart, traces
from signal_log.show.words.moments import iso
from signal_log.telemetry.recorded import caught, checked_name
from signal_log.telemetry.sessions import KEPT

FORMAT: Final = "signal_log.session/1"
MOST_EVENTS: Final = 100_000
TRACES_AT_ONCE, EVENTS_AT_ONCE = 20, 5_000
"""So much is in memory together while it is written."""
_NOT_DEEPER: Final = ("events", "calls", "left_out", "lacks_calls")
_LEFT_OUT: Final = ("salt", "digest")
_FIELDS: Final = tuple(name for name in Event._fields if name not in _LEFT_OUT)
_OF_ROW: Final = ("source", "name", "actor_repr", "status", "duration_us", "events", "operations", "failed", "silent")
_CALL: Final = ("position", "signal", "receiver", "started_us", "total_us", "queries", "error")


class Written(NamedTuple):
    """A session's file, and of how many traces it has only the first events."""

    content: bytes
    cut: int


def as_document(session: DebugSession) -> bytes:
    """The file."""
    return written(session).content


def written(session: DebugSession) -> Written:
    """The file. It is never larger than what can be read: the largest traces are cut, and say so."""
    rows = list(caught(session).defer("data"))
    numbers = event_numbers(session, rows)
    share = level(numbers.values(), MOST_EVENTS)
    while True:
        found = _written(session, rows, numbers, share)
        if found is not None:
            return found
        if not share:
            raise SessionError(f"The session is larger than a file of one can be ({MOST_BYTES // 1024 // 1024} MB).")
        share //= 2


def _written(
    session: DebugSession, rows: Sequence[SessionTrace], numbers: Mapping[uuid.UUID, int], share: int
) -> Written | None:
    """The file with at most ``share`` events of each trace; None if that is too large."""
    head = {
        "name": session.name,
        "scope": session.scope,
        "started_by": session.started_by_repr,
        "started_at": iso(session.started_at),
        "ended_at": iso(session.ended_at or min(session.stops_at, clock.now())),
        "why_ended": session.why_ended,
    }
    digest = _Digest(head)
    begin = b'{"format":"%s","sha256":"' % FORMAT.encode()
    out, between, cut = io.BytesIO(), b"", 0
    out.write(begin + b"0" * 64 + b'","session":' + orjson.dumps(head) + b',"traces":[')
    try:
        for keys in _batches(rows, numbers, share):
            for one in load(session, list(caught(session).filter(pk__in=keys)), share):
                told = _as_json(one)
                one.forget()
                digest.add(told)
                out.write(between + orjson.dumps(told))
                between = b","
                cut += not one.is_whole
                if out.tell() > MOST_BYTES - len(b"]}"):
                    return None
    except TypeError as error:  # a row of the log that the recorder has not written
        raise SessionError(f"The session holds a value that cannot be exported: {error}.") from error
    out.write(b"]}")
    out.seek(len(begin))
    out.write(digest.hex().encode())
    return Written(out.getvalue(), cut)


def _batches(rows: Sequence[SessionTrace], numbers: Mapping[uuid.UUID, int], share: int) -> Iterator[list[int]]:
    """The keys of traces that are in memory together while they are written."""
    keys: list[int] = []
    room = EVENTS_AT_ONCE
    for row in rows:
        room -= min(numbers.get(row.trace_id, 0), share)
        if keys and (room < 0 or len(keys) == TRACES_AT_ONCE):
            yield keys
            keys, room = [], EVENTS_AT_ONCE
        keys.append(row.pk)
    if keys:
        yield keys


def read_document(content: bytes, *, name: str = "") -> tuple[DebugSession, list[SessionTrace]]:
    """The session of a file, not stored yet; raises ``SessionError`` with one sentence if it is none."""
    parts = taken_apart(content)
    head, form = parts.head, parts.head.get("format")
    if form != FORMAT:
        if isinstance(form, str) and form.startswith("signal_log.session/"):
            raise SessionError(f"The file is a session of another version ({form[:40]}); this one reads {FORMAT}.")
        raise SessionError("The file is not a recorded session.")
    if head.get("traces") != [] or "session" not in head:
        raise SessionError("The file is damaged: it lacks what a session has.")
    found: dict[str, SessionTrace] = {}
    unfit: SessionError | None = None
    try:
        digest = _Digest(head["session"])
        for number, given in enumerate(traces(content, parts)):
            digest.add(given)
            try:
                trace = None if unfit else _trace(given)
            except Unfit as error:
                unfit = SessionError(f"The file is damaged: in trace {number + 1}, {error}.")
                continue
            if trace is not None and found.setdefault(str(trace.trace_id), trace) is not trace:
                unfit = SessionError(f"The file is damaged: trace {number + 1} is in it twice.")
    except TypeError as error:
        raise SessionError(f"The file is damaged: {error}.") from error
    if digest.hex() != head.get("sha256"):
        raise SessionError("The file is damaged: its content is not what its SHA-256 says.")
    if unfit:
        raise unfit
    try:
        return _session(SESSION(head["session"]), name, digest.hex()), list(found.values())
    except Unfit as error:
        raise SessionError(f"The file is damaged: of the session, {error}.") from error


class _Digest:
    """The SHA-256 of a session and its traces, which are added one at a time."""

    def __init__(self, session: Any) -> None:
        self._hash = hashlib.sha256(b'{"session":' + _canonical(session) + b',"traces":[')
        self._between = b""

    def add(self, trace: Any) -> None:
        """The next of its traces."""
        self._hash.update(self._between + _canonical(trace))
        self._between = b","

    def hex(self) -> str:
        """The digest of all that was added."""
        whole = self._hash.copy()
        whole.update(b"]}")
        return whole.hexdigest()


def _canonical(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _as_json(one: Caught) -> dict[str, Any]:
    kept = {key: value for key, value in one.kept.items() if key not in _NOT_DEEPER}
    return {
        "trace_id": str(one.row.trace_id),
        "started_at": iso(one.row.started_at),
        **{name: getattr(one.row, name) for name in _OF_ROW},
        "deeper": kept,
        **({"left_out": one.left_out} if one.left_out else {}),
        **({"lacks_calls": True} if one.lacks_calls else {}),
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
    return DebugSession(
        name=checked_name(name or given["name"]),
        scope=given["scope"],
        started_by_repr=given["started_by"],
        started_at=given["started_at"],
        stops_at=given["ended_at"],
        ended_at=given["ended_at"],
        expires_at=clock.now() + KEPT,
        why_ended=given["why_ended"],
        imported_from=f"sha256:{digest}",
    )


def _trace(given: Any) -> SessionTrace:
    fit = TRACE(given)
    kept = fit["deeper"]
    _check_numbers(kept)
    if any(event["trace_id"] != fit["trace_id"] for event in fit["log"]):
        raise Unfit("that trace's", "the trace_id of an event")
    known = {name: fit[name] for name in ("left_out", "lacks_calls") if fit.get(name)}
    data = orjson.dumps(kept | {"events": fit["log"], "calls": fit["calls"]} | known).decode()
    fit["events"] = max(fit["events"], len(fit["log"]))
    return SessionTrace(
        trace_id=uuid.UUID(fit["trace_id"]),
        started_at=fit["started_at"],
        **{name: fit[name] for name in _OF_ROW},
        bytes=len(data),
        data=data,
    )


def _check_numbers(kept: Mapping[str, Any]) -> None:
    """Whether the texts and stacks that statements and operations name are there."""
    texts, stacks = (len(kept.get(name, ())) for name in ("texts", "stacks"))
    statements = kept.get("statements", ())
    if any(ran[0] >= texts for ran in statements):
        raise Unfit("that of a text", "the first number of a statement")
    if any(ran[6] >= stacks for ran in statements) or any(at >= stacks for at in kept.get("operations", {}).values()):
        raise Unfit("that of a stack", "the number of a stack")
