"""One event as a body of its own, for relays: the lines of exports, and tombstones of what was redacted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from signal_log.relay.reading import Body
from signal_log.show.export.cloudevents import OWN, CloudEvents
from signal_log.show.export.jsonl import json_text
from signal_log.show.export.ocsf import Ocsf

CLOUDEVENT: Final = "application/cloudevents+json"
JSON: Final = "application/json"
REDACTED: Final = f"{OWN}redacted"
NOTHING: Final[Mapping[str, Any]] = {
    "object_pk": "", "object_repr": "", "actor_pk": "", "actor_repr": "", "changes": {}, "origin": None, "error": "",
    "path": "", "remote_addr": "",
}  # fmt: skip
"""Stands in for what a header lacks."""


def body(kind: str, uid: str, event: Mapping[str, Any], is_tombstone: bool) -> Body | None:
    """The event in a format; None for what the format has no place for. Of a tombstone it is given the header alone."""
    made = _tombstone(kind, uid, event) if is_tombstone else _event(kind, uid, event)
    return None if made is None else Body(json_text(made).encode(), CLOUDEVENT if kind == "cloudevents" else JSON)


def _event(kind: str, uid: str, event: Mapping[str, Any]) -> dict[str, Any] | None:
    if kind == "json":
        return {"uid": uid, **event}
    return _lines(kind).line(event)


def _tombstone(kind: str, uid: str, header: Mapping[str, Any]) -> dict[str, Any] | None:
    """The same id, and that the event was redacted: nothing that could name anybody."""
    told = {"uid": uid, "redacted": True, **header}
    if kind == "json":
        return told
    line = _lines(kind).line({**header, **NOTHING})
    if line is None:
        return None
    if kind == "cloudevents":
        return line | {"type": REDACTED, "data": told}
    bare = {name: value for name, value in line.items() if name not in ("user", "user_result", "entity_result")}
    return bare | {"message": "The event was redacted.", "unmapped": told}


@cache
def _lines(kind: str) -> CloudEvents | Ocsf:
    return CloudEvents({}) if kind == "cloudevents" else Ocsf({})
