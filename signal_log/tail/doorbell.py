"""The doorbell: tells every server process that there is news, and carries none.

``ring()`` is called after each commit, from any thread. It only sets a flag for the notifier, a background thread that
wakes this process's hubs and has the channel layer wake the hubs of other processes.
A ring that is lost costs at most a second, because hubs also poll.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Final

from django.core.signals import setting_changed

from signal_log import clock
from signal_log.capture.model.error_text import traceback_text
from signal_log.tail.layer_publisher import remote_layer
from signal_log.tail.notifier import Notifier, Wake

logger = logging.getLogger(__name__)

FLUSH_TIMEOUT: Final = 0.5
"""The most seconds that a process that ends waits for its last ring to go out."""

_notifier = Notifier()


def ring() -> None:
    """Say that something was committed. Costs microseconds, never blocks, never raises."""
    notifier = _notifier
    if notifier.remote is None:
        _check_layer(notifier)
    if notifier.wakes or notifier.remote:
        try:
            notifier.ring()
        except RuntimeError:  # no thread can be started any more: the interpreter is on its way out
            notifier.publisher.failed += 1


def this_process() -> str:
    """The name under which this process rings, so that it need not listen to itself."""
    return _notifier.process


def failed_rings() -> int:
    """How many rings of this process did not reach the channel layer."""
    return _notifier.publisher.failed


def listen(wake: Wake) -> Callable[[], None]:
    """Have ``wake``, which must not raise, called after each ring of this process; returns how to stop that."""
    _notifier.add(wake)
    return lambda: _notifier.remove(wake)


def flush() -> None:
    """Give the last ring of a process that ends (a short command) the time to go out, but never long."""
    deadline = clock.monotonic() + FLUSH_TIMEOUT
    while _notifier.busy() and clock.monotonic() < deadline:
        time.sleep(0.002)


def _check_layer(notifier: Notifier) -> None:
    try:
        notifier.remote = remote_layer() is not None
    except Exception as problem:  # noqa: BLE001  whatever the host's layer raises when it is made
        notifier.remote = False
        why = traceback_text(problem)
        logger.error("The channel layer is not usable; other processes notice by polling.\n%s", why)


def _on_setting_changed(*, setting: str, **_: object) -> None:
    if setting == "CHANNEL_LAYERS":
        _notifier.remote = None


def _after_fork() -> None:
    global _notifier  # noqa: PLW0603  threads, loops and locks do not survive a fork
    _notifier = Notifier()


setting_changed.connect(_on_setting_changed, dispatch_uid="signal_log.tail.doorbell")
os.register_at_fork(after_in_child=_after_fork)
# Earlier than ``atexit``, where it exists: by then no address can be looked up any more (executors are closed).
getattr(threading, "_register_atexit", atexit.register)(flush)
