"""The tables that Python's and JavaScript's tests both read; `python -m tests.vectors.tables` writes them.

Each case is on a line of its own with its wording of today; an event's case lists only differences from the first.
Review the diff before you commit it: it is what people will read on every page.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import django

FOLDER = Path(__file__).parent


def made() -> dict[str, Any]:
    """Return every table by name, worded as the history words it."""
    from tests.vectors import cases, filtering, querying, saying  # they need Django's models

    usual = saying.of_event(cases.USUAL)
    return {
        "events": [
            {"is": "usual", "event": cases.USUAL, "said": usual},
            *({"is": name, "event": event, "said": _unlike(usual, event)} for name, event in cases.EVENTS),
        ],
        "values": [
            {"value": value, "most": most, "said": saying.of_value(value, most)} for value, most in cases.VALUES
        ],
        "durations": [{"us": us, "said": saying.of_duration(us)} for us in cases.DURATIONS],
        "filters": filtering.table(),
        "query": querying.table(),
        "query_matches": querying.matches(),
    }


def read(name: str) -> Any:
    """Return the table in the file."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def write() -> None:
    """Write every table to its file."""
    for name, rows in made().items():
        lines = ",\n".join(_seen(json.dumps(row, ensure_ascii=False)) for row in rows)
        (FOLDER / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _unlike(usual: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    from tests.vectors import cases, saying

    said = saying.of_event({**cases.USUAL, **event})
    return {name: words for name, words in said.items() if words != usual[name]}


def _seen(text: str) -> str:
    """Escape characters that are invisible or reorder the line, or that no file can have."""
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    write()
