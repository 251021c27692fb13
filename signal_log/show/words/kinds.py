"""The log's vocabulary: the word and colour for what an event did, the same on every page (``events/kinds.js``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from signal_log.event import (
    ACCESSED,
    BY_HAND,
    FAILED,
    MASK,
    POST_DELETE,
    POST_SAVE,
    PRE_DELETE,
    PRE_SAVE,
    ROLLED_BACK,
    Event,
)  # fmt: skip
from signal_log.models import SignalEvent

PRE: Final = (PRE_SAVE, PRE_DELETE)
POST: Final = (POST_SAVE, POST_DELETE)
FEWEST_OF_A_ROW: Final = 2

_SILENT_ROWS: Final = {"silent_insert": "created", "silent_delete": "deleted"}
_ACTIONS: Final = {"created": "save", "updated": "save", "deleted": "delete", "m2m": "m2m", "silent": "write"}
REFUSALS: Final = ("failed", "refused", "denied")
"""How the names of signals end that tell of something which did not come about."""
_LOGGED: Final = ("user_logged_in", "user_logged_out")
_SENDERS: Final = {"django.contrib.auth": "account"}
_ACCOUNT_NAMES: Final = ("username", "email")
_PROGRAM: Final = re.compile(r"^\w+:", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kind:
    """A CSS class of ``.kind`` (base.css), which includes the icon, and its word."""

    style: str
    word: str


def is_by_hand(event: Event | SignalEvent) -> bool:
    """Whether the host's own code sent the signal; no save or delete did, so it says nothing of the row."""
    return isinstance(event.origin, dict) and event.origin.get(BY_HAND) is True


def verb(event: Event | SignalEvent) -> str:
    """What happened to the row: ``created``, ``updated``, ``deleted``, ``m2m``, ``silent`` or ``signal``."""
    signal, created = event.signal, event.created
    if is_by_hand(event):
        return "signal"
    if signal in (PRE_SAVE, POST_SAVE):
        # Unknown before a save; a full row of new values counts as a creation.
        return "created" if created or (created is None and _all_new(event.changes)) else "updated"
    if signal in (PRE_DELETE, POST_DELETE):
        return "deleted"
    if signal == "m2m_changed":
        return "m2m"
    if signal.startswith("silent_"):
        return "silent"
    return "signal"


def effect(event: Event | SignalEvent) -> str:
    """The verb, where a silent write that made or removed rows ``created`` or ``deleted`` them.

    A delete signal that was sent by hand tells of the row as a deletion does.
    """
    if event.signal in (PRE_DELETE, POST_DELETE):
        return "deleted"
    return _SILENT_ROWS.get(event.signal) or verb(event)


def is_refusal(event: Event | SignalEvent) -> bool:
    """Whether the host tells of something that did not come about, such as a log-in: ``user_login_failed``."""
    return verb(event) == "signal" and tells_of_refusal(event.signal)


def tells_of_refusal(signal: str) -> bool:
    """Whether a signal is called so."""
    return short_name(signal).rpartition("_")[2] in REFUSALS


def account(event: Event | SignalEvent) -> str:
    """Who logged in or out, or for whom something was tried in vain; empty where a signal is not about that."""
    if verb(event) != "signal" or is_by_hand(event):
        return ""
    if short_name(event.signal) in _LOGGED:
        return event.object_repr or event.object_pk
    return _tried(event.changes) if is_refusal(event) else ""


def kind(event: Event | SignalEvent) -> Kind:
    """How an operation is shown: an outcome other than committed takes precedence over the intent."""
    if event.outcome == FAILED:
        return Kind("failed", "failed")
    if event.outcome == ROLLED_BACK:
        return Kind("undone", "rolled back")
    if is_by_hand(event):
        return Kind("signal", "sent by hand")
    if event.signal in PRE:
        return Kind("about", "saving" if event.signal == PRE_SAVE else "deleting")
    style = verb(event)
    if event.signal == ACCESSED:
        return Kind("viewed", "viewed")
    if style == "signal":
        return Kind("refused" if is_refusal(event) else style, spoken(event.signal) or "signal")
    return Kind(style, "relation" if style == "m2m" else style)


def action(event: Event | SignalEvent) -> str:
    """The action: ``save``, ``delete``, ``m2m``, ``write``, or the name of a signal that is sent by itself."""
    return _ACTIONS.get(verb(event)) or short_name(event.signal)


def spoken(signal: str) -> str:
    """An extra signal's readable name: ``logged in`` for ``django.contrib.auth.signals.user_logged_in``."""
    words = short_name(signal).removeprefix("user_").split("_")
    return " ".join("log-in" if word == "login" else word for word in words)


def signal_kind(event: Event | SignalEvent) -> Kind:
    """How a single signal is shown: under its own name."""
    return Kind(kind(event).style, short_name(event.signal))


def model_name(sender: str) -> str:
    """A model's short name: ``User`` for ``auth.User``."""
    return _SENDERS.get(sender) or short_name(sender) or sender or "(no model)"


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


def _tried(changes: Any) -> str:
    """The name among a log-in's credentials, of which all else is masked, or among a signal's own arguments."""
    pairs = changes if isinstance(changes, Mapping) else {}
    given = {name: pair[1] for name, pair in pairs.items() if isinstance(pair, list) and len(pair) > 1}
    credentials = given.get("credentials")
    names = credentials if isinstance(credentials, Mapping) else given
    found = [names.get(key) for key in _ACCOUNT_NAMES]
    if isinstance(credentials, Mapping) and len(open_ones := [one for one in names.values() if one != MASK]) == 1:
        found += open_ones
    return next((name for name in found if isinstance(name, str) and name not in ("", MASK)), "")


def _all_new(changes: Any) -> bool:
    return (
        isinstance(changes, Mapping)
        and len(changes) > FEWEST_OF_A_ROW
        and all(isinstance(change, list) and change[:1] == [None] for change in changes.values())
    )
