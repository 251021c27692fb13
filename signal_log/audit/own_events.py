"""Writes events of the log's own: that somebody has exported, held, redacted or sealed, and why."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from django.db import connections, transaction

from signal_log.capture.api import context
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.draft import values_of
from signal_log.capture.trace.opening import open_event, open_scene
from signal_log.capture.trace.trace import ensure_trace
from signal_log.capture.transaction.writing import process_name
from signal_log.conf import conf
from signal_log.event import Event
from signal_log.models import SignalEvent
from signal_log.store.append import append
from signal_log.tail import doorbell

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_LABELS_AT: Final = Event._fields.index("labels")

SENDER: Final = SignalEvent._meta.label
OBJECT: Final = "the log"
EXPORTED: Final = "signal_log.exported"
HELD: Final = "signal_log.held"
RELEASED: Final = "signal_log.released"
ARCHIVED: Final = "signal_log.archived"
ALERTED: Final = "signal_log.alerted"
SEALED: Final = "signal_log.sealed"
"""A key or a generation was made; not each checkpoint."""


def tell(signal: str, exactly: Mapping[str, Any] = _NOTHING, /, **labels: Any) -> None:
    """Write one event with this signal in a transaction of its own; the actor and the source are the current ones.

    ``labels`` say what was done; they are masked by name like any other value, but for those that the log itself goes
    by: these are to be ``exactly`` so. Raises ``RecordingError``.
    """
    _tell(signal, (SENDER, "", OBJECT), exactly, labels)


def tell_of(signal: str, sender: str, object_pk: str, object_repr: str, /, **labels: Any) -> None:
    """The same about one thing of the log's own, such as an event or a recorded session."""
    _tell(signal, (sender, object_pk, object_repr), _NOTHING, labels)


def _tell(signal: str, about: tuple[str, str, str], exactly: Mapping[str, Any], labels: Mapping[str, Any]) -> None:
    with ensure_trace(default_context), context(**labels):
        scene = open_scene(about[0], conf.DATABASE)
        scene.call_site = ""  # else a middleware's of the host, which has not asked for this
        draft = open_event(scene, signal)
        _, draft.object_pk, draft.object_repr = about
        event = values_of([draft], process_name())[0]
        if exactly:
            event[_LABELS_AT] = {**(event[_LABELS_AT] or {}), **exactly}
        with transaction.atomic(using=conf.DATABASE):
            append([event], connections[conf.DATABASE])
            transaction.on_commit(doorbell.ring, using=conf.DATABASE)
