"""The history's words for an event, a text and a duration; ``tests/js/saying.js`` has the live page's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any, Final
from uuid import UUID

from signal_log.models import SignalEvent
from signal_log.show.line_html import summary_html
from signal_log.show.words import kinds, ways
from signal_log.show.words.diff import FieldDiff, Side
from signal_log.show.words.operations import Line
from signal_log.show.words.text import duration, one_line, plain, visible
from signal_log.templatetags.signal_log_shell import initials

READ: Final = (
    "signal", "sender", "object_pk", "object_repr", "created", "raw", "update_fields", "origin", "changes",
    "overwrote", "caused_by", "outcome", "error", "actor_pk", "actor_repr", "source", "method", "path",
    "labels",
)  # fmt: skip
"""The columns that the words are made from."""

Said = dict[str, Any]

_WAY: Final = re.compile(r' data-way="(.*?)" data-of="(.*?)"', re.DOTALL)


def of_event(event: Mapping[str, Any]) -> Said:
    """Return all words for an event that the history and the live page share."""
    line = Line(SignalEvent(**{name: event[name] for name in READ}))
    line.event.past = event.get("past", ())
    line.event.trace_id = UUID(int=1)
    return {
        "verb": line.verb,
        "effect": kinds.effect(line.event),
        "action": kinds.action(line.event),
        "kind": [line.kind.style, line.kind.word],
        "signal": Line(line.event, every=True).kind.word,
        "model": line.model,
        "object": line.object,
        "actor": line.actor,
        "initials": initials(line.actor),
        "begun by": line.request_line,
        "line": [list(part) for part in line.summary],
        "ways": [[of, unescape(asked)] for asked, of in _WAY.findall(_with_ways(line))],
        "remarks": line.remarks,
        "diffs": [_of_field(field) for field in line.diffs],
    }


def of_value(value: Any, most: int) -> Said:
    """Return a logged value in full, on one line of at most this many characters, and as initials."""
    text = plain(value)
    return {
        "bare": visible(text),
        "pretty": visible(plain(value, pretty=True)),
        "line": one_line(text, most),
        "initials": initials(text),
    }


def of_duration(microseconds: int | float | None) -> str:
    """Return a duration in words."""
    return duration(microseconds)


def _with_ways(line: Line) -> str:
    """Return what a row of the history tells of its values."""
    event = line.event
    return ways.model(event) + ways.row(event) + summary_html(line) + ways.actor(event) + ways.source(event)


def _of_field(field: FieldDiff) -> Said:
    said = {"name": field.name, "old": _of_side(field.old), "new": _of_side(field.new), "masked": field.masked}
    return said | {"unseen": field.unseen}


def _of_side(side: Side | None) -> Said | None:
    return side and {"style": side.style, "pieces": [[piece.marked, piece.text] for piece in side.pieces]}
