"""Pages of several logs: whatever the logs hold and whatever arrives, nothing is lost, doubled or out of order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_log.errors import FilterError
from signal_log.show.logs.merging import Found, Merged, Places, merge
from signal_log.show.logs.places import parse_places, written

BEGIN = datetime(2026, 11, 29, tzinfo=UTC)
MOST = 100
"""More pages than there can be; a place that stands still would ask for more."""
ORIGINS = ("a.example", "b.example", "c.example")


@dataclass(frozen=True)
class Row:
    """An event, as far as merging knows it."""

    pk: int
    occurred_at: datetime


Logs = dict[str, list[Row]]
Told = tuple[str, Row]


def row(pk: int, seconds: int) -> Row:
    return Row(pk, BEGIN + timedelta(seconds=seconds))


def read(
    logs: Logs, places: Places, size: int, *, upwards: bool = False, patience: int = 10**9, away: str = ""
) -> Merged[Row]:
    """A page, read from logs of which each gives up after it has looked at so many rows, and one may be away."""
    found = []
    for origin, rows in logs.items():
        if origin == away:
            continue
        place = places.get(origin)
        joined_at = None
        if isinstance(place, datetime):
            place = joined_at = min((one.pk for one in rows if one.occurred_at > place), default=None)
        side = [one for one in rows if (place is not None and one.pk >= place) is upwards]
        side.sort(key=lambda one: one.pk, reverse=not upwards)
        seen = side[: min(size, patience)]
        gave_up = seen[-1] if seen and len(seen) == patience < min(size, len(side)) else None
        events = sorted(seen[::2] if gave_up else seen, key=lambda one: -one.pk)  # what is left out matches no filter
        if gave_up:
            found.append(Found(origin, events, True, gave_up.pk, gave_up.occurred_at, joined_at))
        else:
            found.append(Found(origin, events, len(side) > len(seen), joined_at=joined_at))
    return merge(found, places, size=size, upwards=upwards, away=[away] if away in logs else [])


def newest_first(told: list[Told]) -> list[Told]:
    return sorted(told, key=lambda one: (one[1].occurred_at, one[0], one[1].pk), reverse=True)


@st.composite
def some_logs(draw: st.DrawFn, *, in_order: bool) -> Logs:
    """Logs with the same ids and often the same times; with ``in_order`` a greater id is never earlier."""
    logs: Logs = {}
    for origin in ORIGINS[: draw(st.integers(1, 3))]:
        times = draw(st.lists(st.integers(0, 12), max_size=14))
        logs[origin] = [row(pk, at) for pk, at in enumerate(sorted(times) if in_order else times, start=1)]
    return logs


def everything(logs: Logs) -> list[Told]:
    return [(origin, one) for origin, rows in logs.items() for one in rows]


@given(some_logs(in_order=True), st.integers(1, 5))
def test_pages_are_one_list_by_time(logs: Logs, size: int) -> None:
    """Page after page it is what one table of all events would give, and each page but the last is full."""
    pages, places = [], Places()
    for _ in range(MOST):
        page = read(logs, places, size)
        pages.append(page.events)
        if page.older is None:
            break
        places = page.older
    assert [told for page in pages for told in page] == newest_first(everything(logs))
    assert all(len(page) == size for page in pages[:-1])


@given(
    some_logs(in_order=False), st.integers(1, 4), st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from(ORIGINS), st.integers(0, 20)), max_size=6),
)  # fmt: skip
def test_nothing_is_lost_or_doubled_while_events_arrive(
    logs: Logs, size: int, patience: int, arriving: list[tuple[str, int]]
) -> None:
    """Down to the end each event once, though some arrive meanwhile; back up from there each other one, those too."""
    before, arriving = everything(logs), [one for one in arriving if one[0] in logs]
    matching = set(before)
    shown: list[Told] = []
    page = read(logs, {}, size, patience=patience)
    matching -= set(skipped(logs, patience, size))
    for _ in range(MOST):
        shown += page.events
        assert page.events == newest_first(page.events)
        if arriving:
            origin, at = arriving.pop()
            logs[origin].append(row(len(logs[origin]) + 1, at))
        if page.older is None:
            break
        page = read(logs, page.older, size)
    assert len(shown) == len(set(shown))
    assert set(shown) >= matching
    assert set(shown) <= set(before)
    if page.newer is None:
        return
    last, above = set(page.events), set()
    places: Places | None = page.newer
    for _ in range(MOST):
        if places is None:
            break
        page = read(logs, places, size, upwards=True)
        assert page.events == newest_first(page.events)
        assert not above & set(page.events)
        above |= set(page.events)
        places = page.newer
    assert not above & last
    assert above | last == set(everything(logs))


@given(some_logs(in_order=False), st.integers(1, 4), st.integers(1, 3))
def test_a_log_that_was_away_joins_where_the_others_are(logs: Logs, size: int, away: int) -> None:
    """Nothing is left out but what it has from after the first page's end, and that is there on the way back up."""
    *others, missing = logs
    page = read(logs, {}, size, away=missing)
    if page.older is None or not others:
        return
    moment = page.older[missing]
    assert isinstance(moment, datetime)
    joins_at = min((one.pk for one in logs[missing] if one.occurred_at > moment), default=MOST)
    shown, number = [*page.events], 1
    while page.older is not None and number < MOST:
        page = read(logs, page.older, size, away=missing if number < away else "")
        assert page.events == newest_first(page.events)
        shown, number = [*shown, *page.events], number + 1
    if number <= away:
        return
    missed = {(origin, one) for origin, one in everything(logs) if origin == missing and one.pk >= joins_at}
    assert len(shown) == len(set(shown))
    assert set(shown) == set(everything(logs)) - missed
    last, above, places = set(page.events), list[Told](), page.newer
    while places is not None and len(above) < MOST:
        page = read(logs, places, size, upwards=True)
        above, places = [*above, *page.events], page.newer
    assert len(above) == len(set(above))
    assert not set(above) & last
    assert {*above} | last == set(everything(logs))


def skipped(logs: Logs, patience: int, size: int) -> list[Told]:
    """What ``read`` leaves out of the first page, as if no filter matched it."""
    found: list[Told] = []
    for origin, rows in logs.items():
        if patience < min(size, len(rows)):
            found += [(origin, one) for one in sorted(rows, key=lambda one: -one.pk)[:patience][1::2]]
    return found


def test_what_may_come_in_between_waits() -> None:
    """A log that was searched up to ten o'clock holds back what others have from before that."""
    slow = Found("a.example", [], True, 100, BEGIN + timedelta(hours=10))
    quick = Found("b.example", [row(9, 11 * 3600), row(8, 9 * 3600)])
    slower = Found("c.example", [], True, 500, BEGIN + timedelta(hours=8))
    page = merge([slow, quick, slower], {}, size=50)
    assert [one.pk for _, one in page.events] == [9]
    assert page.older == {"a.example": 100, "b.example": 9, "c.example": 500}


def test_nor_does_what_is_newer_overtake() -> None:
    """The same upwards: the log that got least far bounds the page."""
    slow = Found("a.example", [], True, 100, BEGIN + timedelta(hours=10))
    slower = Found("c.example", [], True, 500, BEGIN + timedelta(hours=12))
    quick = Found("b.example", [row(9, 11 * 3600), row(8, 9 * 3600)])
    page = merge([slow, quick, slower], {"a.example": 50, "b.example": 8, "c.example": 9}, size=50, upwards=True)
    assert [one.pk for _, one in page.events] == [8]
    assert page.newer == {"a.example": 101, "b.example": 9, "c.example": 501}


def test_an_event_of_a_long_transaction_does_not_hold_up_its_log() -> None:
    """It has an early time and a late id: what was written before it still comes in its turn."""
    late = Found("a.example", [row(3, 0), row(2, 59), row(1, 58)])
    other = Found("b.example", [row(7, 40), row(6, 30)])
    first = merge([late, other], {}, size=3)
    assert [(origin, one.pk) for origin, one in first.events] == [("a.example", 2), ("a.example", 1), ("a.example", 3)]
    assert first.older == {"a.example": 1, "b.example": 8}


def test_a_log_that_was_away_keeps_its_place() -> None:
    """It goes on from there when it answers again."""
    page = merge([Found("a.example", [row(4, 4), row(3, 3)], True)], {"a.example": 5, "b.example": 70}, size=1)
    assert page.older == {"a.example": 4, "b.example": 70}
    assert page.newer == {"a.example": 5, "b.example": 70}


def test_a_log_that_is_away_has_a_moment() -> None:
    """That of the page's end; where it stays away, the first one remains."""
    first = merge([Found("a.example", [row(4, 4), row(3, 3)], True)], {}, size=1, away=["b.example"])
    assert first.older == {"a.example": 4, "b.example": row(4, 4).occurred_at}
    assert first.newer is None
    second = merge([Found("a.example", [row(3, 3)], True)], first.older, size=1, away=["b.example"])
    assert second.older == {"a.example": 3, "b.example": row(4, 4).occurred_at}
    assert second.newer == first.older


def test_a_log_that_joins_has_a_place_above_the_page() -> None:
    """It did not answer before; from this page on, newer pages have what came to it since."""
    page = merge([Found("a.example", [row(4, 4)]), Found("b.example", [row(9, 3)])], {"a.example": 5}, size=5)
    assert page.newer == {"a.example": 5, "b.example": 10}


def test_a_place_is_an_address_s_parameters() -> None:
    """One value for each log; anything else is refused with an example."""
    places: Places = {"b.example/x@y,z:1": 7, "a.example": 120, "c.example": row(1, 7).occurred_at}
    assert written(places) == ["120@a.example", "7@b.example/x@y,z:1", "2026-11-29T00:00:07.000000Z@c.example"]
    assert parse_places("before", ["", *written(places)]) == places
    for wrong in ("120", "x@a.example", "-1@a.example", "120@", f"{10**30}@a.example", "2026-02-31T00:00Z@a.example"):
        with pytest.raises(FilterError, match="before"):
            parse_places("before", [wrong])
