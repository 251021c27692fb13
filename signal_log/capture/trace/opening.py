"""Where every event begins: its trace and cause, the call site and the actor."""

from __future__ import annotations

from signal_log import clock
from signal_log.capture.trace.call_site import call_site
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.draft import Draft, Scene
from signal_log.capture.trace.trace import current_frame, current_trace, lone_trace
from signal_log.conf import conf


def open_scene(sender: str, using: str) -> Scene:
    """The scene of an operation that begins now, on a model or sender with this label and on this database."""
    trace = current_trace.get() or lone_trace(default_context())
    return Scene(trace, current_frame.get(), sender, using, call_site() if conf.CALL_SITES else "")


def open_event(scene: Scene, signal: str, operation: int | None = None) -> Draft:
    """An event that opens now; ``operation`` is the position of the pre event that it completes."""
    return Draft(scene, signal, clock.now(), operation)
