"""What a project says to the recorder: who is at work, what not to record, what belongs together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Model

from signal_log.capture.model.plan import key_text, secret_names
from signal_log.capture.model.snapshot import harmless, is_secret_name, shorten
from signal_log.capture.pausing import paused
from signal_log.capture.silent.bulk import asked_for
from signal_log.capture.silent.bulk_rows import concrete
from signal_log.capture.trace.context import ANONYMOUS, default_scene
from signal_log.capture.trace.trace import Actor, Trace, current_trace, trace_of
from signal_log.conf import conf
from signal_log.event import MASK


@contextmanager
def context(*, actor: Any = None, source: str | None = None, **labels: Any) -> Iterator[None]:
    """Say who is at work in the block, and where; for jobs, consumers and scripts.

    ``actor`` is an account or a name. ``labels`` go into the events' ``origin`` as ``{"labels": {...}}``
    where a signal has no origin of its own (deletes and many-to-many changes have one). They are masked by
    their names like all else, and cannot be erased later as a person's data can: let them name nobody.
    The events belong to the trace under way, else to a new one. Usable around ``await``.
    """
    running = current_trace.get()
    scene = running.scene if running is not None else default_scene()
    if actor is not None:
        who = _actor(actor)
        scene = replace(scene, actor=lambda: who)
    if source is not None:
        scene = replace(scene, source=shorten(str(source), 100))
    if labels:
        scene = replace(scene, labels={**scene.labels, **_shown(labels)})
    token = current_trace.set(Trace(scene) if running is None else running.in_scene(scene))
    try:
        yield
    finally:
        current_trace.reset(token)


@contextmanager
def pause() -> Iterator[None]:
    """Record nothing of what this context does in the block; an observed save is then Django's own."""
    token = paused.set(True)
    try:
        yield
    finally:
        paused.reset(token)


@contextmanager
def batch(using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """One transaction and one trace for the block, whose events go in together: ``transaction.atomic(using)``.

    It is the host's changes that become one transaction: an exception undoes them all.
    """
    with trace_of(default_scene), transaction.atomic(using=using):
        yield


@contextmanager
def observed_bulk(*models: type[Model], using: str | None = None) -> Iterator[None]:
    """Record ``update()``, ``bulk_create`` and their like row by row in the block, with old and new values.

    Limited to these models (a child stands for its parents too) and to this database, if any are named. Each
    statement is one transaction with its events, and costs a read of the rows that it changes. They are still
    ``silent_insert``, ``silent_update`` and ``silent_delete``, for no signal fires. Usable around ``await``.
    """
    for model in models:
        if not (isinstance(model, type) and issubclass(model, Model)):
            raise TypeError(f"observed_bulk() takes model classes, as in observed_bulk(Order), not {model!r}.")
    with trace_of(default_scene), asked_for(tuple(map(concrete, models)), using):
        yield


def _shown(labels: dict[str, Any]) -> dict[str, Any]:
    secrets = secret_names()
    return {
        name: MASK
        if value is not None and is_secret_name(name, secrets)
        else harmless(value, conf.MAX_VALUE_CHARS, secrets)
        for name, value in labels.items()
    }


def _actor(given: Any) -> Actor:
    if not isinstance(given, Model):
        if getattr(given, "is_anonymous", False):
            return ANONYMOUS
        return Actor("", shorten(str(given), 200))
    name = given.get_username() if hasattr(given, "get_username") else given
    return Actor(key_text(given), shorten(str(name), 200))
