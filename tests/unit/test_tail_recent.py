"""A hub's memory of the events it handed out answers exactly as the table would, or not at all."""

from __future__ import annotations

import pytest

from signal_log.event import MAINTENANCE
from signal_log.tail import recent
from signal_log.tail.recent import Recent
from signal_log.tail.wire import Encoded, encode


def events(*ids: int) -> list[Encoded]:
    return [encode({"id": number, "digest": "0123456789abcdef"}) for number in ids]


def ids(found: list[Encoded] | None) -> list[int] | None:
    return None if found is None else [event.id for event in found]


def test_it_answers_as_the_table_does() -> None:
    """It answers in order of id, each event once and up to the limit, including late events and requested ranges."""
    kept = Recent(10)
    kept.add(events(11, 12, 15, 16))
    kept.add(events(13, 17))
    assert ids(kept.read(12, (), 100, up_to=16)) == [13, 15, 16]
    assert ids(kept.read(15, ((11, 13),), 100, up_to=17)) == [11, 12, 13, 16, 17]
    assert ids(kept.read(15, ((11, 13),), 2, up_to=17)) == [11, 12]
    assert ids(kept.read(12, ((13, 15),), 100, up_to=17)) == [13, 15, 16, 17]
    assert ids(kept.read(17, (), 100, up_to=17)) == []


def test_earlier_events_are_left_to_the_table() -> None:
    """It never answers where it may have forgotten something or never known it."""
    kept = Recent(10)
    kept.add(events(9, 11))
    assert kept.read(9, (), 100, up_to=11) is None
    assert kept.read(11, ((9, 9),), 100, up_to=11) is None
    assert ids(kept.read(10, (), 100, up_to=11)) == [11]


def test_all_is_forgotten_when_rows_were_changed() -> None:
    """After a redaction or a prune nobody gets from memory what the table has no more."""
    kept = Recent(10)
    kept.add(events(11, 12))
    kept.add([*events(13), encode({"id": 14, "digest": "0123456789abcdef", "signal": MAINTENANCE}), *events(15)])
    assert kept.read(11, (), 100, up_to=15) is None
    kept.add(events(16))
    assert ids(kept.read(15, (), 100, up_to=16)) == [16]
    assert kept.mean_size == events(16)[0].size


@pytest.mark.parametrize(("limit", "value"), [("MAX_EVENTS", 3), ("MAX_BYTES", 3 * events(11)[0].size)])
def test_the_lowest_are_forgotten_first(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    """Its size is bounded in events and in bytes; a late event below what was forgotten is not kept."""
    monkeypatch.setattr(recent, limit, value)
    kept = Recent(10)
    kept.add(events(11, 12, 13, 15))
    kept.add(events(16))
    kept.add(events(11))
    assert kept.since == 12
    assert kept.read(11, (), 100, up_to=16) is None
    assert ids(kept.read(12, (), 100, up_to=16)) == [13, 15, 16]
