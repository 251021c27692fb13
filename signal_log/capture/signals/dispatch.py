"""Dispatches the observed signals: times and names each receiver, and records it as a cause.

The four model signals have their class replaced by a subclass; senders that are not observed take Django's own path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from asgiref.sync import async_to_sync, sync_to_async
from django.db import models
from django.db.models import signals
from django.db.models.signals import ModelSignal
from django.dispatch import dispatcher

from signal_log import clock
from signal_log.capture.model.error_text import error_text
from signal_log.capture.model.registry import plan_of
from signal_log.capture.pausing import paused
from signal_log.capture.signals.receiver_name import innermost, receiver_name
from signal_log.capture.signals.recorder import event_of
from signal_log.capture.trace.draft import Draft
from signal_log.capture.trace.trace import Frame, calls_are_due, current_frame, current_trace, end_trace
from signal_log.capture.transaction.collecting import notify_of_call
from signal_log.conf import conf
from signal_log.event import MODEL_SIGNALS

Responses = list[tuple[Callable[..., Any], Any]]

# Django 6 cancels the other async receivers when one raises; 5.2 uses asyncio.gather.
_gather: Final[Any] = getattr(dispatcher, "_gather", asyncio.gather)


class ObservedSignal(ModelSignal):
    """A model signal that records its firings for observed senders."""

    def send(self, sender: Any, **named: Any) -> Responses:
        """``Signal.send``, recorded as an event."""
        plan = plan_of(sender) if isinstance(sender, type) else None
        if plan is None or paused.get():
            return super().send(sender, **named)
        draft = event_of(NAMES[id(self)], plan, named)
        receivers, async_receivers = self._live_receivers(sender)
        if not async_receivers and (receivers == _ONLY_OURS or _only_ours(receivers)):
            _end_if_lone(draft)
            return []
        mask = partial(plan.error_without_secrets, instance=named.get("instance"))
        outer = current_frame.get()
        try:  # twice, for an interruption may come at the end of the first, too
            try:
                current_frame.set(None)
                if async_receivers:
                    return call_receivers(self, mask, sender, named, draft)
                # As there, but here: each frame between a save and what its receivers save takes from the host's
                # recursion.
                responses: Responses = []
                for receiver in receivers:
                    if receiver is not observe and innermost(receiver) is not observe:
                        with Timed(draft, receiver, mask):
                            responses.append((receiver, receiver(signal=self, sender=sender, **named)))
                return responses
            finally:
                current_frame.set(outer)
        finally:
            current_frame.set(outer)
            _end_if_lone(draft)

    def send_robust(self, sender: Any, **named: Any) -> Responses:
        """``Signal.send_robust``, which only a host's own code calls: recorded as an event sent by hand."""
        plan = plan_of(sender) if isinstance(sender, type) else None
        if plan is not None and not paused.get():
            _end_if_lone(event_of(NAMES[id(self)], plan, named))
        return _without_ours(super().send_robust(sender, **named))

    async def asend(self, sender: Any, **named: Any) -> Responses:
        """``Signal.asend``, the same."""
        await self._arecord(sender, named)
        return _without_ours(await super().asend(sender, **named))

    async def asend_robust(self, sender: Any, **named: Any) -> Responses:
        """``Signal.asend_robust``, the same."""
        await self._arecord(sender, named)
        return _without_ours(await super().asend_robust(sender, **named))

    async def _arecord(self, sender: Any, named: Mapping[str, Any]) -> None:
        plan = plan_of(sender) if isinstance(sender, type) else None
        if plan is not None and not paused.get():
            await sync_to_async(lambda: _end_if_lone(event_of(NAMES[id(self)], plan, named)))()

    def has_listeners(self, sender: Any = None) -> bool:
        """True for observed senders, so that Django never deletes their rows without signals.

        Rows of an automatic through model are deleted without signals in any case (D2).
        """
        plan = plan_of(sender) if isinstance(sender, type) else None
        return (plan is not None and not plan.model._meta.auto_created) or super().has_listeners(sender)


NAMES: Final = {id(getattr(signals, name)): name for name in MODEL_SIGNALS}


def observe(**_: Any) -> None:
    """The generic receiver; it only marks a sender as observed, and ``ObservedSignal`` does the recording."""


_ONLY_OURS: Final = [observe]


def _without_ours(responses: Responses) -> Responses:
    return [(receiver, response) for receiver, response in responses if innermost(receiver) is not observe]


def _end_if_lone(draft: Draft) -> None:
    """End the trace of a signal that was sent by hand, outside of any: nobody else does."""
    if current_trace.get() is None:
        end_trace(draft.scene.trace)


def _only_ours(receivers: list[Any]) -> bool:
    """Whether nothing but ``observe`` is connected, bare or wrapped: sentry-sdk wraps every receiver it is shown."""
    return not receivers or (len(receivers) == 1 and innermost(receivers[0]) is observe)


def connect(model: type[models.Model]) -> None:
    """Connect the generic receiver to a model class, so that it shows in lists of receivers.

    Django sends no signals for an automatic through model, and a receiver would slow down each of its deletes.
    """
    if model._meta.auto_created:
        return
    for name in MODEL_SIGNALS:
        getattr(signals, name).connect(observe, sender=model, dispatch_uid="signal_log")


def disconnect(model: type[models.Model]) -> None:
    """Undo ``connect``."""
    for name in MODEL_SIGNALS:
        getattr(signals, name).disconnect(sender=model, dispatch_uid="signal_log")


def call_receivers(
    signal: ModelSignal, mask: Callable[[str], str], sender: Any, named: Mapping[str, Any], draft: Draft
) -> Responses:
    """Call the live receivers as Django does, sync ones first, each timed and within its own frame."""
    sync_receivers, async_receivers = signal._live_receivers(sender)
    responses: Responses = []
    for receiver in sync_receivers:
        if receiver is observe or innermost(receiver) is observe:
            continue
        with Timed(draft, receiver, mask):
            responses.append((receiver, receiver(signal=signal, sender=sender, **named)))
    if async_receivers:

        async def call(receiver: Callable[..., Any]) -> Any:
            with Timed(draft, receiver, mask):
                return await receiver(signal=signal, sender=sender, **named)

        async def call_all() -> Any:
            return await _gather(*(call(receiver) for receiver in async_receivers))

        responses.extend(zip(async_receivers, async_to_sync(call_all)(), strict=True))
    return responses


class Timed:
    """One run of a receiver: the frame that makes it a cause, its duration and its exception, filtered by ``mask``."""

    __slots__ = ("draft", "frame", "mask", "started", "token")

    def __init__(self, draft: Draft, receiver: Callable[..., Any], mask: Callable[[str], str]) -> None:
        self.draft = draft
        self.mask = mask
        self.frame = Frame(draft.position, receiver_name(receiver))

    def __enter__(self) -> None:
        self.token = current_frame.set(self.frame)
        self.started = clock.perf_counter_ns()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: Any) -> None:
        current_frame.reset(self.token)
        if not conf.RECEIVERS:
            return
        now, draft, frame = clock.perf_counter_ns(), self.draft, self.frame
        scene = draft.scene
        took_us = (now - self.started) // 1000
        if scene.frame is not None:
            scene.frame.queries += frame.queries
            scene.frame.inner_us += took_us
        trace, gathered = scene.trace, scene.trace.gathered
        own_us = max(0, took_us - frame.inner_us)  # async ones that it caused ran at once
        if own_us > gathered.slowest_us or not gathered.slowest_receiver:
            gathered.slowest_receiver, gathered.slowest_us = frame.receiver, own_us
        text = self.mask(error_text(error, gathered.secrets)) if error else ""
        call = (
            frame.position, scene.sender, draft.signal, frame.receiver, (self.started - gathered.started_ns) // 1000,
            took_us, frame.queries, text,
        )  # fmt: skip
        gathered.calls.append(call)
        if len(gathered.calls) >= gathered.due_at:
            calls_are_due(trace)
        notify_of_call(trace, call)
