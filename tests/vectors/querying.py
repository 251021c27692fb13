"""How Python reads queries; the live page must do the same (``tests/js``)."""

from __future__ import annotations

from typing import Any

from signal_log.query_language import parse, write
from signal_log.query_language.nodes import as_json
from tests.vectors.query_cases import TYPING, WHOLE, WRONG
from tests.vectors.query_match_cases import CASES, FAILED, SAVED


def table() -> list[dict[str, Any]]:
    """Return each query with its tree, its moments, its canonical text and its problems."""
    return [_row(text, typing=False) for text in (*WHOLE, *WRONG)] + [_row(text, typing=True) for text in TYPING]


def _row(text: str, *, typing: bool) -> dict[str, Any]:
    parsed = parse(text, typing=typing)
    return {
        "typed": text,
        "typing": typing,
        "node": as_json(parsed.node),
        "since": parsed.since,
        "until": parsed.until,
        "canonical": write(parsed.node, parsed.since, parsed.until),
        "problems": [problem.as_json() for problem in parsed.problems],
    }


def matches() -> list[dict[str, Any]]:
    """Return each query with each event, and whether it matches."""
    found = ((query, ((SAVED, saved), (FAILED, failed))) for query, saved, failed in CASES)
    return [{"query": query, "event": event, "matches": known} for query, both in found for event, known in both]
