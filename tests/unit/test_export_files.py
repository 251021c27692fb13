"""The two files of an export hold what the log holds, tell when they are whole, and harm no spreadsheet."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_log.show.export.csv import COLUMNS, Csv, cell
from signal_log.show.export.jsonl import JsonLines
from signal_log.show.words.text import visible

ABOUT = {"version": 1, "up_to": 9, "filters": {"q": ["=1+1"]}}
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=5,
)


def event(**columns: Any) -> dict[str, Any]:
    """An event's mapping with nothing in it but these."""
    return dict.fromkeys(COLUMNS) | {"id": 7, "digest": "00" * 32} | columns


EVENTS = st.lists(st.builds(event, object_repr=ANY_TEXT, changes=VALUES, path=st.text(max_size=9)), max_size=5)


def written(file: Csv | JsonLines, *pages: list[dict[str, Any]]) -> bytes:
    """A whole file."""
    return b"".join([file.begin(), *(file.add(page) for page in pages), file.end()])


def rows_of(text: bytes) -> list[dict[str, str]]:
    """A CSV file as another program reads it."""
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))


@given(EVENTS, EVENTS)
def test_json_lines_are_exact_whatever_the_log_holds(first: list[Any], second: list[Any]) -> None:
    """A line for each event, which any JSON parser reads back; the hash is that of `head -c -68 | sha256sum`."""
    text = written(JsonLines(ABOUT), first, second)
    events = [*first, *second]
    lines = [json.loads(line) for line in text.split(b"\n")[:-1]]
    assert len(lines) == max(1, len(events))
    assert lines[0].pop("export") == ABOUT
    sha256 = hashlib.sha256(text[:-68]).hexdigest()
    assert lines[-1].pop("end") == {"events": len(events), "up_to": 9, "sha256": sha256}
    assert lines == (events or [{}])


@given(EVENTS, EVENTS)
def test_each_row_of_a_csv_is_an_event_and_no_cell_is_a_formula(first: list[Any], second: list[Any]) -> None:
    """Other programs read as many rows as there are events; the hash is that of `head -c -66 | sha256sum`."""
    text = written(Csv(ABOUT), first, second)
    rows = rows_of(text)
    events = [*first, *second]
    assert len(rows) == max(1, len(events))
    assert json.loads(rows[0]["export"]) == ABOUT
    assert rows[-1]["end"] == f"{len(events)} events sha256 {hashlib.sha256(text[:-66]).hexdigest()}"
    assert not any(row["export"] for row in rows[1:])
    assert not any(row["end"] for row in rows[:-1])
    for row, was in zip(rows, events, strict=False):
        assert row["object_repr"].removeprefix("'") == in_utf8(visible(was["object_repr"]))
        if not isinstance(was["changes"], (str, type(None))):
            assert json.loads(row["changes"]) == was["changes"]
        assert not any(text.lstrip().startswith(("=", "+", "@")) for text in row.values())
        assert not row["object_repr"].lstrip().startswith("-")


def in_utf8(text: str) -> str:
    """A text as it comes out of UTF-8 that cannot hold lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode()


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\u00a0=1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff201",
        "'=1",
        "'",
    ],
)
def test_what_a_spreadsheet_would_calculate_is_text(text: str) -> None:
    """One quote stands before it, and taking one away gives back what was there."""
    assert cell(text) == "'" + visible(text)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""), (True, "true"), (-5, "-5"), ([], "[]"), ({"a": ["=1", None]}, '{"a":["=1",null]}'), ("a=1", "a=1"),
        ("a\x00\x1b[31m", "a[U+0000][U+001B][31m"), ("\u202egnp", "[U+202E]gnp"), ({"n": math.nan}, '{"n":null}'),
    ],
)  # fmt: skip
def test_cells(value: Any, shown: str) -> None:
    """Null is empty, numbers are numbers, the rest is JSON; what cannot be seen is shown by name, as on the pages."""
    assert cell(value) == shown


@pytest.mark.parametrize("kind", [Csv, JsonLines])
def test_a_file_that_broke_off_is_not_whole(kind: type[Csv] | type[JsonLines]) -> None:
    """However many events came, without the end nothing says how many they should be."""
    file = kind(ABOUT)
    text = b"".join([file.begin(), file.add([event(), event()]), file.add([event()])])
    assert b"sha256" not in text
    assert b"sha256" in file.end()


def test_pages_of_any_size_make_the_same_file() -> None:
    """Empty ones too."""
    events = [event(id=n, object_repr=f"row {n}") for n in range(5)]
    for kind in (Csv, JsonLines):
        whole = written(kind(ABOUT), events)
        assert whole == written(kind(ABOUT), [], events[:1], [], events[1:4], events[4:], [])
