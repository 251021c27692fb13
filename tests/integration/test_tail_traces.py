"""``signal_tail`` tells each trace once and whole, however it is read."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterable
from unittest import mock

import pytest
from django.db import OperationalError

from signal_log.event import Event
from signal_log.management.commands import signal_tail
from signal_log.models import SignalEvent, SignalTrace
from signal_log.show import whole_traces
from signal_log.show.terminal import Teller
from signal_log.show.whole_traces import WholeTraces
from signal_log.tail.following import Following, Read
from tests.factories import event_value, make_event
from tests.integration.tail_told import TRACE, ended, run, signs


def saves(numbers: Iterable[int], trace=TRACE, **fields) -> None:
    """Store creations, the operation of each at twice its number, in one trace."""
    rows = []
    for number in numbers:
        told = {"trace_id": trace, "sender": "shop.Item", "operation": 2 * number, "object_pk": str(number), **fields}
        pre = event_value(**told, signal="pre_save", created=None, position=2 * number)
        post = event_value(**told, signal="post_save", created=True, position=2 * number + 1)
        rows += [SignalEvent(**{**one._asdict(), "trace_id": uuid.UUID(one.trace_id)}) for one in (pre, post)]
    SignalEvent.objects.bulk_create(rows)


@pytest.mark.django_db
def test_a_trace_is_told_once_however_many_pages_it_takes(monkeypatch):
    """Its head, its operations together, and its end right after the last of them, beside others."""
    monkeypatch.setattr(signal_tail, "PAGE", 5)
    other = uuid.UUID(int=1)
    saves([1])
    saves([1], other)
    saves(range(2, 12))
    saves([2], other)
    ended(operations=11)
    ended(other, status="200")
    told = ["0000abcd", "+ created shop.Item × 11", "= 302 in 31.0 ms · 11 operations", "00000001"]
    lines = signs(run()[0])
    assert lines[:4] == told
    assert [line[:21] for line in lines[4:6]] == ["+ created shop.Item 1", "+ created shop.Item 2"]
    assert lines[6:] == ["= 200 in 31.0 ms · 2 operations"]
    ids = [json.loads(line)["id"] for line in run("--json", "--slow", "10ms")[0].splitlines()]
    assert (len(ids), len(set(ids))) == (26, 26)
    assert signs(run("--slow", "10ms")[0]) == lines


@pytest.mark.django_db
def test_what_does_not_wait_is_told_in_its_place(monkeypatch):
    """Of a trace that is too long to wait for, each operation is told once, below its cause, under one head."""
    monkeypatch.setattr(signal_tail, "PAGE", 5)
    monkeypatch.setattr(whole_traces, "MOST_HELD", 8)
    common = {"trace_id": TRACE, "sender": "shop.Item", "created": None}
    for number in range(1, 13):
        make_event(**common, signal="pre_delete", position=number, operation=number, object_pk=str(number))
    for number in range(1, 13):
        make_event(**common, signal="post_delete", position=number + 12, operation=number, object_pk=str(number))
    make_event(trace_id=TRACE, position=26, operation=25, parent_position=14, caused_by="a.sync")
    ended()
    lines = signs(run()[0])
    assert lines[0] == "0000abcd"
    assert lines[-1].startswith("= 302")
    assert sum(int(line.rpartition(" × ")[2]) if " × " in line else 1 for line in lines if line.startswith("-")) == 12
    assert [line.startswith("~ └ sync →") for line in lines[1:-1]].count(True) == 1
    assert len([line for line in lines if not line.startswith(("-", "~"))]) == 2


def reads_of(*events: Event, first: int, more: bool = False) -> Read:
    """As the tail reads them, with ids from ``first`` on."""
    rows = [
        {**one._asdict(), "id": number, "occurred_at": "2026-03-01T14:02:31.090000Z"}
        for number, one in enumerate(events, first)
    ]
    return Read(rows, first + len(events) - 1, more)


@pytest.mark.django_db
def test_a_running_trace_is_told_as_it_goes_and_its_end_once(monkeypatch):
    """(continued) stands where another came between; an early row without a status is no end; late events come too."""
    one, other = TRACE, uuid.uuid4()
    by_trace, teller = WholeTraces(), signal_tail._Text(Teller())
    tell = lambda read: signs("\n".join(line for part in by_trace.add(read) for line in teller.lines(part)))  # noqa: E731

    def saved(number: int, trace=one, **fields) -> list[Event]:
        told = {"trace_id": trace, "sender": "shop.Item", "operation": 2 * number, "created": True, **fields}
        return [
            event_value(**told, signal=f"{when}_save", position=2 * number + at)
            for at, when in enumerate(("pre", "post"))
        ]

    assert tell(reads_of(*(event for n in range(1, 6) for event in saved(n)), first=1)) == [
        "0000abcd", "+ created shop.Item × 5"]  # fmt: skip
    row = ended(events=1_000, status="")
    assert tell(Read([], 10)) == []
    (line,) = tell(reads_of(*saved(7, parent_position=7, caused_by="a.sync"), first=11))
    assert line.startswith("+ └ sync → created shop.Item")
    assert len(tell(reads_of(*saved(1, other), first=13))) == 2
    SignalTrace.objects.filter(pk=row.pk).update(status="302")
    head, line, end = tell(reads_of(*saved(8), first=15))
    assert (head, end[:5]) == ("0000abcd+", "= 302")
    late = tell(reads_of(*saved(9), first=17))
    assert (late[0], len(late)) == ("0000abcd+", 2)
    assert tell(Read([], 18)) == []


@pytest.mark.django_db
def test_a_database_that_goes_while_ends_are_asked_for_loses_nothing(monkeypatch):
    """The next read tells it; where the log can be read and this cannot, the command ends with the error."""
    by_trace, event, command = WholeTraces(), event_value(), signal_tail.Command(stdout=io.StringIO())
    reads = mock.MagicMock(spec=Following)
    reads.__iter__.return_value = iter([reads_of(event, first=1), Read([], 1), Read([], 1)])
    asked = mock.Mock(side_effect=[OperationalError, [], OperationalError])
    monkeypatch.setattr(whole_traces, "trace_rows", asked)
    command._tell(reads, signal_tail._Text(Teller()), by_trace)
    assert len(command.stdout.getvalue().splitlines()) == 2
    asked.side_effect = OperationalError
    reads.__iter__.return_value = iter([Read([], 1)] * 3)
    with pytest.raises(OperationalError):
        command._tell(reads, signal_tail._Text(Teller()), by_trace)
