"""The doorbell is cheap, coalesced, never in the way, and heard even at the end of a short command."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from signal_log.tail import doorbell, layer_publisher, notifier
from signal_log.tail.notifier import Notifier

ROOT = Path(__file__).resolve().parents[2]


class CountingLayer:
    """A layer that the doorbell takes for one with a server."""

    sent: list[dict[str, Any]] = []  # noqa: RUF012  shared on purpose: Channels makes the instance

    def __init__(self, **_: object) -> None: ...

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        assert group == layer_publisher.GROUP
        self.sent.append(message)


class BrokenLayer:
    """A layer whose server is gone."""

    def __init__(self, **_: object) -> None: ...

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        raise ConnectionError("refused")


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Return a doorbell that has never been rung."""
    monkeypatch.setattr(doorbell, "_notifier", Notifier())


def layer(settings: Any, name: str) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": f"{__name__}.{name}"}}


def wait_until(reached: Any, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.005)
    return bool(reached())


def test_a_ring_on_any_thread_wakes_an_event_loop(fresh: None) -> None:
    """A hub that sleeps on its event loop is woken at once by a commit on another thread."""

    async def sleep_until_rung() -> float:
        loop, rung = asyncio.get_running_loop(), asyncio.Event()
        stop = doorbell.listen(lambda: loop.call_soon_threadsafe(rung.set))
        began = time.monotonic()
        threading.Timer(0.05, doorbell.ring).start()
        await asyncio.wait_for(rung.wait(), 5)
        stop()
        return time.monotonic() - began

    assert asyncio.run(sleep_until_rung()) < 1
    assert doorbell._notifier.wakes == ()


def test_a_ring_waits_for_nobody_it_wakes(fresh: None) -> None:
    """Listeners run on another thread, and a ring that comes while they work is not swallowed."""
    began, go_on, woken = threading.Event(), threading.Event(), []

    def wake() -> None:
        woken.append(threading.current_thread())
        began.set()
        assert go_on.wait(5)

    doorbell.listen(wake)
    doorbell.ring()
    assert began.wait(5)
    doorbell.ring()
    go_on.set()
    assert wait_until(lambda: len(woken) == 2)
    assert threading.current_thread() not in woken


def test_while_there_are_commits_a_ring_wakes_no_thread(fresh: None) -> None:
    """The notifier polls for a while before it sleeps, so frequent commits wake no thread, and no ring is lost."""
    running, woken, calls = doorbell._notifier, [], []
    original = running._calls.put
    running._calls = SimpleNamespace(put=lambda call: (calls.append(call), original(call)), get=running._calls.get)  # type: ignore[assignment]
    doorbell.listen(lambda: woken.append(1))
    for count in range(1, 21):
        doorbell.ring()
        assert wait_until(lambda count=count: len(woken) == count)
    assert calls == []
    assert wait_until(lambda: running._asleep)
    doorbell.ring()
    assert wait_until(lambda: len(woken) == 21)
    assert len(calls) == 1


def test_no_ring_of_many_threads_is_lost(fresh: None) -> None:
    """After the last ring from any thread somebody is woken, whatever the notifier was doing."""
    woken_at, rung_at = [0.0], [0.0]
    doorbell.listen(lambda: woken_at.append(time.monotonic()))

    def ring(pause: float) -> None:
        for _ in range(40):
            rung_at.append(time.monotonic())
            doorbell.ring()
            time.sleep(pause)

    longest = notifier.FLAG_POLL_EVERY * notifier.MAX_IDLE_POLLS
    for _ in range(2):  # roughly as long as the notifier polls, so that some rings find it falling asleep
        threads = [threading.Thread(target=ring, args=(longest / 40 * n,)) for n in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wait_until(lambda: max(woken_at) >= max(rung_at))
        time.sleep(longest)


def test_with_the_in_memory_layer_nothing_runs_in_the_background(fresh: None) -> None:
    """The in-memory layer reaches no other process, so no thread is started."""
    doorbell.ring()
    assert doorbell._notifier.thread is None


def test_rings_are_coalesced_and_the_last_one_is_never_swallowed(fresh: None, settings: Any) -> None:
    """Thousands of commits make few messages, and one message always follows the last commit."""
    layer(settings, "CountingLayer")
    CountingLayer.sent.clear()
    began = time.monotonic()
    for _ in range(5000):
        doorbell.ring()
    assert wait_until(lambda: CountingLayer.sent)
    time.sleep(0.1)
    took = time.monotonic() - began
    assert len(CountingLayer.sent) <= took / layer_publisher.COALESCE + 2
    before = len(CountingLayer.sent)
    doorbell.ring()
    assert wait_until(lambda: len(CountingLayer.sent) == before + 1)
    assert {message["type"] for message in CountingLayer.sent} == {layer_publisher.RING}


def test_a_layer_that_is_down_is_counted_and_logged_once(
    fresh: None, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """No ring raises or waits while the layer is down, and one warning a minute tells the operator."""
    layer(settings, "BrokenLayer")
    with caplog.at_level(logging.WARNING, "signal_log.tail.layer_publisher"):
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
    """A process that ends right after its commit waits until its ring is sent."""
    assert run("doorbell.ring()")[0] == "rung\n"


def test_a_layer_that_hangs_does_not_keep_a_process_alive() -> None:
    """The wait at exit is bounded, so a hanging layer does not keep the process alive."""
    silent, idle = run("doorbell.ring()", delay=30), run("pass")
    assert silent[0] == ""
    assert silent[1] - idle[1] < 5


def test_a_forked_child_rings_by_itself() -> None:
    """Threads do not survive a fork, so the child starts its own."""
    body = """
doorbell.ring(); time.sleep(0.5)
if os.fork() == 0:
    doorbell.ring()
    sys.exit()
os.wait()
"""
    assert run(body)[0] == "rung\nrung\n"
