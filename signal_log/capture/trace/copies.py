"""Removes copies of masked values from events before they are written: a host's own change log repeats what it saw."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

import orjson

from signal_log.capture.model.keys import hashed_key
from signal_log.capture.model.masked_values import MaskedValues
from signal_log.capture.model.secret_text import tell
from signal_log.capture.trace.draft import Draft
from signal_log.capture.trace.trace import current_trace
from signal_log.event import MASK, Event

_AT: Final = {name: position for position, name in enumerate(Event._fields)}
_TEXTS: Final = tuple(_AT[name] for name in ("object_repr", "error", "request_id", "actor_repr", "source"))
_CHANGES, _LABELS, _ORIGIN, _PK, _PATH = (_AT[name] for name in ("changes", "labels", "origin", "object_pk", "path"))
_shown: Final = itemgetter(*_TEXTS, _CHANGES, _LABELS, _ORIGIN, _PK, _PATH)


def secrets_of(drafts: Sequence[Draft]) -> list[MaskedValues]:
    """The masked values of the traces of these events; each operation outside of a trace has a trace of its own."""
    found = {}
    for draft in drafts:
        secrets = draft.scene.trace.gathered.secrets
        if type(secrets) is MaskedValues:
            found[id(secrets)] = secrets
    return list(found.values())


def without_copies(drafts: Sequence[Draft], events: list[list[Any]]) -> list[list[Any]]:
    """The values of these drafts' events, masked wherever they show a value that is masked in one of them.

    Their paths have been asked for by now.
    """
    scene = None
    for draft in drafts:
        if draft.scene is not scene:
            scene = draft.scene
            if secrets := getattr(scene.trace.context.path, "secrets", None):
                scene.trace.gathered.note_secrets(secrets)
    held = secrets_of(drafts)
    if held:
        masked = held[0]
        if len(held) > 1:
            masked = MaskedValues()
            for each in held:
                masked.note(each)
        for event in events:
            if masked.may_be_in(orjson.dumps(_shown(event))):
                _mask(event, masked)
    return events


def _mask(event: list[Any], secrets: MaskedValues) -> None:
    for at in _TEXTS:
        if secrets.is_in(event[at]):
            event[at] = MASK
    event[_CHANGES] = {name: [secrets.without(value) for value in pair] for name, pair in event[_CHANGES].items()}
    event[_LABELS] = secrets.without(event[_LABELS])
    if (origin := event[_ORIGIN]) is not None:
        pk = origin.get("pk")
        event[_ORIGIN] = secrets.without(origin)
        if isinstance(pk, str) and secrets.is_in(pk):
            event[_ORIGIN]["pk"] = hashed_key(pk)
    if secrets.is_in(event[_PK]):
        event[_PK] = hashed_key(event[_PK])
    if secrets.is_in(event[_PATH]):
        event[_PATH] = "/".join(MASK if secrets.is_in(part) else part for part in event[_PATH].split("/"))


def _note(secret: str) -> None:
    """Something secret was found in a text, by its shape or by what stands before it: other texts may repeat it."""
    trace = current_trace.get()
    if trace is not None:
        trace.gathered.note_secrets((secret,))


tell(_note)
