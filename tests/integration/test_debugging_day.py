"""A developer's day: each fault of a shop is found by one command in a terminal, or by one request of a program."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from signal_log.capture.trace.gathered import in_use
from signal_log.models import ReceiverCall, SignalTrace
from signal_log.show.cascade.findings import findings
from signal_log.show.cascade.operation import cascade_of, runs_of
from signal_log.store.read import events
from signal_log.telemetry import recorded
from signal_log.telemetry.read import add_calls
from tests.faulty import faults, shift, upgrade
from tests.tail import make_observer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.faulty_site")]

HERE = "tests.faulty"
CHECK = ("signal_receivers", "--check")
MAP = ("signal_receivers",)
FOUND_BY = {
    "a slow receiver": (CHECK, f"W018: {HERE}.sync_crm took", "Do it after the response"),
    "a double connection": (CHECK, f"W015: {HERE}.reindex", "dispatch_uid"),
    "a hidden cascade": (MAP, f"post_save 3  {HERE}.open_shelf", "created shop.Item × 2"),
    "a swallowed exception": (MAP, f"{HERE}.number_item went on after IntegrityError", "Let the exception through"),
    "a receiver that saves again": (
        MAP,
        f"{HERE}.set_stock, called for a save of shop.Item",
        "Set the field in pre_save",
    ),
    "one save for each of many": (MAP, f"ran 12 times in {HERE}.restock", "bulk_update"),
    "a receiver that writes on fixtures": (CHECK, f"W020: {HERE}.greet writes", 'Return at once if kwargs["raw"]'),
}
"""By one command, whose output names the fault and, in that line or the two below it, what helps or what is caused."""


class Terminal:
    """Runs commands, and counts them."""

    def __init__(self) -> None:
        self.commands = 0

    def run(self, *command: str) -> list[str]:
        """The lines that it prints, also where it ends with an error."""
        self.commands += 1
        out = io.StringIO()
        try:
            call_command(*command, stdout=out, stderr=out)
        except CommandError as error:
            out.write(str(error))
        return out.getvalue().splitlines()


@pytest.fixture
def terminal() -> Terminal:
    """Nothing has been typed yet."""
    return Terminal()


@pytest.fixture
def shop() -> Iterator[None]:
    """The faulty shop, open until the test ends."""
    with faults():
        yield
    in_use[0] = False  # no session is recorded any more


@pytest.fixture
def day(shop: None) -> None:
    """A shift of it."""
    shift()


@pytest.mark.usefixtures("day")
def test_one_command_finds_each_fault():
    """Each by its own; whoever sees the line also sees what to do."""
    for fault, (command, named, help_) in FOUND_BY.items():
        terminal = Terminal()
        lines = terminal.run(*command)
        at = next((number for number, line in enumerate(lines) if named in line), None)
        assert at is not None, (fault, lines)
        assert help_ in " ".join(lines[at : at + 3]), (fault, lines)
        assert terminal.commands == 1


@pytest.mark.usefixtures("day")
def test_one_command_tells_the_slow_traces_only(terminal):
    slow = "\n".join(terminal.run("signal_tail", "--no-follow", "--slow", "100ms"))
    assert "command:import_staff" in slow
    assert "created shop.Thing" in slow
    assert terminal.run("signal_tail", "--no-follow", "--slow", "1h") == ["The log has nothing like this."]


def record(name: str) -> None:
    """The same work, recorded under a name by a client that says so."""
    client = Client(headers={"X-Signal-Session": recorded.token(recorded.start(name, "client"))})
    for act in ("stock_up", "import_staff", "open_shop", "order_labels"):
        assert client.get(f"/shop/{act}/").status_code == 200


@pytest.mark.usefixtures("shop")
def test_one_command_tells_what_an_upgrade_changed(terminal):
    """One receiver runs twice, another no longer does, and the rest is the same."""
    record("before")
    upgrade()
    record("after")
    lines = [line.strip() for line in terminal.run("signal_session", "compare", "before", "after")]
    assert any(line.startswith(f"~   {HERE}.sync_crm   × 1 → × 2") for line in lines), lines
    assert any(line.startswith(f"~   {HERE}.reindex   × 2 → × 1") for line in lines), lines
    assert "1 of 3 names the same." in lines
    assert not any("restock" in line for line in lines)
    assert terminal.commands == 1


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
def test_the_slowest_receiver_is_not_one_that_only_causes_others():
    """``greet`` makes a label and takes longest, because ``restock`` is called for it."""
    trace = SignalTrace.objects.get(source="command:open_shop")
    calls = {call.receiver: call.duration_us for call in ReceiverCall.objects.filter(trace_id=trace.trace_id)}
    assert max(calls, key=calls.__getitem__) == f"{HERE}.greet"
    assert trace.slowest_receiver == f"{HERE}.restock"
    assert trace.slowest_us <= calls[f"{HERE}.restock"]


@pytest.mark.usefixtures("day")
def test_one_request_tells_a_program_what_is_slow():
    client = Client()
    client.force_login(make_observer())
    slow = client.get("/traces/?sort=duration&took=>100ms&format=json").json()["traces"]
    slowest = {one["name"]: one["slowest_receiver"] for one in slow}
    assert slowest["command:import_staff"] == f"{HERE}.sync_crm"
    times = [one["duration_us"] for one in slow]
    assert times == sorted(times, reverse=True)
