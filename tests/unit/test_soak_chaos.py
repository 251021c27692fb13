"""The soak kills what its plan names and starts it again, and what ended by itself, too; it says what did not start."""

from __future__ import annotations

import os
import signal
import time
from threading import Event

from tests.servers.process import Server, ServerError
from tests.soak.chaos import TRIES, Chaos
from tests.soak.plan import Kill


class Part:
    """Something that is started; ``fails`` times that goes wrong."""

    def __init__(self, fails=0):
        self.fails, self.kills, self.tried = fails, 0, Event()

    def kill(self):
        self.kills += 1

    def start(self):
        self.fails -= 1
        if self.fails <= 0:
            self.tried.set()
        if self.fails >= 0:
            raise ServerError("no port is free\nand more")


class Process(Server):
    """A real one."""

    def __init__(self):
        super().__init__("sleeping")
        self.starts, self.again = 0, Event()
        self.begin()

    def start(self):
        self.launch(["sleep", "60"])
        self.starts += 1
        if self.starts > 1:
            self.again.set()


def test_kills_as_planned():
    """Also all at once; a part that needs a second try is no problem, and one that never starts is named."""
    web, relay, never = Part(), Part(fails=TRIES - 1), Part(fails=TRIES)
    parts = {"web1": web, "relay": relay, "never": never}
    kills = [Kill(0, ("web1", "relay"), 0), Kill(0, ("never",), 0)]
    chaos = Chaos(parts, kills, time.monotonic())
    try:
        assert all(part.tried.wait(10) for part in parts.values())
    finally:
        chaos.finish()
    assert chaos.kills == {"web1": 1, "relay": 1, "never": 1}
    assert (web.kills, relay.kills) == (1, 1 + TRIES - 1)
    assert chaos.problems == ["never did not start again: no port is free"]
    assert len(chaos.away) == 1  # a page does not need the others


def test_a_part_that_is_away_is_not_killed_again():
    """Or it would never be there on a slow machine."""
    slow, other, go_on = Part(), Part(), Event()
    slow.start = lambda: go_on.wait(10) and slow.tried.set()
    chaos = Chaos({"web1": slow, "web2": other}, [Kill(0, (name,), 0) for name in ("web1", "web1", "web2")], 0.0)
    try:
        assert other.tried.wait(10)
    finally:
        go_on.set()
        chaos.finish()
    assert slow.kills == 1


def test_what_ends_by_itself_is_started_again():
    """As a supervisor does; it is told."""
    with Process() as process:
        chaos = Chaos({"relay": process}, [], time.monotonic())
        try:
            os.kill(process.process.pid, signal.SIGKILL)
            assert process.again.wait(10)
        finally:
            chaos.finish()
        assert process.process.poll() is None
    assert chaos.ended == [("relay", "")]
    assert chaos.kills == {}
