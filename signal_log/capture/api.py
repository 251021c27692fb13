"""The public calls into the recorder: set the actor and source, pause recording, batch events, record bulk writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Model

from signal_log.capture.model.keys import key_text
from signal_log.capture.model.masking import secret_names
from signal_log.capture.model.row_sql import concrete
from signal_log.capture.model.secret_text import without_secrets
from signal_log.capture.model.snapshot import clean_truncated, json_safe
from signal_log.capture.pausing import paused
from signal_log.capture.silent.bulk import recorded_by_row
from signal_log.capture.trace.actor import ANONYMOUS
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.trace import Actor, current_trace, ensure_trace, new_trace
from signal_log.conf import conf
from signal_log.event import MASK


@contextmanager
def context(*, actor: Any = None, source: str | None = None, **labels: Any) -> Iterator[None]:
    """Set the actor, the source and labels for the block; for jobs, consumers and scripts.

    ``actor`` is a user or a name. ``labels`` are stored in the events' ``labels``, masked by name like any other
    value. The events join the current trace, or start a new one. Can be held across an ``await``.
    """
    running = current_trace.get()
    trace_context = running.context if running is not None else default_context()
    if actor is not None:
        who = _actor(actor)
        trace_context = replace(trace_context, actor=lambda: who)
    if source is not None:
        trace_context = replace(trace_context, source=_told(source, 100))
    if labels:
        trace_context = replace(trace_context, labels={**trace_context.labels, **_safe_labels(labels)})
    names = secret_names()
    secrets = [value for name, value in labels.items() if name in names]
    if running is None:
        with new_trace(trace_context) as trace:
            if secrets:
                trace.gathered.note_secrets(secrets)
            yield
        return
    if secrets:
        running.gathered.note_secrets(secrets)
    token = current_trace.set(running.with_context(trace_context))
    try:
        yield
    finally:
        current_trace.reset(token)


@contextmanager
def pause() -> Iterator[None]:
    """Record nothing in this context for the duration of the block; saves behave as in plain Django."""
    token = paused.set(True)
    try:
        yield
    finally:
        paused.reset(token)


@contextmanager
def batch(using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Run the block in one trace and in ``transaction.atomic(using)``, writing its events together.

    The host's changes share that transaction: an exception rolls all of them back.
    """
    with ensure_trace(default_context, lone=False), transaction.atomic(using=using):
        yield


@contextmanager
def observed_bulk(*models: type[Model], using: str | None = None) -> Iterator[None]:
    """Record ``update()``, ``bulk_create`` and similar writes in the block row by row, with old and new values.

    Limited to the given models (a child model includes its parents) and database, if any. Each statement and its
    events share one transaction, and the rows to be changed are read first. The events are still ``silent_insert``,
    ``silent_update`` and ``silent_delete``, because no signal fires. Can be held across an ``await``.
    """
    for model in models:
        if not (isinstance(model, type) and issubclass(model, Model)):
            raise TypeError(f"observed_bulk() takes model classes, as in observed_bulk(Order), not {model!r}.")
    with ensure_trace(default_context, lone=False), recorded_by_row(tuple(map(concrete, models)), using):
        yield


def _told(given: Any, limit: int) -> str:
    return clean_truncated(without_secrets(str(given), secret_names()), limit)


def _safe_labels(labels: dict[str, Any]) -> dict[str, Any]:
    names = secret_names()
    return {
        name: MASK if value is not None and name in names else json_safe(value, conf.MAX_VALUE_CHARS, names)
        for name, value in labels.items()
    }


def _actor(given: Any) -> Actor:
    if not isinstance(given, Model):
        if getattr(given, "is_anonymous", False):
            return ANONYMOUS
        return Actor("", _told(given, 200))
    name = given.get_username() if hasattr(given, "get_username") else given
    return Actor(key_text(given), clean_truncated(str(name), 200))
