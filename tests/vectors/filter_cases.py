"""Filters as addresses spell them, and events that match some of them and not others."""

from __future__ import annotations

from typing import Any, Final

TRACE: Final = "11111111-2222-3333-4444-555555555555"

PRE: Final = {"signal": "pre_save", "created": None}

EVENTS: Final[list[dict[str, Any]]] = [
    {"object_pk": "1", "object_repr": "ada", "actor_pk": "7", "actor_repr": "grace"},
    {"object_pk": "2", "object_repr": "Grace", "actor_pk": "8", "actor_repr": "ada", "source": "shell", **PRE},
    {"sender": "users.Profile", "object_repr": "ada's", "outcome": "rolled_back", "error": "KeyError: 9%"},
    {"trace_id": TRACE, "changes": {"bio": [None, "Compiler_builder ÄÖ"]}, "caused_by": "users.signals.sync"},
    {"object_repr": "100% <b>", "path": "/a_b/", "changes": {"tags": [["x"], ["x", {"colour": 'Says "hi"'}]]}},
    {"object_repr": "!important", "actor_repr": "🎈", "changes": {"is_staff": [False, True], "stock": [41, 42]}},
    {"sender": "shop.Book", "object_pk": "9", "object_repr": "Dune"},
    {"object_repr": "by somebody called 8", "actor_pk": "12", "actor_repr": "8"},
]  # fmt: skip
"""The differences from the default event (``tests.factories.event_value``)."""

QUERIES: Final = (
    "",
    "sender=auth.User",
    "sender=auth.User&sender=users.Profile&signal=!pre_save",
    "sender=%21users.Profile",
    "signal=post_save&outcome=!committed",
    "actor=ada",
    "actor=8",
    "actor_pk=8",
    "actor_pk=ada&actor_name=!8",
    "actor_name=ada",
    "actor_name=8",
    "actor_pk=!7&actor_name=!ada",
    "actor=!ada&actor=!nobody",
    "actor=%F0%9F%8E%88",
    "object=1",
    "object=users.Profile/1",
    "object=shop.Item/9",
    "object=!shop.cheapitem/9",
    "object=users.Profile/9",
    "object=GRACE",
    "object=!ada",
    "object=%21%21important",
    "outcome=rolled_back&outcome=failed",
    "source=shell",
    f"trace={TRACE}",
    f"trace=!{TRACE}",
    # Telemetry has no times of these events.
    "took=%3E100ms",
    "took=%3C2s&took=1.5s",
    "source=shell&took=!%3E250us",
    "q=compiler",
    "q=compiler_b",
    "q=100%25",
    "q=_",
    "q=colour",
    "q=sync",
    "q=says+%22hi%22",
    "q=!ada",
    "q=a%26b%3D%C3%BC",
    "q=TRUE",
    "q=42",
    "sender=users.Profile&q=keyerror",
    "q=nowhere+to+be+found",
    "q=two%0Alines%09and+%E2%80%AEturned",
    "q=" + "x" * 100,
    # Invalid filters are ignored.
    "sender=&actor=!",
    "object=!!",
)
