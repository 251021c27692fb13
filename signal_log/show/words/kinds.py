"""The log's vocabulary: the word and colour for what an event did, the same on every page (``events/kinds.js``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from signal_log.event import FAILED, POST_DELETE, POST_SAVE, PRE_DELETE, PRE_SAVE, ROLLED_BACK

PRE: Final = (PRE_SAVE, PRE_DELETE)
POST: Final = (POST_SAVE, POST_DELETE)
FEWEST_OF_A_ROW: Final = 2

_SILENT_ROWS: Final = {"silent_insert": "created", "silent_delete": "deleted"}
_ACTIONS: Final = {"created": "save", "updated": "save", "deleted": "delete", "m2m": "m2m", "silent": "write"}
_PROGRAM: Final = re.compile(r"^\w+:", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kind:
    """A CSS class of ``.kind`` (base.css), which includes the icon, and its word."""

    style: str
    word: str


def verb(signal: str, created: bool | None, changes: Any) -> str:
    """What happened to the row: ``created``, ``updated``, ``deleted``, ``m2m``, ``silent`` or ``signal``."""
    if signal in (PRE_SAVE, POST_SAVE):
        # Unknown before a save; a full row of new values counts as a creation.
        return "created" if created or (created is None and _all_new(changes)) else "updated"
    if signal in (PRE_DELETE, POST_DELETE):
        return "deleted"
    if signal == "m2m_changed":
        return "m2m"
    if signal.startswith("silent_"):
        return "silent"
    return "signal"


def effect(signal: str, created: bool | None, changes: Any) -> str:
    """The verb, where a silent write that made or removed rows ``created`` or ``deleted`` them."""
    return _SILENT_ROWS.get(signal) or verb(signal, created, changes)


def kind(signal: str, created: bool | None, changes: Any, outcome: str) -> Kind:
    """How an operation is shown: an outcome other than committed takes precedence over the intent."""
    if outcome == FAILED:
        return Kind("failed", "failed")
    if outcome == ROLLED_BACK:
        return Kind("undone", "rolled back")
    if signal in PRE:
        return Kind("about", "saving" if signal == PRE_SAVE else "deleting")
    style = verb(signal, created, changes)
    if style == "signal":
        return Kind(style, spoken(signal) or "signal")
    return Kind(style, "relation" if style == "m2m" else style)


def action(signal: str, created: bool | None, changes: Any) -> str:
    """The action: ``save``, ``delete``, ``m2m``, ``write``, or an extra signal's name."""
    return _ACTIONS.get(verb(signal, created, changes)) or short_name(signal)


def spoken(signal: str) -> str:
    """An extra signal's readable name: ``logged in`` for ``django.contrib.auth.signals.user_logged_in``."""
    return short_name(signal).removeprefix("user_").replace("_", " ")


def signal_kind(signal: str, created: bool | None, changes: Any, outcome: str) -> Kind:
    """How a single signal is shown: under its own name."""
    return Kind(kind(signal, created, changes, outcome).style, short_name(signal))


def model_name(sender: str) -> str:
    """A model's short name: ``User`` for ``auth.User``."""
    return short_name(sender) or sender or "(no model)"


def object_name(object_repr: str, object_pk: str) -> str:
    """The object's text, or its key if it has none."""
    return object_repr or object_pk or "no key yet"


def actor_name(actor_repr: str, actor_pk: str, source: str) -> str:
    """Who did it; where nobody was logged in, a stranger or a program: ``migrate`` for ``command:migrate``."""
    if actor_repr or actor_pk:
        return actor_repr or actor_pk
    return "anonymous" if source in ("http", "websocket") else _PROGRAM.sub("", source) or "nobody"


def begun_by(method: str, path: str, source: str) -> str:
    """What started it: the request line, or the source."""
    return " ".join(part for part in (method, path) if part) or source


def short_name(receiver: str) -> str:
    """The last part of a dotted path: ``create_profile`` for ``users.signals.create_profile``."""
    return receiver.rpartition(".")[2]


def _all_new(changes: Any) -> bool:
    return (
        isinstance(changes, Mapping)
        and len(changes) > FEWEST_OF_A_ROW
        and all(isinstance(change, list) and change[:1] == [None] for change in changes.values())
    )
