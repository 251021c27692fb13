"""A relay whose receiver is in memory, and the command as somebody types it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from io import StringIO
from itertools import count
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction

from signal_log.models import RelayCursor, SignalEvent
from signal_log.relay import backoff, runner
from signal_log.relay.message import Delivery, Message
from signal_log.relay.runner import Runner
from signal_log.relay.settings import parse
from signal_log.seal.settled import newest_id
from signal_log.show.export.bodies import body
from signal_log.store.append import append
from tests.factories import event_value


class Receiver:
    """A sink that keeps what it gets, but for what ``answer`` does with a batch first."""

    most = 50

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.answer: Callable[[Sequence[Message]], Delivery | None] = lambda _: None

    def send(self, batch: Sequence[Message]) -> Delivery:
        delivery = self.answer(batch) or Delivery(taken=list(batch))
        self.got += delivery.taken
        return delivery

    def close(self) -> None: ...

    @property
    def ids(self) -> list[int]:
        """The events, as they came."""
        return [message.id for message in self.got]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What stood in them."""
        return [json.loads(message.body) for message in self.got]


class Ran:
    """Runs a relay with a receiver in memory until it has caught up; ``said`` is what it has told."""

    def __init__(self) -> None:
        self.receiver = Receiver()
        self.said: list[str] = []

    def runner(self, *, up_to: int | None = None, **given: Any) -> Runner:
        relay = parse("siem", {"sink": "file", "url": "/nowhere", "format": "json", **given})
        return Runner(relay, body, self.receiver, self.said.append, Event(), up_to=up_to)

    def __call__(self, **given: Any) -> list[int]:
        """What came by this run."""
        before = len(self.receiver.got)
        self.runner(up_to=newest_id(), **given).run()
        return self.receiver.ids[before:]


@pytest.fixture
def relayed(_quick: None) -> Ran:
    """The relay *siem*, and its receiver."""
    return Ran()


class Outage:
    """Runs a relay while somebody writes, and its receiver is gone for a while; then what came is looked at."""

    seconds = float(os.environ.get("RELAY_OUTAGE", "0.5"))
    """`make relay-outages` has ten."""

    def __call__(self, relayed: Ran, stop: Callable[[], Any], start: Callable[[], Any]) -> None:
        over, wrote = Event(), Event()
        relay = parse("siem", {"sink": "file", "url": "/nowhere"})
        running = Runner(relay, body, relayed.receiver, relayed.said.append, over)
        threads = [Thread(target=self._run, args=(running,)), Thread(target=self._write, args=(wrote,))]
        for thread in threads:
            thread.start()
        try:
            assert wrote.wait(20)
            stop()
            sleep(self.seconds)
            start()
            threads[1].join(30 + self.seconds)
            deadline = monotonic() + 30 + 4 * self.seconds
            while RelayCursor.objects.get().reached < newest_id():
                assert monotonic() < deadline, (relayed.said, vars(RelayCursor.objects.get()))
                sleep(0.05)
        finally:
            over.set()
            threads[0].join(10)
            relayed.receiver.close()
        self.written = dict(SignalEvent.objects.values_list("pk", "object_pk"))

    def check(self, came: Sequence[int]) -> None:
        """Everything came; and of each object what came first of each event is in order."""
        print(f"\n{len(self.written):,} events, {len(came) - len({*came}):,} of them again, in {self.seconds:g} s")
        assert {*came} == {*self.written}
        first = [*dict.fromkeys(came)]
        for key in {*self.written.values()}:
            of_one = [number for number in first if self.written[number] == key]
            assert of_one == sorted(of_one)

    def _run(self, runner: Runner) -> None:
        try:
            runner.run()
        finally:
            connections.close_all()

    def _write(self, wrote: Event) -> None:
        until = monotonic() + self.seconds + 0.5
        for at in count():
            rows = [event_value(object_pk=str(number % 7)) for number in range(10)]
            with transaction.atomic():
                append([list(row) for row in rows], connections["default"])
            if at == 10:
                wrote.set()
            if at > 20 and monotonic() > until:
                break
            sleep(0.02)
        connections.close_all()


@pytest.fixture
def outage() -> Outage:
    """A receiver that is gone for a while, under load."""
    return Outage()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long."""
    monkeypatch.setattr(backoff, "FIRST", 0.01)
    monkeypatch.setattr(backoff, "LONGEST", 0.2)
    monkeypatch.setattr(runner, "POLL_EVERY", 0.02)


@pytest.fixture
def relay(settings: Any) -> Callable[..., str]:
    """Configure the relay *siem*, and call the command: what it says, or how it ends."""

    def call(*arguments: object, returncode: int = 0, **given: Any) -> str:
        if given:
            settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"RELAYS": {"siem": given}}
        out = StringIO()
        if returncode:
            with pytest.raises(CommandError) as refused:
                call_command("signal_relay", *map(str, arguments), stdout=out, stderr=out)
            assert refused.value.returncode == returncode
            return str(refused.value)
        call_command("signal_relay", *map(str, arguments), stdout=out, stderr=out)
        return out.getvalue()

    return call
