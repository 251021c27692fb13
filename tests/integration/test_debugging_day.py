"""A developer's day: each fault of a shop is found by one command in a terminal, or by one request of a program."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from signal_log.models import SignalTrace
from signal_log.show.cascade.findings import findings
from signal_log.show.cascade.operation import cascade_of, runs_of
from signal_log.store.read import events
from signal_log.telemetry.read import add_calls
from tests.faulty import faults, shift
from tests.tail import make_observer

pytestmark = pytest.mark.django_db(transaction=True)

HERE = "tests.faulty"


@pytest.fixture
def day():
    """A shift of the faulty shop, with its receivers connected until the test ends."""
    with faults():
        shift()
        yield


def told(*command: str) -> str:
    out = io.StringIO()
    try:
        call_command(*command, stdout=out, stderr=out)
    except CommandError as error:
        out.write(str(error))
    return out.getvalue()


@pytest.mark.usefixtures("day")
def test_one_command_finds_what_is_connected_twice_slow_or_writes_on_fixtures():
    checked = told("signal_receivers", "--check")
    for number, receiver in (("W015", "reindex"), ("W018", "sync_crm"), ("W020", "greet")):
        assert any(line.startswith(f"signal_log.{number}: {HERE}.{receiver}") for line in checked.splitlines()), checked


@pytest.mark.usefixtures("day")
def test_one_command_tells_what_a_receiver_causes():
    lines = told("signal_receivers").splitlines()
    at = next(number for number, line in enumerate(lines) if line.endswith(f"{HERE}.open_shelf"))
    assert "created shop.Item × 2" in " ".join(lines[at : at + 3])


@pytest.mark.usefixtures("day")
def test_one_command_tells_the_slow_traces_only():
    slow = told("signal_tail", "--no-follow", "--slow", "100ms")
    assert "command:import_staff" in slow
    assert "created shop.Thing" in slow
    assert told("signal_tail", "--no-follow", "--slow", "1h") == "The log has nothing like this.\n"


@pytest.mark.usefixtures("day")
def test_every_fault_is_a_finding_of_its_trace():
    found = set()
    for trace in SignalTrace.objects.all():
        rows = list(events().filter(trace_id=trace.trace_id).order_by("position"))
        add_calls(rows)
        found |= {(one.kind, one.receiver) for one in findings(cascade_of(rows, runs_of(rows)), trace.duration_us)}
    assert found >= {
        ("slow", f"{HERE}.sync_crm"), ("runs_twice", f"{HERE}.reindex"), ("swallowed", f"{HERE}.number_item"),
        ("saves_again", f"{HERE}.set_stock"), ("repeated", f"{HERE}.restock"), ("writes_on_raw", f"{HERE}.greet"),
    }  # fmt: skip


@pytest.mark.usefixtures("day")
def test_one_request_tells_a_program_what_is_slow():
    client = Client()
    client.force_login(make_observer())
    slow = client.get("/traces/?sort=duration&took=>100ms&format=json").json()["traces"]
    slowest = {one["name"]: one["slowest_receiver"] for one in slow}
    assert slowest["command:import_staff"] == f"{HERE}.sync_crm"
    times = [one["duration_us"] for one in slow]
    assert times == sorted(times, reverse=True)
