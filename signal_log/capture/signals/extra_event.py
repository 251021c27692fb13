"""The event of an extra signal: opened when the signal fires, written when its transaction ends."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from django.db import connections

from signal_log.capture.faults import faults
from signal_log.capture.model.masking import secret_names
from signal_log.capture.model.object_text import repr_of
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.registry import plan_of
from signal_log.capture.model.snapshot import clean_truncated
from signal_log.capture.pausing import paused
from signal_log.capture.signals.arguments import Arguments, sender_name
from signal_log.capture.trace.draft import Draft
from signal_log.capture.trace.opening import open_event, open_scene
from signal_log.capture.transaction.recording import record
from signal_log.conf import conf
from signal_log.interruption import let_interruption_pass

MAX_CHARS: Final = 200


class Firing(NamedTuple):
    """A firing signal: its event and its arguments."""

    draft: Draft
    arguments: Arguments


def open_firing(path: str, sender: Any, named: dict[str, Any]) -> Firing:
    """Open the event of a signal that fires now."""
    arguments = Arguments(named, secret_names())
    instance = arguments.instance()
    plan = None if instance is None else plan_of(type(instance)) or Plan(type(instance))
    scene = open_scene(
        clean_truncated(arguments.without_secrets(sender_name(sender)), MAX_CHARS), _database(named, instance)
    )
    draft = open_event(scene, clean_truncated(path, MAX_CHARS))
    try:
        if secrets := list(arguments.secret_values()):
            scene.trace.gathered.note_secrets(secrets)
        if plan is not None and instance is not None:
            draft.object_pk = plan.key(instance)
            draft.object_repr = arguments.without_secrets(repr_of(plan, instance))
        draft.changes = arguments.changes()
    except BaseException as error:  # noqa: BLE001  ours or the host's own methods'
        let_interruption_pass(error)
        faults.note(draft, error)
    return Firing(draft, arguments)


def close(draft: Draft) -> None:
    """Hold the event until its transaction ends; outside a transaction, write it now.

    Outside a transaction it is not held while its receivers run: what they commit or roll back is their own.
    """
    token = paused.set(True)  # do not record signals sent by our own writing, e.g. for a new connection
    try:
        record((draft,), connections[draft.using])
    finally:
        paused.reset(token)


def _database(named: dict[str, Any], instance: Any) -> str:
    """The database whose transaction decides the outcome: the signal's, the object's or the log's."""
    for alias in (named.get("using"), getattr(getattr(instance, "_state", None), "db", None)):
        if isinstance(alias, str) and alias in connections:
            return alias
    return str(conf.DATABASE)


def in_event_loop() -> bool:
    """Whether an event loop is running here, so that Django would refuse a query."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def close_in_thread(draft: Draft) -> None:
    """Close the event in a separate thread, for a signal that a coroutine sends synchronously."""
    context = contextvars.copy_context()

    def work() -> None:
        try:
            context.run(close, draft)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(work).result()
