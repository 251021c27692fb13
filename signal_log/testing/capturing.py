"""``capture()``: collects what fires in a block, or says why nothing could."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from signal_log.testing.snapshots import Snapshots

if TYPE_CHECKING:
    from signal_log.testing.seen import Seen


class NotRecording(AssertionError):
    """Nothing can be captured here; the message says why, and what to do."""


def refuse(why: str) -> NoReturn:
    """Fail the test with this message."""
    __tracebackhide__ = True
    raise NotRecording(why)


class SignalLog:
    """The fixture ``signal_log``, and ``self.signal_log`` of a ``SignalLogMixin``."""

    def __init__(self, snapshots: Snapshots | None = None, refuse: Callable[[str], NoReturn] = refuse) -> None:
        self._snapshots = snapshots
        self._refuse = refuse

    @contextmanager
    def capture(self) -> Iterator[Seen]:
        """Collect what fires in the block, committed or not; may contain ``await``, and other captures.

        Threads that Django starts for async code belong to the block, a thread that the test starts does not.
        """
        __tracebackhide__ = True
        if why := why_not_recording():
            self._refuse(why)
        from signal_log.capture.transaction.collecting import collecting
        from signal_log.testing.seen import Seen

        with collecting() as collected:
            yield Seen(collected, self._snapshots)


def why_not_recording() -> str:
    """Why nothing is recorded here; empty if it is."""
    from django.apps import apps
    from django.conf import settings

    if not settings.configured and not apps.ready:
        return "Django is not set up, so nothing is recorded: pytest-django does that, given DJANGO_SETTINGS_MODULE."
    if not apps.ready or not apps.is_installed("signal_log"):
        return (
            "signal_log is not in INSTALLED_APPS of the settings that the tests use, so no signals are recorded.\n"
            'Add it there, with SIGNAL_LOG = {"MODELS": ["app.Model", ...]}.'
        )
    from signal_log.capture.pausing import paused
    from signal_log.capture.sink import is_recording
    from signal_log.conf import problems

    if wrong := problems():
        return "\n".join(["Nothing is recorded, because a setting is wrong:", *(" ".join(one) for one in wrong)])
    if not is_recording():
        return "Nothing is recorded: signal_log was stopped in this process."
    if paused.get():
        return "Recording is paused here: capture() is inside a `with signal_log.pause():`."
    return ""
