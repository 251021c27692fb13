"""The frames of the websocket: texts out, checked messages in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from signal_log.errors import CursorError, FilterError
from signal_log.filters import Filters
from signal_log.tail.cursor import Anchor, Token

BAD_MESSAGE: Final = 4400
NOT_LOGGED_IN: Final = 4401
NO_PERMISSION: Final = 4403
NOT_ACKNOWLEDGED: Final = 4408
TOO_MUCH: Final = 4429
RESTARTING: Final = 1012
# Clients reconnect, unlike after 44xx. Not 1011 and 1013: daphne lets an application name only 1000 and 3000 to 4999.
INTERNAL_ERROR: Final = 4500
TRY_AGAIN_LATER: Final = 4503

MAX_MESSAGE_BYTES: Final = 64 * 1024
MAX_BACKFILL: Final = 1000
EVENTS_PER_FRAME: Final = 200
BYTES_PER_FRAME: Final = 64 * 1024


class MessageError(Exception):
    """A message that cannot be answered; ``fatal`` when the socket must be closed with 4400."""

    def __init__(
        self, code: str, detail: str, *, fatal: bool = False, places: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.fatal = fatal
        self.places = places
        """Of a query that cannot be read: its problems, each with the place in it."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Start, or change, what this socket gets."""

    after: Token | None
    backfill: int
    filters: Filters
    clamped: bool = False
    """Whether the backfill asked for was out of bounds and was changed to the nearest bound."""


@dataclass(frozen=True, slots=True)
class Ack:
    """The client has everything up to the frame that held this id."""

    id: int


@dataclass(frozen=True, slots=True)
class Ping:
    """The client asks for a heartbeat."""


Message = Subscribe | Ack | Ping


@dataclass(frozen=True, slots=True)
class Encoded:
    """An event, encoded once for everybody."""

    anchor: Anchor
    event: Mapping[str, Any]
    text: str
    size: int

    @property
    def id(self) -> int:
        return self.anchor.id


@dataclass(slots=True)
class Frame:
    """An ``events`` frame and what a window must know of it."""

    text: str
    events: Sequence[Encoded]
    ids: Sequence[int]
    size: int
    prepared: Any = None
    """What a server has made of it for all its sockets (``framed.py``)."""


def encode(event: Mapping[str, Any]) -> Encoded:
    """An event of ``store.read.as_mapping`` as JSON, whatever text it holds."""
    try:
        text = orjson.dumps(event).decode()
    except TypeError:  # a lone surrogate or an integer beyond 64 bits: slow, but it must not stop the tail
        text = json.dumps(event, ensure_ascii=True, separators=(",", ":"))
    size = len(text) if text.isascii() else len(text.encode())
    return Encoded(anchor_of(event), event, text, size)


def anchor_of(event: Mapping[str, Any]) -> Anchor:
    """The row that this event is, as a cursor names it."""
    return Anchor(event["id"], event["digest"][:8])


def frames(events: Sequence[Encoded], epoch: str, settled: Anchor) -> Iterator[Frame]:
    """The events, in order of id, as frames of bounded size, each with the cursor that holds after it."""
    for chunk in chunks(events):
        # An early frame must not promise what the frames behind it still carry.
        reached = settled if chunk[-1] is events[-1] else min(settled, chunk[-1].anchor)
        yield events_frame(chunk, Token(epoch, reached))


def events_frame(events: Sequence[Encoded], cursor: Token) -> Frame:
    """One ``events`` frame."""
    text = f'{{"type":"events","events":[{",".join(e.text for e in events)}],"cursor":"{cursor}"}}'
    return Frame(text, events, [e.id for e in events], sum(e.size for e in events))


def chunks(events: Iterable[Encoded]) -> Iterator[list[Encoded]]:
    """The events in pieces of a frame's size."""
    chunk: list[Encoded] = []
    size = 0
    for event in events:
        if chunk and (len(chunk) == EVENTS_PER_FRAME or size + event.size > BYTES_PER_FRAME):
            yield chunk
            chunk, size = [], 0
        chunk.append(event)
        size += event.size
    if chunk:
        yield chunk


def ready(cursor: Token, server_time: str, health: Mapping[str, str]) -> str:
    """The answer to ``subscribe``; ``layer`` and ``database`` are ``ok`` or ``down``."""
    return _text({"type": "ready", "cursor": str(cursor), "server_time": server_time, **health})


def heartbeat(cursor: Token | None, head: int, health: Mapping[str, str]) -> str:
    """Sent every 15 s, in answer to ``ping``, and whenever the layer or the database is back."""
    place = None if cursor is None else str(cursor)
    return _text({"type": "heartbeat", "cursor": place, "head": head, **health})


def reset(reason: str, oldest: int) -> str:
    """The cursor given cannot be continued; a fresh start follows."""
    return _text({"type": "reset", "reason": reason, "oldest": oldest})


def error(code: str, detail: str, places: Sequence[Mapping[str, Any]] = ()) -> str:
    """Something went wrong that the socket survives, or the reason for the close that follows."""
    at = {name: places[0][name] for name in ("at", "length")} if places else {}
    return _text({"type": "error", "code": code, "detail": detail, **at, **({"problems": places} if places else {})})


def _text(frame: Mapping[str, Any]) -> str:
    return orjson.dumps(frame).decode()


def decode(text: str | None, data: bytes | None = None) -> Message:
    """The message in a frame from the client; raises ``MessageError`` with a code and a sentence."""
    if text is None or data is not None:
        raise MessageError("bad_message", "Messages are JSON text frames; this was a binary one.", fatal=True)
    # No character is more than four bytes, so most texts need no encoding to be measured.
    if len(text) * 4 > MAX_MESSAGE_BYTES and len(text.encode("utf-8", "replace")) > MAX_MESSAGE_BYTES:
        raise MessageError("bad_message", f"A message has at most {MAX_MESSAGE_BYTES} bytes.", fatal=True)
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise MessageError("bad_message", "This is not JSON.", fatal=True) from None
    if not isinstance(message, dict):
        raise MessageError("bad_message", 'A message is a JSON object with a "type".')
    kind = message.get("type")
    if kind == "subscribe":
        return _subscribe(message)
    if kind == "ack":
        return Ack(_whole(message.get("id"), "id"))
    if kind == "ping":
        return Ping()
    raise MessageError("unknown_type", "The types of messages are subscribe, ack and ping.")


def _subscribe(message: Mapping[str, Any]) -> Subscribe:
    after = message.get("after")
    if not (after is None or isinstance(after, str)):
        raise MessageError("bad_cursor", "after must be a cursor, which is a text, or null.")
    asked = message.get("backfill")
    backfill = 0 if asked is None else _whole(asked, "backfill")
    clamped = min(max(backfill, 0), MAX_BACKFILL)
    try:
        return Subscribe(
            after=None if after is None else Token.parse(after),
            backfill=clamped,
            filters=Filters.parse(message.get("filters")).must_be_followed(),
            clamped=clamped != backfill,
        )
    except CursorError as problem:
        raise MessageError("bad_cursor", str(problem)) from None
    except FilterError as problem:
        places = [one.as_json() for one in problem.places]
        raise MessageError("bad_filter", str(problem), places=places) from None


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise MessageError(f"bad_{name}", f"{name} must be a whole number.")
    return value
