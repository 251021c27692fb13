"""Takes a session's file apart, to be parsed trace by trace: parsed at once it may need forty times its size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from signal_log.errors import SessionError
from signal_log.telemetry.sessions import MAX_BYTES, MAX_TRACES

MOST_BYTES: Final = MAX_BYTES + 32 * 1024 * 1024
"""What deeper capture kept of a session, and its events."""
DEEPEST: Final = 40
"""The recorder keeps JSON of 20 levels; they stand in the changes of an event of a trace."""
MOST_BRACKETS, MOST_COMMAS = 1_000_000, 4_000_000
"""Of one trace. Each stands for a value, which needs up to a hundred bytes."""

_NEXT_BRACKET: Final = re.compile(rb'(?:[^\[\]{}"]++|"(?:[^"\\]++|\\.)*+")*+([\[\]{}])', re.DOTALL)
"""Outside texts. Nothing is tried twice, so an unended text costs one pass."""
_TRACES_BEGIN: Final = re.compile(rb'"traces"\s*:\s*\Z')
_LONGEST_KEY: Final = 60


class Parts(NamedTuple):
    """The file without its traces, and where each of these is."""

    head: dict[str, Any]
    spans: list[tuple[int, int]]


def read(path: Path) -> bytes:
    """The content of a file that is not too large to be one; raises ``OSError`` and ``SessionError``."""
    with path.open("rb") as file:
        if path.stat().st_size > MOST_BYTES:
            raise SessionError(_TOO_LARGE)
        return file.read(MOST_BYTES + 1)


def taken_apart(content: bytes) -> Parts:
    """The parts of a file; raises ``SessionError``."""
    if len(content) > MOST_BYTES:
        raise SessionError(_TOO_LARGE)
    begin, end, spans = _found(content)
    text = content if end < 0 else content[:begin] + content[end:]
    if text.count(b",") > MOST_COMMAS:
        raise SessionError(_TOO_MUCH)
    head = _parsed(text)
    if not isinstance(head, dict):
        raise SessionError("The file is not a recorded session.")
    return Parts(head, spans)


def traces(content: bytes, parts: Parts) -> Iterator[Any]:
    """Each trace as JSON, one at a time."""
    last = None
    for begin, end in parts.spans:
        if last is not None and content[last:begin].strip() != b",":
            raise SessionError("The file is damaged: it is not JSON.")
        last = end
        yield _parsed(content[begin:end])


def _found(content: bytes) -> tuple[int, int, list[tuple[int, int]]]:
    """Where the list of traces begins and ends, -1 if there is none, and where each trace does."""
    depth = number = since = trace = 0
    begin = end = -1
    spans: list[tuple[int, int]] = []
    at = -1
    while bracket := _NEXT_BRACKET.match(content, at + 1):
        at = bracket.start(1)
        if content[at] in b"[{":
            depth += 1
            number += 1
            if depth > DEEPEST:
                raise SessionError("The file is damaged: it is nested deeper than a session.")
            if depth == 2 and begin < 0 and _TRACES_BEGIN.search(content, max(0, at - _LONGEST_KEY), at):
                begin = at + 1
            elif depth == 3 and begin >= 0 > end:
                trace, since = at, number
            continue
        depth -= 1
        if number - since > MOST_BRACKETS:
            raise SessionError(_TOO_MUCH)
        if begin >= 0 > end:
            if depth == 2:
                spans.append((trace, at + 1))
                if content.count(b",", trace, at) > MOST_COMMAS:
                    raise SessionError(_TOO_MUCH)
                if len(spans) > MAX_TRACES:
                    raise SessionError(f"The file has more traces than a session holds ({MAX_TRACES:,}).")
            elif depth == 1:
                end = at
    if end >= 0 and _around(content, begin, end, spans).strip():
        raise SessionError("The file is damaged: its traces are not what a session has.")
    return begin, end, spans


def _around(content: bytes, begin: int, end: int, spans: list[tuple[int, int]]) -> bytes:
    """What stands before the first trace and after the last."""
    return content[begin : spans[0][0]] + content[spans[-1][1] : end] if spans else content[begin:end]


def _parsed(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise SessionError(f"The file is damaged: it is not JSON ({error}).") from None


_TOO_MUCH: Final = "The file is damaged: a trace has more values in it than can be."
_TOO_LARGE: Final = f"The file is larger than a session can be ({MOST_BYTES // 1024 // 1024} MB)."
