"""Signals other than the model signals, such as login, logout or a project's own, named in ``EXTRA_SIGNALS``.

Each signal's class is replaced by a subclass. Django's four send methods remain in charge; only the list of receivers
they get is wrapped, to time each receiver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.db import connections
from django.db.models import signals
from django.dispatch import Signal
from django.utils.module_loading import import_string

from signal_log.capture.model.error_text import error_text
from signal_log.capture.pausing import paused
from signal_log.capture.signals.dispatch import Responses, Timed
from signal_log.capture.signals.extra_event import (
    Firing,
    close,
    close_in_thread,
    in_event_loop,
    open_firing,
)
from signal_log.capture.signals.receiver_name import receiver_name
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.draft import Draft
from signal_log.capture.trace.trace import current_frame, ensure_trace
from signal_log.capture.transaction.recording import record
from signal_log.capture.transaction.state import in_transaction
from signal_log.conf import conf
from signal_log.errors import ConfigurationError
from signal_log.event import M2M_CHANGED, MODEL_SIGNALS

_paths: Final[dict[int, str]] = {}
"""The dotted path under which each observed signal is recorded, by the signal's ``id()``."""

_firing: ContextVar[Firing | None] = ContextVar("signal_log_extra", default=None)


class ObservedExtra(Signal):
    """A signal that records its firings, whichever method sends it."""

    def send(self, sender: Any, **named: Any) -> Responses:
        """``Signal.send``, recorded as an event."""
        if not _is_recorded(self):
            return super().send(sender, **named)
        with _recording(self, sender, named):
            return _as_connected(super().send(sender, **named))

    def send_robust(self, sender: Any, **named: Any) -> Responses:
        """``Signal.send_robust``, recorded as an event."""
        if not _is_recorded(self):
            return super().send_robust(sender, **named)
        with _recording(self, sender, named):
            return _as_connected(super().send_robust(sender, **named))

    async def asend(self, sender: Any, **named: Any) -> Responses:
        """``Signal.asend``, recorded as an event."""
        if not _is_recorded(self):
            return await super().asend(sender, **named)
        with _dispatching(self, sender, named) as draft:
            try:
                return _as_connected(await super().asend(sender, **named))
            finally:
                await sync_to_async(close)(draft)

    async def asend_robust(self, sender: Any, **named: Any) -> Responses:
        """``Signal.asend_robust``, recorded as an event."""
        if not _is_recorded(self):
            return await super().asend_robust(sender, **named)
        with _dispatching(self, sender, named) as draft:
            try:
                return _as_connected(await super().asend_robust(sender, **named))
            finally:
                await sync_to_async(close)(draft)

    def _live_receivers(self, sender: Any) -> Any:
        """The receivers, wrapped to be timed if they are about to be called."""
        found = super()._live_receivers(sender)
        firing = _firing.get()
        if firing is None:
            return found
        _firing.set(None)  # a nested call, e.g. `has_listeners` in a receiver, gets them unwrapped
        sync_receivers, async_receivers = found
        return [_timed(r, firing) for r in sync_receivers], [_atimed(r, firing) for r in async_receivers]


def _is_recorded(signal: Signal) -> bool:
    """Whether its firings become events: not while paused, nor after a stop that had to leave our class in place."""
    return id(signal) in _paths and not paused.get()


def chosen() -> Iterator[Signal]:
    """Register and yield the signals of ``EXTRA_SIGNALS``; ``manage.py check`` reports invalid entries."""
    for path in conf.EXTRA_SIGNALS:
        try:
            signal = resolve(path)
        except ConfigurationError:
            continue
        if id(signal) not in _paths:
            _paths[id(signal)] = path
            yield signal


def forget() -> None:
    """Stop observing all of them."""
    _paths.clear()


def resolve(path: str) -> Signal:
    """Import the signal at a dotted path; raises ``ConfigurationError``."""
    try:
        signal = import_string(path)
    except Exception as error:  # a host's module may raise anything
        raise ConfigurationError(f"{path!r} cannot be imported: {error_text(error)}") from error
    if not isinstance(signal, Signal):
        raise ConfigurationError(f"{path!r} is a {type(signal).__name__}, not a signal.")
    if any(signal is getattr(signals, name) for name in (*MODEL_SIGNALS, M2M_CHANGED)):
        raise ConfigurationError(f"{path!r} is already recorded, for the models in MODELS.")
    return signal


def invalid_paths() -> Iterator[str]:
    """The problems with entries of ``EXTRA_SIGNALS``."""
    for path in conf.EXTRA_SIGNALS:
        try:
            resolve(path)
        except ConfigurationError as error:
            yield str(error)


@contextmanager
def _recording(signal: Signal, sender: Any, named: dict[str, Any]) -> Iterator[None]:
    """Record a signal that is sent synchronously."""
    with _dispatching(signal, sender, named) as draft:
        within = not in_event_loop() and in_transaction(connections[draft.using])
        if within:
            record((draft,), connections[draft.using])
        try:
            yield
        finally:
            if not within and in_event_loop():
                close_in_thread(draft)
            elif not within:
                close(draft)


@contextmanager
def _dispatching(signal: Signal, sender: Any, named: dict[str, Any]) -> Iterator[Draft]:
    """Open the event, and make it available to ``_live_receivers``."""
    with ensure_trace(default_context):
        firing = open_firing(_paths[id(signal)], sender, named)
        tokens = _firing.set(firing), current_frame.set(None)
        try:
            yield firing.draft
        finally:
            _firing.reset(tokens[0])
            current_frame.reset(tokens[1])


def _timed(receiver: Callable[..., Any], firing: Firing) -> Any:
    def call(**named: Any) -> Any:
        with Timed(firing.draft, receiver, firing.arguments.without_secrets):
            return receiver(**named)

    return _named_like(call, receiver)


def _atimed(receiver: Callable[..., Any], firing: Firing) -> Any:
    async def call(**named: Any) -> Any:
        with Timed(firing.draft, receiver, firing.arguments.without_secrets):
            return await receiver(**named)

    return _named_like(call, receiver)


def _named_like(call: Any, receiver: Callable[..., Any]) -> Any:
    """Copy the receiver's name, which ``send_robust`` logs, and keep the receiver for the list of responses."""
    call.__qualname__ = getattr(receiver, "__qualname__", receiver_name(receiver))
    call.signal_log_receiver = receiver
    return call


def _as_connected(responses: Any) -> Responses:
    """The responses, paired with the receivers as they were connected."""
    return [(getattr(receiver, "signal_log_receiver", receiver), response) for receiver, response in responses]
