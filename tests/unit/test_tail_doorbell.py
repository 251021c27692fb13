"""The doorbell: cheap, coalesced, never in the way, and heard at the end of a short command."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from signal_log.tail import doorbell

ROOT = Path(__file__).resolve().parents[2]


class CountingLayer:
    """A layer that reaches out, as far as the doorbell can tell."""

    sent: list[dict[str, Any]] = []  # noqa: RUF012  shared on purpose: Channels makes the instance

    def __init__(self, **_: object) -> None: ...

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        assert group == doorbell.GROUP
        self.sent.append(message)


class BrokenLayer:
    """A layer whose server is gone."""

    def __init__(self, **_: object) -> None: ...

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        raise ConnectionError("refused")


@pytest.fixture
def fresh_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bell that nobody has rung yet."""
    monkeypatch.setattr(doorbell, "_bell", doorbell._Doorbell())


def layer(settings: Any, name: str) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": f"{__name__}.{name}"}}


def wait_until(reached: Any, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.005)
    return bool(reached())


def test_a_ring_on_any_thread_wakes_an_event_loop(fresh_bell: None) -> None:
    """A hub that sleeps on its loop is woken at once by a commit elsewhere."""

    async def sleep_until_rung() -> float:
        loop, bell = asyncio.get_running_loop(), asyncio.Event()
        stop = doorbell.listen(lambda: loop.call_soon_threadsafe(bell.set))
        began = time.monotonic()
        threading.Timer(0.05, doorbell.ring).start()
        await asyncio.wait_for(bell.wait(), 5)
        stop()
        return time.monotonic() - began

    assert asyncio.run(sleep_until_rung()) < 1
    assert doorbell._bell.wakes == ()


def test_with_the_in_memory_layer_nothing_runs_in_the_background(fresh_bell: None) -> None:
    """There is nobody to ring, so no thread is started."""
    doorbell.ring()
    assert doorbell._bell.ringer._loop is None


def test_rings_are_coalesced_and_the_last_one_is_never_swallowed(fresh_bell: None, settings: Any) -> None:
    """Thousands of commits make few messages, and one message goes out after the last commit."""
    layer(settings, "CountingLayer")
    CountingLayer.sent.clear()
    began = time.monotonic()
    for _ in range(5000):
        doorbell.ring()
    assert wait_until(lambda: CountingLayer.sent)
    time.sleep(0.1)
    took = time.monotonic() - began
    assert len(CountingLayer.sent) <= took / doorbell.COALESCE + 2
    before = len(CountingLayer.sent)
    doorbell.ring()
    assert wait_until(lambda: len(CountingLayer.sent) == before + 1)
    assert {message["type"] for message in CountingLayer.sent} == {doorbell.RING}


def test_a_layer_that_is_down_is_counted_and_said_once(
    fresh_bell: None, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """No ring raises or waits; one warning a minute tells the operator."""
    layer(settings, "BrokenLayer")
    with caplog.at_level(logging.WARNING, "signal_log.tail.doorbell"):
        for count in range(1, 4):
            doorbell.ring()
            assert wait_until(lambda count=count: doorbell.failed_rings() >= count)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "refused" in caplog.text


SCRIPT = """
import asyncio, os, sys, time
from django.conf import settings
settings.configure(CHANNEL_LAYERS={{"default": {{"BACKEND": "__main__.Layer"}}}})
class Layer:
    def __init__(self, **_): pass
    async def group_send(self, group, message):
        await asyncio.get_running_loop().getaddrinfo("localhost", 80)  # as a client that connects does
        await asyncio.sleep({delay})
        os.write(1, b"rung\\n")
from signal_log.tail import doorbell
{body}
"""


def run(body: str, delay: float = 0.1) -> tuple[str, float]:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(body=body, delay=delay)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout, time.monotonic() - began


def test_a_short_command_is_heard() -> None:
    """A process that ends right after its commit waits for its ring to go out."""
    assert run("doorbell.ring()")[0] == "rung\n"


def test_a_layer_that_hangs_does_not_keep_a_process_alive() -> None:
    """The wait at the end is bounded."""
    silent, idle = run("doorbell.ring()", delay=30), run("pass")
    assert silent[0] == ""
    assert silent[1] - idle[1] < 5


def test_a_forked_child_rings_by_itself() -> None:
    """Threads do not survive a fork; the child starts its own."""
    body = """
doorbell.ring(); time.sleep(0.5)
if os.fork() == 0:
    doorbell.ring()
    sys.exit()
os.wait()
"""
    assert run(body)[0] == "rung\nrung\n"
