"""The one-line summary of a change, worded as on the live page (``tests/js/kinds.test.js``)."""

from __future__ import annotations

from typing import Any

import pytest

from signal_log.event import MASK
from signal_log.show.words.kinds import verb
from signal_log.show.words.summary import summary
from tests.factories import event_value


def summary_of(**fields: Any) -> str:
    """Return the summary as text."""
    event = event_value(**{"signal": "post_save", "created": False, "object_repr": "", **fields})
    return " ".join(part.text for part in summary(event, verb(event.signal, event.created, event.changes)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"updated": ["a", "b"], "headline": ["Rear admiral", "Builder"]}, "headline Rear admiral → Builder +1"),
        ({"updated_at": ["a", "b"]}, "updated_at a → b"),
        ({"age": [1, 2], "name": ["Ada", "Augusta"]}, "name Ada → Augusta +1"),
        ({"last_login": [None, "2026-11-22T09:42:07.5Z"]}, "last_login → 2026-11-22 09:42:07"),
        ({"at": ["2026-11-22T08:10:44Z", "2026-11-22T09:42:07+00:00"]}, "at 08:10:44 → 09:42:07"),
        ({"at": ["2026-11-22T08:10:44.1Z", "2026-11-22T08:10:44.25Z"]}, "at 08:10:44.1 → 08:10:44.25"),
        ({"at": ["2026-11-21T08:10:44Z", "2026-11-22T08:10:44Z"]}, "at 2026-11-21 08:10:44 → 2026-11-22 08:10:44"),
        ({"bio": ["x", ""]}, "bio x → empty"),
        ({"boss": [3, None]}, "boss 3 → null"),
        ({"password": [MASK, MASK]}, "password changed"),
        ({"password": [MASK, MASK], "name": ["Ada", "Augusta"]}, "name Ada → Augusta +1"),
        ({"token": [None, MASK]}, f"token → {MASK}"),
        ({}, "nothing changed"),
    ],
)
def test_an_update(changes: dict[str, Any], words: str) -> None:
    """An update shows its most telling field, the old value if there was one, the new value, and how many more
    changed."""
    assert summary_of(changes=changes) == words


def test_an_update_that_changed_nothing_says_what_was_saved() -> None:
    """An update that changed nothing lists the saved fields, so that its intent can be seen."""
    assert summary_of(changes={}, update_fields=["bio", "name"]) == "saved bio, name, nothing changed"
    assert summary_of(changes={}, raw=True) == "loaded from a fixture"


def test_a_whole_row_is_told_by_what_names_it() -> None:
    """A whole row is summarised by the field it names itself by, else a usual name field, else the first text; never by
    a secret."""
    assert summary_of(created=True, changes={"id": [None, 3], "name": [None, "Ada"]}) == "2 fields name Ada"
    row = {"slug": [None, "h-1"], "kind": [None, "Hammer"]}
    assert summary_of(created=True, object_repr="Hammer", changes=row) == "2 fields kind Hammer"
    assert summary_of(created=True, changes={"token": [None, MASK]}) == "1 field"
    gone = {"signal": "post_delete", "created": None, "changes": {"id": [3, None], "email": ["eve@example.org", None]}}
    assert summary_of(**gone) == "2 fields email eve@example.org"
    assert summary_of(signal="pre_delete", changes={}) == "the row"


def test_a_relation_and_another_signals_arguments_have_one_side() -> None:
    """Relations and the arguments of other signals have one side only, so there is no arrow."""
    assert summary_of(signal="m2m_changed", changes={"tags": [None, [1]]}) == "tags [1]"
    assert summary_of(signal="m2m_changed", changes={"tags": [[1], None]}) == "tags [1]"
    assert summary_of(signal="shop.signals.paid", changes={"amount": [None, 5], "note": [None, ""]}) == "amount 5 +1"
    assert summary_of(signal="shop.signals.paid", changes={}) == ""


def test_a_silent_write_says_what_it_set_or_its_statement() -> None:
    """A silent write shows what it set or its statement; a row of a bulk write is summarised like any row."""
    statement = 'UPDATE "shop_item" SET "stock" = %s'
    silent = {"signal": "silent_update", "object_pk": "", "origin": {"statement": statement}}
    assert summary_of(**silent, changes={"stock": [None, 5]}) == "stock 5"
    assert summary_of(**silent, changes={}) == statement
    assert summary_of(signal="silent_update", object_pk="", origin=None, changes={}) == ""
    row = {"object_pk": "5", "changes": {"id": [None, 5], "name": [None, "chair"]}}
    assert summary_of(**row, signal="silent_insert") == "2 fields name chair"
    assert summary_of(signal="silent_update", object_pk="5", changes={"stock": [4, 5]}) == "stock 4 → 5"
    assert summary_of(signal="silent_delete", object_pk="5", changes={"name": ["chair", None]}) == "1 field name chair"


@pytest.mark.parametrize("changes", [None, [], "x", {"a": 1}, {"a": [1, 2, 3]}, {"a": {"b": [True]}}])
def test_a_row_that_somebody_else_wrote_does_not_break_the_page(changes: Any) -> None:
    """Changes of any JSON shape can be summarised, even in rows this app did not write."""
    assert summary_of(changes=changes)
    assert summary_of(changes=changes, update_fields=7, origin="x", signal="silent_update", object_pk="") is not None


def test_a_huge_value_is_one_short_line() -> None:
    """A huge value is cut to one short line, and characters that hide or reorder text are spelled out."""
    words = summary_of(changes={"bio": ["a\u202eb\nc", "y" * 1_000_000]})
    assert words.startswith("bio a[U+202E]b⏎c → yyy")
    assert len(words) < 100
