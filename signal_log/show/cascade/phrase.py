"""An operation in words, without keys and values, so that the same work reads the same in every run."""

from __future__ import annotations

import re
from typing import Any, Final

from signal_log.event import ACCESSED, FAILED, PRE_SAVE, ROLLED_BACK
from signal_log.show.cascade.operation import AnyEvent, Operation
from signal_log.show.words import kinds
from signal_log.show.words.diff import is_stamp, pairs
from signal_log.show.words.text import one_line

LONGEST_NAMES: Final = 200
_RELATION: Final = {"add": "added to", "remove": "removed from", "clear": "cleared"}
_ERROR_CLASS: Final = re.compile(r"[A-Za-z_][\w.]*", re.ASCII)


def phrase(operation: Operation) -> str:
    """``updated users.Profile``, ``added to auth.User.groups``, ``silent update of shop.Item``."""
    event, verb = operation.last, _verb(operation)
    model = one_line(event.sender, 200) or "(no model)"
    if verb == "m2m":
        return _relation(event, model)
    if verb == "silent":
        return f"silent {one_line(event.signal.removeprefix('silent_'), 40)} of {model}"
    if event.signal == ACCESSED:
        return f"viewed {model}"
    if verb == "signal":
        name = one_line(kinds.short_name(event.signal), 100)
        return f"sent {name} by hand for {model}" if kinds.is_by_hand(event) else f"sent {name}"
    return f"{verb} {model}"


def changed_fields(operation: Operation) -> list[str]:
    """The fields that an update changed, by name; none for other operations. A stamp is told only where it is all."""
    event = operation.last
    is_update = _verb(operation) == "updated" or event.signal == "silent_update"
    names = sorted(name for name, _, _ in pairs(event.changes)) if is_update else []
    return [one_line(name, 60) for name in names if not is_stamp(name)] or [one_line(name, 60) for name in names]


def mark(operation: Operation) -> str:
    """``failed: IntegrityError`` or ``rolled back``; empty for what stayed, and while that is open."""
    outcome = operation.last.outcome
    if outcome == FAILED:
        name = error_class(operation)
        return f"failed: {name}" if name else "failed"
    return "rolled back" if outcome == ROLLED_BACK else ""


def error_class(operation: Operation) -> str:
    """The short name of the exception that ended it."""
    found = _ERROR_CLASS.match(operation.last.error or operation.first.error)
    return kinds.short_name(found[0]) if found else ""


def line(operation: Operation) -> str:
    """The whole: ``updated users.Profile (name)``, with its mark in square brackets."""
    fields, marked = changed_fields(operation), mark(operation)
    names = f" ({one_line(', '.join(fields), LONGEST_NAMES)})" if fields else ""
    return f"{phrase(operation)}{names}{f' [{marked}]' if marked else ''}"


def _verb(operation: Operation) -> str:
    """The verb; a save that failed before its row had a key would have created it."""
    event = operation.last
    return "created" if event.signal == PRE_SAVE and not event.object_pk else operation.verb


def _relation(event: AnyEvent, model: str) -> str:
    origin: dict[str, Any] = event.origin if isinstance(event.origin, dict) else {}
    verb = _RELATION.get(str(origin.get("action", "")).partition("_")[2], "changed")
    name = next((name for name, _, _ in pairs(event.changes)), "")
    if name:
        return f"{verb} {model}.{one_line(name, 60)}"
    return f"{verb} {one_line(str(origin.get('model', model)), 200)}"
