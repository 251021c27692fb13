"""Says in plain words what a proof shows, for a terminal (pure; no Django)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from signal_log.seal.verify.proof import Proved

LONGEST: Final = 500
"""Characters of one value."""
_VERBS: Final = {
    "pre_save": "is about to save", "pre_delete": "is about to delete", "post_delete": "deleted",
    "m2m_changed": "changed the relations of", "silent_insert": "inserted, without a signal,",
    "silent_update": "updated, without a signal,", "silent_delete": "deleted, without a signal,",
}  # fmt: skip
_WHY: Final = "they were redacted, or whoever made the file left them out;"
_OUTCOMES: Final = {
    "rolled_back": "It was rolled back: nothing of it stayed.", "failed": "It failed: nothing of it stayed.",
}  # fmt: skip


def said(proved: Proved) -> Iterator[str]:
    """What the event tells, and what shows it, a sentence each."""
    header, subject, payload = proved.header, proved.subject, proved.payload
    yield f"{_moment(header)}: {_actor(subject, payload)} {_verb(header)} {_object(header, subject, payload)}."
    if header.get("outcome") in _OUTCOMES:
        yield _OUTCOMES[header["outcome"]]
    if payload is None:
        yield f"Names and values are not in this file: {_WHY} their hash is, so that the rest can still be proved."
    else:
        yield from _details(header, payload)
    if subject is None:
        yield f"The keys of the row and of the account are not in this file: {_WHY} their hash is."
    checkpoint = proved.checkpoint
    number = "" if proved.said_id is None else f", by its own account event {proved.said_id}"
    yield f"Sealed at index {proved.index:,} of {checkpoint.size:,} in the log {checkpoint.origin}{number}."
    yield f"Signed by the log's key {proved.key.key_id.hex()}."
    for key, time in proved.witnesses.items():
        at = datetime.fromtimestamp(time, UTC)
        yield f"Countersigned by {key.name} at {at:%Y-%m-%d %H:%M:%S} UTC: by then it existed just so."


def printable(text: str) -> str:
    """Without anything that a terminal would obey, or that would show text in another order."""
    shown = "".join(one if one.isprintable() else f"\\u{{{ord(one):x}}}" for one in text[:LONGEST])
    return f"{shown}…" if len(text) > LONGEST else shown


def _moment(header: Mapping[str, Any]) -> str:
    text = str(header.get("occurred_at", "at an unknown time"))
    return printable(f"{text[:10]} {text[11:19]} UTC" if len(text) > 19 else text)


def _actor(subject: Mapping[str, Any] | None, payload: Mapping[str, Any] | None) -> str:
    name = str((payload or {}).get("actor_repr") or "")
    key = str((subject or {}).get("actor_pk") or "")
    if name and key:
        return printable(f"{name} (account {key})")
    return printable(name or (f"account {key}" if key else "somebody"))


def _verb(header: Mapping[str, Any]) -> str:
    signal = str(header.get("signal", ""))
    if signal == "post_save":
        return "created" if header.get("created") else "changed"
    return _VERBS.get(signal, f"caused the signal {printable(signal)} of")


def _object(header: Mapping[str, Any], subject: Mapping[str, Any] | None, payload: Mapping[str, Any] | None) -> str:
    key = str((subject or {}).get("object_pk") or "")
    name = str((payload or {}).get("object_repr") or "")
    parts = [str(header.get("sender", "")), key, f"“{name}”" if name else ""]
    return printable(" ".join(part for part in parts if part))


def _details(header: Mapping[str, Any], payload: Mapping[str, Any]) -> Iterator[str]:
    changes = payload.get("changes")
    for name, pair in changes.items() if isinstance(changes, dict) else ():
        old, new = pair if isinstance(pair, list) and len(pair) == 2 else (None, pair)
        yield f"  {printable(str(name))}: {_value(old)} → {_value(new)}"
    request = " ".join(str(one) for one in (header.get("method"), payload.get("path")) if one)
    address = payload.get("remote_addr")
    if request:
        yield f"  by {printable(request)}{f' from {printable(str(address))}' if address else ''}"
    for name in ("error", "labels"):
        if payload.get(name):
            yield f"  {name}: {_value(payload[name])}"


def _value(value: Any) -> str:
    return printable(value if isinstance(value, str) else orjson.dumps(value).decode())
