"""Frames of the live websocket as a server sends them, for pages that talk to a server faked by a test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

Send = Callable[[str], None]


def ready() -> str:
    """Return the answer to a subscription, at ten past two."""
    moment = "2026-11-22T14:10:00.000000Z"
    return json.dumps({"type": "ready", "cursor": "c", "server_time": moment, "layer": "ok", "database": "ok"})


def reset(reason: str, oldest: int) -> str:
    """Return the message that a cursor cannot be continued."""
    return json.dumps({"type": "reset", "reason": reason, "oldest": oldest})


def events(numbers: Iterable[int], minute: int = 5) -> str:
    """Return users created with these ids at this minute past two."""
    return json.dumps({"type": "events", "cursor": "c", "events": [event(n, minute) for n in numbers]})


def event(number: int, minute: int) -> dict[str, Any]:
    """Return one user's creation, as the server encodes it."""
    texts = dict.fromkeys(("caused_by", "error", "actor_pk", "actor_repr", "request_id", "method", "path"), "")
    return texts | {
        "id": number,
        "signal": "post_save",
        "sender": "auth.User",
        "object_pk": str(number),
        "object_repr": f"u{number}",
        "created": True,
        "raw": False,
        "using": "default",
        "update_fields": None,
        "origin": None,
        "changes": {},
        "trace_id": f"00000000-0000-4000-8000-{number:012}",
        "position": 1,
        "parent_position": None,
        "operation": 1,
        "outcome": "committed",
        "source": "http",
        "remote_addr": "",
        "call_site": "",
        "occurred_at": f"2026-11-22T14:{minute:02}:00.000000Z",
        "process": "p:1",
        "salt": "00",
        "digest": "00",
        "redacted_at": None,
    }


def answering(answers: Callable[[Any, int], None]) -> Callable[[Any], None]:
    """Return a server for `page.route_web_socket` that calls `answers(socket, nth)` for each subscription."""
    subscriptions: list[str] = []

    def serve(socket: Any) -> None:
        def hear(message: str) -> None:
            if json.loads(message)["type"] == "subscribe":
                subscriptions.append(message)
                answers(socket, len(subscriptions))

        socket.on_message(hear)

    return serve


def history(page: Any, answers: Callable[[dict[str, list[str]]], dict[str, Any]] | None = None) -> None:
    """Fake the table: `answers` maps the query of each request for older events; without it there are none."""

    def serve(route: Any) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        empty = {"events": [], "older": None, "newer": None, "searched_to": None, "since": None, "until": None}
        route.fulfill(json=empty | (answers(query) if answers else {}))

    page.route("**/events/?*format=json*", serve)
    counts(page, [])


def counts(page: Any, seconds: list[list[int]], *, since: str = "2026-11-22T14:00:00Z", complete: bool = True) -> None:
    """Fake the counts of the last ten minutes: Unix seconds, and a number for each kind."""
    kinds = ["created", "updated", "deleted", "undone", "failed", "other"]
    answer = {"kinds": kinds, "seconds": seconds, "since": since, "complete": complete}
    facets = {name: {"values": [], "more": 0} for name in ("model", "signal", "actor", "outcome", "source")}
    answer |= {"grain": 10, "facets": facets, "newest": None if complete else 50_000}
    page.route("**/events/?*format=facets*", lambda route: route.fulfill(json=answer))
