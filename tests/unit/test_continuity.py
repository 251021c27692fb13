"""A row's story is broken where an old value is not the newest known one, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from signal_log.audit.breaks.continuity import GONE, ROW, THERE, Break, Chain
from signal_log.audit.breaks.logged_value import surely_differ
from signal_log.event import BY_HAND, MASK, UNKNOWN
from tests.factories import event_value

_ids = count(1)
START = datetime(2026, 11, 28, 12, tzinfo=UTC)


def told(changes: dict[str, list[Any]], *, at: float | None = None, redacted_at: Any = None, **fields: Any) -> Any:
    """Return an event of one row; each comes a second after the one before, unless ``at`` says when."""
    number = next(_ids)
    moment = START + timedelta(seconds=number if at is None else at)
    event = event_value(changes=changes, occurred_at=moment, **fields)
    return SimpleNamespace(pk=number, redacted_at=redacted_at, **event._asdict())


def created(**values: Any) -> Any:
    """Return the event of a row that was made with these values."""
    return told({name: [None, value] for name, value in values.items()}, created=True)


def broken(*events: Any, **how: Any) -> list[Break]:
    """Return the breaks in this story."""

    def found() -> Iterator[Break]:
        chain = Chain(**how)
        for event in events:
            yield from chain.add(event)
        yield from chain.end()

    return list(found())


def test_a_value_that_was_written_past_the_recorder_is_found_with_both_events() -> None:
    """The field, what was known of it, what was found, and the events on both sides; other fields stay as they were."""
    first, second = created(name="Ada", city="London"), told({"name": ["Eve", "Augusta"], "city": ["London", "Rome"]})
    (found,) = broken(first, second, told({"name": ["Augusta", "Ada"]}))
    assert (found.field, found.known, found.found, found.before, found.after) == (
        "name", "Ada", "Eve", first.pk, second.pk,
    )  # fmt: skip
    assert (found.label, found.pk, found.using) == ("auth.User", "1", "default")


def test_a_deletion_tells_what_it_found_too() -> None:
    """A value that was there when the row went is compared like any other."""
    gone = told({"name": ["Eve", None]}, signal="post_delete", created=None)
    assert [found.field for found in broken(created(name="Ada"), gone)] == ["name"]


def test_a_row_that_was_made_or_removed_past_the_recorder_is_found() -> None:
    """So is a row that is there after its deletion, or is created though it was there."""
    gone = told({"name": ["Ada", None]}, signal="post_delete", created=None)
    changed = told({"name": ["Eve", "Mallory"]})
    (found,) = broken(created(name="Ada"), gone, changed)
    assert (found.field, found.known, found.found, found.before) == (ROW, GONE, THERE, gone.pk)
    (found,) = broken(created(name="Ada"), created(name="Eve"))
    assert (found.field, found.known, found.found) == (ROW, THERE, GONE)
    assert not broken(created(name="Ada"), created(name="Eve"), in_one_table=False)


@pytest.mark.parametrize(
    "between",
    [
        told({"name": ["Ada", "Eve"]}, overwrote=None),  # believed values
        told({"name": ["Ada", "Eve"]}, error="Not fully recorded: ValueError, see the server's log."),
        told({"name": ["Ada", "Eve"]}, redacted_at=START),
        told({"name": ["Ada", UNKNOWN]}),
    ],
    ids=["believed", "incomplete", "redacted", "unknown"],
)
def test_what_is_not_known_for_sure_breaks_nothing(between: Any) -> None:
    """After an event that does not tell what the row holds, any value may be found; and from there on it is known."""
    after = told({"name": ["Anything", "Grace"]})
    assert not broken(created(name="Ada"), between, after)
    assert broken(created(name="Ada"), between, after, told({"name": ["Other", "Eve"]}))


@pytest.mark.parametrize(
    "event",
    [
        told({"name": ["Ada", "Eve"]}, outcome="rolled_back"),
        told({"name": ["Ada", "Eve"]}, outcome="failed"),
        told({"name": ["Ada", "Eve"]}, signal="pre_save"),
        told({"name": ["Ada", "Eve"]}, origin={BY_HAND: True}),
        told({"name": [None, "Eve"]}, signal="silent_update", object_pk="", overwrote=None),
    ],
    ids=["rolled back", "failed", "pre signal", "by hand", "a whole statement"],
)
def test_events_that_tell_nothing_of_the_row_are_passed_over(event: Any) -> None:
    """What they claim is neither compared nor believed."""
    assert not broken(created(name="Ada"), event, told({"name": ["Ada", "Grace"]}))


def test_a_bulk_write_that_could_not_read_old_values_breaks_nothing() -> None:
    """It shows null for them; what it set is known all the same."""
    bulk = told({"name": [None, "Eve"]}, signal="silent_update", overwrote=None, created=None)
    assert not broken(created(name="Ada"), bulk, told({"name": ["Eve", "Grace"]}))
    assert broken(created(name="Ada"), bulk, told({"name": ["Ada", "Grace"]}))


def test_a_fixture_may_make_a_row_again() -> None:
    """The log itself may have come with it, and tell of the row already."""
    again = told({"name": [None, "Ada"]}, created=True, raw=True)
    assert not broken(created(name="Ada"), again)


def test_events_of_another_database_may_be_recorded_in_the_other_order() -> None:
    """There two transactions commit before either is recorded; in the log's own database that cannot be."""
    story = created(name="a"), told({"name": ["b", "c"]}), told({"name": ["a", "b"]}), told({"name": ["c", "d"]})
    assert not broken(*story, in_order=False)
    assert broken(*story)
    assert broken(created(name="a"), told({"name": ["x", "c"]}), told({"name": ["a", "b"]}), in_order=False)


def test_a_trigger_may_tell_of_a_write_after_somebody_has_found_it() -> None:
    """It explains what was found after it, and not what was found before."""
    first, second = told({"name": [None, "Ada"]}, created=True, at=1), told({"name": ["Eve", "Grace"]}, at=10)
    past = told({"name": ["Ada", "Eve"]}, signal="silent_update", source="database", overwrote=None, at=5)
    late = told({"name": ["Ada", "Eve"]}, signal="silent_update", source="database", overwrote=None, at=20)
    other = told({"city": ["Rome", "Eve"]}, signal="silent_update", source="database", overwrote=None, at=5)
    assert not broken(first, second, past, told({"name": ["Grace", "Ada"]}, at=21))
    assert broken(first, second, other)
    assert [found.field for found in broken(first, second, late)] == ["name", "name"]


LONG = "x" * 5000


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ("1.5", "1.50"), ("1", 1), (True, 1), ("1e3", "1000.0"), ({"a": ["1.0"]}, {"a": [1]}), ("-0", "0"),
        ("2026-11-28T12:00:00+00:00", "2026-11-28T13:00:00+01:00"),
        ("2026-11-28T12:00:00", "2026-11-28T12:00:00+00:00"),
        ("10:00", "10:00:00"), ("8e2f1a30-0000-4000-8000-000000000001", "8E2F1A30000040008000000000000001"),
        (MASK, MASK), (MASK, "clear"), (f"token={MASK}", "token=abc"), ({"pin": MASK}, {"pin": "12"}), (UNKNOWN, "x"),
        (LONG[:100] + f"… (5000 characters, SHA-256 {sha256(LONG.encode()).hexdigest()})", LONG),
        (LONG[:9] + f"… (5000 characters, SHA-256 {sha256(LONG.encode()).hexdigest()})",
         LONG[:7] + f"… (5000 characters, SHA-256 {sha256(LONG.encode()).hexdigest()})"),
        ("0x00ff", f"0x00… (2 bytes, SHA-256 {sha256(bytes.fromhex('00ff')).hexdigest()})"),
        ("abc… (longer, abcd)", "abc… (longer, efgh)"), (None, None), (["a"], ["a"]),
    ],
)  # fmt: skip
def test_one_value_may_be_told_in_two_forms(known: Any, found: Any) -> None:
    """Numbers as text, other zones, other cuts, and all that is masked or unknown."""
    assert not surely_differ(known, found)
    assert not surely_differ(found, known)


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ("1.5", "1.51"), (True, 0), ("a", "b"), ("", None), (None, MASK), (MASK, None), ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"b": 1}), (["a"], ["a", "b"]), ("2026-11-28T12:00:00+00:00", "2026-11-28T12:00:01+00:00"),
        (LONG[:9] + f"… (5000 characters, SHA-256 {'0' * 64})", LONG), ("a", {"a": 1}), ("10:00", "10:00:01"), (1, "x"),
        (LONG[:9] + f"… (5000 characters, SHA-256 {'0' * 64})", LONG[:9] + f"… (5000 characters, SHA-256 {'1' * 64})"),
    ],
)  # fmt: skip
def test_two_values_are_two(known: Any, found: Any) -> None:
    """Also where one is null and the other a secret."""
    assert surely_differ(known, found)
    assert surely_differ(found, known)
