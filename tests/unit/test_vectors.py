"""Python and JavaScript must both match the tables, which JavaScript's tests read too (``vectors.test.js``)."""

from __future__ import annotations

from typing import Any

import pytest

from signal_log.event import M2M_CHANGED, MODEL_SIGNALS, OUTCOMES
from signal_log.filters import KEYS
from signal_log.show.words.diff import NO_NEW, NO_OLD
from tests.vectors import tables

VERBS = {"created", "updated", "deleted", "m2m", "silent", "signal"}
STYLES = VERBS | {"about", "failed", "refused", "undone", "viewed"}
WORDS = STYLES - {"about", "m2m", "refused", "undone"} | {
    "saving",
    "deleting",
    "relation",
    "rolled back",
    "logged in",
    "logged out",
    "log-in failed",
    "sent by hand",
}
ACTIONS = {"save", "delete", "m2m", "write", "user_logged_in"}
ROLES = {"cause", "error", "dim", "old", "arrow", "new", "remark", ""}


@pytest.mark.parametrize("name", ["events", "values", "durations", "filters"])
def test_the_history_matches_the_table(name: str) -> None:
    """A change of wording means rewriting the tables (`python -m tests.vectors.tables`), so both languages follow."""
    made, held = tables.made()[name], tables.read(name)
    for now, then in zip(made, held, strict=True):
        assert now == then


def test_every_word_has_a_case() -> None:
    """The tables have each signal, outcome, verb, effect, kind, word, action, piece of a line and style of a value."""
    cases = tables.read("events")
    usual = cases[0]
    events = [usual["event"] | case["event"] for case in cases]
    said = [usual["said"] | case["said"] for case in cases]
    assert {event["signal"] for event in events} >= {*MODEL_SIGNALS, M2M_CHANGED}
    assert {event["signal"] for event in events} >= {f"silent_{how}" for how in ("insert", "update", "delete")}
    assert {event["outcome"] for event in events} == set(OUTCOMES)
    assert {one["verb"] for one in said} == {one["effect"] for one in said} == VERBS
    assert {one["kind"][0] for one in said} == STYLES
    assert {one["kind"][1] for one in said} >= WORDS
    assert {one["action"] for one in said} >= ACTIONS
    assert {role for one in said for role, _ in one["line"]} == ROLES
    sides = [field[side] for one in said for field in one["diffs"] for side in ("old", "new")]
    assert {side and side["style"] for side in sides} == {None, "", "null", "empty", "masked", "unknown"}
    assert {field["unseen"] for one in said for field in one["diffs"]} == {True, False}
    assert {marked for side in sides if side for marked, _ in side["pieces"]} == {True, False}
    assert {one["effect"] for one in said for field in one["diffs"] if not field["old"]} == set(NO_OLD)
    assert {one["effect"] for one in said for field in one["diffs"] if not field["new"]} == set(NO_NEW)


def test_every_unit_and_every_filter_has_a_case() -> None:
    """The tables have durations of every unit, and every filter, some of them excluding."""
    assert {case["said"].rpartition(" ")[2] for case in tables.read("durations")} == {"µs", "ms", "s", "finished"}
    wires: list[dict[str, Any]] = [case["wire"] for case in tables.read("filters")]
    texts = [(key, text.startswith("!")) for wire in wires for key, values in wire.items() for text in values]
    assert {key for key, excluded in texts if not excluded} == set(KEYS)
    assert any(excluded for _, excluded in texts)
