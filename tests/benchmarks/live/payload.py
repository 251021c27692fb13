"""An event of about 700 bytes, as both baselines send it."""

from __future__ import annotations

from typing import Any, Final

LIKE: Final = {
    "signal": "post_save",
    "sender": "users.Profile",
    "object_pk": "1815",
    "object_repr": "Ada Lovelace",
    "created": False,
    "changes": {"headline": ["Compiler engineer", "Poet of numbers"], "bio": ["x" * 90, "y" * 90]},
    "receivers": [{"receiver": "users.signals.keep", "us": 120}, {"receiver": "shop.signals.count", "us": 80}],
    "trace_id": "3e9c2f6a-8f55-4a53-9a0a-0c51b6d2a1f7",
    "actor": "grace",
    "source": "http",
    "method": "POST",
    "path": "/accounts/profile/",
    "remote_addr": "198.51.100.7",
    "occurred_at": "2026-11-22T12:00:00.000000Z",
    "digest": "0123456789abcdef" * 4,
}


def event(number: int) -> dict[str, Any]:
    """Return the event with this id."""
    return {"id": number, **LIKE}
