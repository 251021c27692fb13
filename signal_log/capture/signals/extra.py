"""Signals other than the models': log-in, log-out, a project's own; named in ``EXTRA_SIGNALS``.

Each gets a subclass of its own class, so Django's four ways to send stay Django's; only the list of
receivers is handed to them with a stop-watch around each.
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

from signal_log.capture.model.snapshot import error_text
from signal_log.capture.pausing import paused
from signal_log.capture.signals.dispatch import Responses, Timed
from signal_log.capture.signals.extra_event import Firing, close, close_in_a_thread, on_a_loop, opened, since
from signal_log.capture.signals.receiver_name import receiver_name
from signal_log.capture.trace.context import default_scene
from signal_log.capture.trace.trace import Draft, current_frame, trace_of
from signal_log.capture.transaction.held import hold
from signal_log.capture.transaction.state import in_transaction
from signal_log.conf import conf
from signal_log.errors import ConfigurationError
from signal_log.event import M2M_CHANGED, MODEL_SIGNALS

_paths: Final[dict[int, str]] = {}
"""The signals that are observed, by identity: the path under which each is recorded."""

_firing: ContextVar[Firing | None] = ContextVar("signal_log_extra", default=None)


class ObservedExtra(Signal):
    """A signal whose firings are recorded, in whichever way it is sent."""

    def send(self, sender: Any, **named: Any) -> Responses:
        """As ``Signal.send``, with an event around it."""
        if paused.get() or id(self) not in _paths:
            return super().send(sender, **named)
        with _recording(self, sender, named):
            return _as_connected(super().send(sender, **named))

    def send_robust(self, sender: Any, **named: Any) -> Responses:
        """As ``Signal.send_robust``, with an event around it."""
        if paused.get() or id(self) not in _paths:
            return super().send_robust(sender, **named)
        with _recording(self, sender, named):
            return _as_connected(super().send_robust(sender, **named))

    async def asend(self, sender: Any, **named: Any) -> Responses:
        """As ``Signal.asend``, with an event around it."""
        if paused.get() or id(self) not in _paths:
            return await super().asend(sender, **named)
        with _dispatching(self, sender, named) as draft:
            try:
                return _as_connected(await super().asend(sender, **named))
            finally:
                await sync_to_async(close)(draft)

    async def asend_robust(self, sender: Any, **named: Any) -> Responses:
        """As ``Signal.asend_robust``, with an event around it."""
        if paused.get() or id(self) not in _paths:
            return await super().asend_robust(sender, **named)
        with _dispatching(self, sender, named) as draft:
            try:
                return _as_connected(await super().asend_robust(sender, **named))
            finally:
                await sync_to_async(close)(draft)

    def _live_receivers(self, sender: Any) -> Any:
        """The receivers; with stop-watches, where they are about to be called."""
        found = super()._live_receivers(sender)
        firing = _firing.get()
        if firing is None:
            return found
        _firing.set(None)  # a receiver that asks `has_listeners` gets them plain
        sync_receivers, async_receivers = found
        return [_timed(r, firing) for r in sync_receivers], [_atimed(r, firing) for r in async_receivers]


def chosen() -> Iterator[Signal]:
    """The signals of ``EXTRA_SIGNALS``, observed from now on; wrong entries are named by ``manage.py check``."""
    for path in conf.EXTRA_SIGNALS:
        try:
            signal = resolve(path)
        except ConfigurationError:
            continue
        if id(signal) not in _paths:
            _paths[id(signal)] = path
            yield signal


def forget() -> None:
    """Observe none of them any more."""
    _paths.clear()


def resolve(path: str) -> Signal:
    """The signal of a dotted path."""
    try:
        signal = import_string(path)
    except Exception as error:  # a host's module may raise anything
        raise ConfigurationError(f"{path!r} cannot be imported: {error_text(error)}") from error
    if not isinstance(signal, Signal):
        raise ConfigurationError(f"{path!r} is a {type(signal).__name__} and no signal.")
    if any(signal is getattr(signals, name) for name in (*MODEL_SIGNALS, M2M_CHANGED)):
        raise ConfigurationError(f"{path!r} is recorded already, for the models in MODELS.")
    return signal


def wrong_paths() -> Iterator[str]:
    """What is wrong with entries of ``EXTRA_SIGNALS``."""
    for path in conf.EXTRA_SIGNALS:
        try:
            resolve(path)
        except ConfigurationError as error:
            yield str(error)


@contextmanager
def _recording(signal: Signal, sender: Any, named: dict[str, Any]) -> Iterator[None]:
    """The event of a signal that is sent synchronously."""
    with _dispatching(signal, sender, named) as draft:
        within = not on_a_loop() and in_transaction(connections[draft.using])
        if within:
            hold(draft)
        try:
            yield
        finally:
            if within:
                draft.duration_us = since(draft)
            elif on_a_loop():
                close_in_a_thread(draft)
            else:
                close(draft)


@contextmanager
def _dispatching(signal: Signal, sender: Any, named: dict[str, Any]) -> Iterator[Draft]:
    """Open the event, and let ``_live_receivers`` know of it."""
    with trace_of(default_scene):
        firing = opened(_paths[id(signal)], sender, named)
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
    """``send_robust`` logs a receiver by its name, and its responses carry the receiver as it was connected."""
    call.__qualname__ = getattr(receiver, "__qualname__", receiver_name(receiver))
    call.signal_log_receiver = receiver
    return call


def _as_connected(responses: Any) -> Responses:
    return [(getattr(receiver, "signal_log_receiver", receiver), response) for receiver, response in responses]
