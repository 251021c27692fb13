"""The counts of the ten minutes before the live page opened: each operation once, and with bounded work."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from signal_log.show.query import counts
from tests.factories import make_event

pytestmark = pytest.mark.django_db

ADDRESS = "/events/?format=counts"
NAME = "counted here"


def read(client: Client, **query: Any) -> dict[str, Any]:
    """Return the answer about this test's own events."""
    answer = client.get("/events/", {"format": "counts", "object": NAME, **query})
    assert answer.status_code == 200, answer.content
    assert answer["Cache-Control"] == "no-store"
    return dict(answer.json())


def totals(answer: dict[str, Any]) -> dict[str, int]:
    """Return the number of each kind, without the zeros."""
    sums = {kind: sum(row[1 + k] for row in answer["seconds"]) for k, kind in enumerate(answer["kinds"])}
    return {kind: number for kind, number in sums.items() if number}


def operation(signals: str = "save", **fields: Any) -> list[int]:
    """Return the ids of a pre and a post signal of one operation."""
    same = {"trace_id": uuid.uuid4(), "object_repr": NAME, **fields}
    pre = make_event(**same | {"signal": f"pre_{signals}", "position": 1, "created": None})
    post = make_event(**same | {"signal": f"post_{signals}", "position": 2})
    return [pre.pk, post.pk]


def test_each_operation_counts_once_under_its_kind(mira: Client) -> None:
    """Pre and post count as one; rolled-back or failed work is never counted as done."""
    operation(created=True)
    operation(created=False)
    operation(created=False)
    operation("delete", created=None)
    operation(created=True, outcome="rolled_back")
    operation(created=True, outcome="failed")
    make_event(object_repr=NAME, signal="pre_save", created=None, position=1, outcome="rolled_back")
    make_event(object_repr=NAME, signal="silent_update", created=None, position=1)
    for position in (1, 2):
        make_event(object_repr=NAME, signal="m2m_changed", created=None, position=position, trace_id=uuid.UUID(int=7))
    for signal in ("django.contrib.auth.signals.user_login_failed", "axes.denied", "shop.signals.unfailed"):
        make_event(object_repr=NAME, signal=signal, created=None, position=1)
    answer = read(mira)
    expected = {"created": 1, "updated": 2, "deleted": 1, "undone": 2, "refused": 2, "failed": 1, "other": 3}
    assert totals(answer) == expected
    assert answer["complete"]


def test_each_second_is_its_own_and_older_ones_are_left_out(mira: Client) -> None:
    """Counts are per UTC second, the same on both databases."""
    now = datetime.now(UTC)
    for ago in (30, 30, 90, 601):
        operation(created=True, occurred_at=now - timedelta(seconds=ago))
    seconds = read(mira)["seconds"]
    assert [(row[0], row[1]) for row in seconds] == [(int(now.timestamp()) - 90, 1), (int(now.timestamp()) - 30, 2)]


@pytest.mark.parametrize("outcome", ["committed", "rolled_back", "failed"])
def test_an_operation_that_reaches_over_the_place_is_left_to_who_holds_its_last_signal(
    mira: Client, outcome: str
) -> None:
    """Wherever the place is, the counts below it and what the page holds above it include the operation once."""
    first, last = operation(created=True, outcome=outcome)
    assert totals(read(mira, before=first)) == {}
    assert totals(read(mira, before=last)) == {}
    assert sum(totals(read(mira, before=last + 1)).values()) == 1


def test_filters_are_those_of_the_history(mira: Client) -> None:
    """Filters include and exclude values as in the history."""
    operation(created=True)
    operation(created=True, sender="shop.Order")
    assert totals(read(mira, sender="shop.Order")) == {"created": 1}
    assert totals(read(mira, sender="!shop.Order")) == {"created": 1}
    assert totals(read(mira, outcome="failed")) == {}


def test_the_work_is_bounded_and_the_answer_says_since_when(mira: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limited number of ids is counted, and none after the time is up; the answer says how far back it goes."""
    moment = datetime.now(UTC) - timedelta(seconds=50)
    ids = [operation(created=True, occurred_at=moment + timedelta(seconds=n))[1] for n in range(6)]
    monkeypatch.setattr(counts, "MAX_IDS", 4)
    answer = read(mira, before=ids[-1] + 1)
    assert totals(answer) == {"created": 2}
    assert not answer["complete"]
    assert answer["since"] == (moment + timedelta(seconds=3)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    monkeypatch.setattr(counts, "MAX_IDS", 1000)
    monkeypatch.setattr(counts, "WINDOW", 2)
    assert totals(read(mira, before=ids[-1] + 1)) == {"created": 6}
    monkeypatch.setattr(counts, "SECONDS", 0)
    assert totals(read(mira, before=ids[-1] + 1)) == {"created": 1}


def test_windows_are_small_until_they_prove_quick(mira: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that not even the first takes long of a query of fifty words."""
    monkeypatch.setattr(counts, "SECONDS", 1_000)
    reach = counts.Reach(100_001, 50_001, 100_001)
    wide = [high - low for low, high in reach.windows()]
    assert (wide[0], max(wide), sum(wide)) == (counts.FIRST_WINDOW, counts.WINDOW, 50_000)
    assert len(wide) <= 10
    monkeypatch.setattr(counts, "SECONDS", 0)
    assert [*counts.Reach(100_001, 50_001, 100_001).windows()] == [(99_501, 100_001)]


def test_windows_do_not_part_an_operation(mira: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation is counted once, wherever one window ends and the next begins."""
    for outcome in ("rolled_back", "committed", "failed"):
        operation(created=True, outcome=outcome)
    for width in (1, 2, 3, 5):
        monkeypatch.setattr(counts, "WINDOW", width)
        monkeypatch.setattr(counts, "MAX_IDS", 10)
        assert totals(read(mira)) == {"created": 1, "undone": 1, "failed": 1}


def test_a_full_log_is_not_read_whole(mira: Client) -> None:
    """Every statement over events is limited to a range of ids or takes one row."""
    operation(created=True)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        read(mira)
    over = [q["sql"] for q in queries if "signal_log_signalevent" in q["sql"] and "SELECT" in q["sql"]]
    assert over
    for sql in over:
        assert "LIMIT 1" in sql or ('"id" >=' in sql and '"id" <' in sql), sql


def test_below_the_first_event_there_is_nothing_and_that_is_all(mira: Client) -> None:
    """The answer is empty and complete."""
    assert read(mira, before=1) | {"since": ""} == {
        "kinds": list(counts.KINDS), "seconds": [], "since": "", "complete": True,
    }  # fmt: skip


def test_pre_signals_are_counted_if_filtered_for(mira: Client) -> None:
    """Pre signals are counted if they are filtered for, as the page then lists them."""
    operation(created=True)
    assert totals(read(mira, signal="pre_save")) == {"other": 1}
    assert totals(read(mira, signal=["pre_save", "post_save"])) == {"created": 1}


@pytest.mark.parametrize("key", ["since", "until", "after", "before", "colour"])
def test_unsupported_keys_are_named(mira: Client, key: str) -> None:
    """The answer is a 400 with a sentence for the key."""
    answer = mira.get("/events/", {"format": "counts", key: "2026-11-22" if key in ("since", "until") else "x"})
    assert answer.status_code == 400
    assert list(answer.json()["problems"]) == [key]
