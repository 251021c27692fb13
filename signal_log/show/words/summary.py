"""Summarises an event on one line, exactly as the live page does (``events/summary.js``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from signal_log.event import COMMITTED, FAILED, MASK, POST_SAVE, PRE_SAVE, Event
from signal_log.models import SignalEvent
from signal_log.show.words import kinds
from signal_log.show.words.diff import is_stamp, pairs
from signal_log.show.words.remarks import is_incomplete, lost, remark
from signal_log.show.words.short import is_unknown, short, short_pair
from signal_log.show.words.text import one_line

NAMING: Final = ("username", "name", "title", "label", "slug", "email", "subject", "code")
MOST_OF_A_STATEMENT: Final = 3
OF_ACCOUNT: Final = ("credentials", "email", "request", "user", "username")
"""Arguments that the account's name, or the column beside it, tells already."""
OWN_SIGNALS: Final = "signal_log."
OWN_REASONS: Final = ("reason", "why", "note", "name", "format")
LONGEST_NAME, LONGEST_STATEMENT, LONGEST_LIST = 40, 80, 60

_ERROR: Final = re.compile(r"([A-Za-z_][\w.]*)(?:: ?(.*))?", re.ASCII | re.DOTALL)
_TRIED: Final = {"created": "create", "updated": "save", "deleted": "delete", "silent": "write"}


class Part(NamedTuple):
    """A piece of the line.

    ``role`` is ``cause``, ``error``, ``dim``, ``old``, ``arrow``, ``new``, ``remark`` or nothing.
    """

    role: str
    text: str


class Changed(NamedTuple):
    """One field with its old and new value."""

    name: str
    old: Any
    new: Any


def summary(event: Event | SignalEvent) -> list[Part]:
    """The line: the receiver that caused the event, the error that undid it or else the change, and why it was made."""
    return [*_cause(event), *(list(_error(event)) or [*_undone(event), *change(event)]), *_reason(event)]


def change(event: Event | SignalEvent) -> list[Part]:
    """What the event changed, the most significant field first, and what has to be said of it."""
    fields = sorted((Changed(*found) for found in pairs(event.changes)), key=_rank)
    if kinds.is_by_hand(event):
        return list(_by_hand(fields, event))
    said = [Part("remark", text)] if (text := remark(event)) else []
    return said if not fields and is_incomplete(event) else [*_changed(fields, event), *said]


def _changed(fields: list[Changed], event: Event | SignalEvent) -> list[Part]:
    verb, effect = kinds.verb(event), kinds.effect(event)
    if who := kinds.account(event):
        return list(_account(who, fields))
    if not fields:
        return [Part("dim", text)] if (text := _nothing(event, verb, effect)) else []
    if verb == "silent" and not event.object_pk:  # a statement's old values are unknown
        return [part for name, _, new in fields[:MOST_OF_A_STATEMENT] for part in (_name(name), _new(new))]
    if effect in ("created", "deleted"):
        return list(_whole_row(fields, event, gone=effect == "deleted"))
    return list(_one_field(fields, verb, lost(event)))


def _account(who: str, fields: list[Changed]) -> Iterator[Part]:
    """Who logged in or out, or was tried; what else was given along is only counted."""
    yield Part("dim", "as")
    yield Part("", one_line(who, LONGEST_LIST))
    if others := [field.name for field in fields if field.name not in OF_ACCOUNT]:
        yield Part("dim", f"+{len(others)}")


def _by_hand(fields: list[Changed], event: Event | SignalEvent) -> Iterator[Part]:
    """No change, but maybe differences between the object that was sent and its row."""
    said = "no save or delete sent this signal"
    if fields and event.signal in (PRE_SAVE, POST_SAVE):
        names = one_line(", ".join(field.name for field in fields), LONGEST_LIST)
        said += f"; the object differs from its row in {names}"
    yield Part("dim", said)


def _cause(event: Event | SignalEvent) -> Iterator[Part]:
    if event.caused_by:
        yield Part("cause", one_line(kinds.short_name(event.caused_by), LONGEST_NAME))


def _reason(event: Event | SignalEvent) -> Iterator[Part]:
    """The sentence that somebody gave; of what the log tells of itself, the label that tells most."""
    labels = event.labels if isinstance(event.labels, Mapping) else {}
    for name in OWN_REASONS if event.signal.startswith(OWN_SIGNALS) else OWN_REASONS[:1]:
        if isinstance(reason := labels.get(name), str) and reason:
            yield Part("dim", f"“{one_line(reason, LONGEST_LIST)}”")
            return


def _error(event: Event | SignalEvent) -> Iterator[Part]:
    if event.outcome == COMMITTED or not event.error:
        return
    if named := _ERROR.fullmatch(event.error):
        yield Part("error", one_line(kinds.short_name(named[1]), LONGEST_NAME))
        if named[2]:
            yield Part("", one_line(named[2]))
    else:
        yield Part("error", one_line(event.error))


def _undone(event: Event | SignalEvent) -> Iterator[Part]:
    if event.outcome != COMMITTED:
        tried = _TRIED.get(kinds.verb(event), "change")
        yield Part("dim", f"the {tried} {'never finished' if event.outcome == FAILED else 'was undone'}")


def _whole_row(fields: list[Changed], event: Event | SignalEvent, *, gone: bool) -> Iterator[Part]:
    """The number of fields of a created or deleted row, and the one that names the object."""
    cascade = "cascade · " if gone and _went_with_another(event) else ""
    yield Part("dim", f"{cascade}{len(fields)} field{'' if len(fields) == 1 else 's'}")
    sides = [(field.name, field.old if gone else field.new) for field in fields]
    texts = [(name, value) for name, value in sides if isinstance(value, str) and value not in ("", MASK)]
    named = [(name, value) for name, value in texts if value == event.object_repr]
    for name, value in (named or texts)[:1]:
        yield _name(name)
        yield Part("old", short(value)) if gone else _new(value)


def _went_with_another(event: Event | SignalEvent) -> bool:
    model = event.origin.get("model") if isinstance(event.origin, dict) else None
    return isinstance(model, str) and model not in ("", event.sender)


def _one_field(fields: list[Changed], verb: str, overwritten: list[str]) -> Iterator[Part]:
    name, old, new = next((field for field in fields if field.new != MASK), fields[0])
    yield _name(name)
    if old == new == MASK:
        yield Part("dim", "changed")
    elif verb in ("m2m", "signal"):  # additions, removals and arguments have only one side
        yield from (Part(role, short(value)) for role, value in (("old", old), ("new", new)) if value is not None)
    else:
        before, after = short_pair(old, new)
        if old not in (None, "") and name not in overwritten:  # the remark tells it
            yield Part("dim" if is_unknown(old) else "old", before)
        yield Part("arrow", "→")
        yield Part("dim" if new in (None, "") or is_unknown(new) else "new", after)
    if len(fields) > 1:
        yield Part("dim", f"+{len(fields) - 1}")


def _nothing(event: Event | SignalEvent, verb: str, effect: str) -> str:
    """The text for an event without changes."""
    if verb == "silent" and not event.object_pk:
        statement = event.origin.get("statement") if isinstance(event.origin, dict) else None
        return one_line(statement, LONGEST_STATEMENT) if isinstance(statement, str) else ""
    if event.raw:
        return "loaded from a fixture"
    if effect == "deleted":
        return "the row"
    if effect not in ("updated", "silent"):
        return ""
    names = event.update_fields if isinstance(event.update_fields, list) else []
    saved = ", ".join(name for name in names if isinstance(name, str))
    return f"saved {one_line(saved, LONGEST_LIST)}, nothing changed" if saved else "nothing changed"


def _rank(field: Changed) -> int:
    """Sort key: naming fields first, timestamps last."""
    if is_stamp(field.name):
        return 2
    return 0 if field.name in NAMING else 1


def _name(name: str) -> Part:
    return Part("dim", one_line(name, LONGEST_NAME))


def _new(value: Any) -> Part:
    return Part("new", short(value))
