"""Writes the golden vectors of an event's digest: `python -m tests.vectors.event_digests`.

Only for a new version of the format: the file of a version that has been released never changes.
"""

import json
from pathlib import Path

from signal_log.seal.canonical import HEADER_FIELDS, PAYLOAD_FIELDS, canonical, event_digest

FILE = Path(__file__).with_name("event_digest_v1.json")

PLAIN = {
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
    "receivers": [{"receiver": "users.signals.create_profile", "duration_us": 812, "error": ""}],
    "duration_us": 1200,
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
HOSTILE = {
    **PLAIN,
    "object_repr": '\u202e<script>\u0001"\\',
    "changes": {"\ue000": [None, "first?"], "\U00010000": [None, "second?"], "é": [["x", {"b": 1, "a": None}], "🦉"]},
}
DELETED = {
    **PLAIN,
    "signal": "post_delete",
    "created": None,
    "update_fields": ["b", "a"],
    "origin": {"model": "auth.User", "pk": "1"},
    "changes": {"username": ["ada", None], "big": ["9007199254740992", None]},
    "receivers": [],
    "duration_us": None,
    "parent_position": 0,
    "outcome": "rolled_back",
    "error": "ValueError: boom",
}
EVENTS = [(PLAIN, b"0123456789abcdef"), (HOSTILE, bytes(16)), (DELETED, bytes(range(16)))]


def vectors() -> list[dict[str, object]]:
    """Return each event with its salt, its canonical header and payload, and its digest."""
    return [
        {
            "event": event,
            "salt": salt.hex(),
            "header": canonical({name: event[name] for name in HEADER_FIELDS}).decode(),
            "payload": canonical({name: event[name] for name in PAYLOAD_FIELDS}).decode(),
            "digest": event_digest(event, salt).hex(),
        }
        for event, salt in EVENTS
    ]


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), indent=1, ensure_ascii=True) + "\n")
