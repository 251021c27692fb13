"""Writes the golden vectors of an event's digest: `python -m tests.vectors.event_digests`.

Only for a new version of the format: the file of a version that has been released never changes.
"""

from __future__ import annotations

import json
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any, Final

from signal_log.event import HEADER_FIELDS, PAYLOAD_FIELDS, SUBJECT_FIELDS
from signal_log.seal.canonical import event_digest, parts
from tests.vectors.random_events import random_event

FILE: Final = Path(__file__).with_name("event_digest_v2.json")
FIELDS: Final = (*HEADER_FIELDS, *SUBJECT_FIELDS, *PAYLOAD_FIELDS)
RANDOM: Final = 20
LONGEST: Final = 2_000

PLAIN: Final[dict[str, Any]] = {
    "signal": "post_save",
    "sender": "auth.User",
    "object_pk": "1",
    "object_repr": "ada",
    "created": True,
    "raw": False,
    "using": "default",
    "update_fields": None,
    "origin": None,
    "changes": {"username": [None, "ada"], "is_staff": [None, False], "id": [None, 1]},
    "overwrote": [],
    "labels": None,
    "trace_id": "11111111-2222-4333-8444-555555555555",
    "position": 2,
    "parent_position": None,
    "operation": 1,
    "caused_by": "",
    "outcome": "committed",
    "error": "",
    "actor_pk": "",
    "actor_repr": "anonymous",
    "source": "http",
    "request_id": "r-1",
    "method": "POST",
    "path": "/accounts/register/",
    "remote_addr": "198.51.100.7",
    "call_site": "users/views.py:58 in form_valid",
    "occurred_at": "2026-11-22T09:42:17.950112Z",
    "process": "host:1",
}
ASTRAL: Final = {"\ue000": "first?", "\U00010000": "second?", "é": {"\U0001f989": 1, "\uffff": [{"b": 1, "a": None}]}}
"""RFC 8785 sorts keys by UTF-16 code unit: those above U+FFFF come before those from U+E000 on."""
HOSTILE: Final = {
    **PLAIN,
    "object_repr": '\u202e<script>\u0001"\\\u2028\x7f',
    "object_pk": "\U0001f989\x00",
    "changes": {name: [None, value] for name, value in ASTRAL.items()},
    "labels": ASTRAL,
    "origin": {"model": "auth.User", "pk": "🦉", **ASTRAL},
    "update_fields": ["\ue000", "\U00010000"],
    "overwrote": ["\U00010000", "\ue000"],
    "actor_pk": "eve@example.org",
    "error": "DETAIL: \ud7ff\ue000\U0010ffff",
}
DELETED: Final = {
    **PLAIN,
    "signal": "post_delete",
    "created": None,
    "update_fields": ["b", "a"],
    "origin": {"pk": "1", "model": "auth.User"},
    "changes": {"username": ["ada", None], "big": ["9007199254740992", None], "most": [2**53 - 1, -(2**53) + 1]},
    "overwrote": ["username"],
    "labels": {"job": "import", "row": 5},
    "parent_position": 0,
    "outcome": "rolled_back",
    "error": "ValueError: boom",
}


def events() -> list[tuple[dict[str, Any], bytes]]:
    """Return each event with its salts."""
    by_hand = [(PLAIN, b"0123456789abcdef" * 2), (HOSTILE, bytes(32)), (DELETED, bytes(range(32)))]
    dice = Random(2)
    drawn = (_sealable(random_event(dice)) for _ in count())
    short = (event for event in drawn if len(json.dumps(event)) <= LONGEST)
    return by_hand + [(event, dice.randbytes(32)) for event in islice(short, RANDOM)]


def vectors() -> list[dict[str, object]]:
    """Return each event with its salts, its parts as canonical JSON, and its digest."""
    return [
        {
            "event": event,
            "salt": salt.hex(),
            **{name: part.decode() for name, part in parts(event)._asdict().items()},
            "digest": event_digest(event, salt).hex(),
        }
        for event, salt in events()
    ]


def _sealable(event: dict[str, Any]) -> dict[str, Any]:
    """The sealed fields of an event, without the lone surrogates that no recorder stores."""
    whole = json.dumps({name: event[name] for name in FIELDS}, ensure_ascii=False)
    return dict(json.loads(whole.encode("utf-8", "replace")))


if __name__ == "__main__":
    lines = ",\n".join(map(json.dumps, vectors()))
    FILE.write_text(f"[\n{lines}\n]\n")
