"""Which writes changed what, for ``assert_changed``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.apps import apps

from signal_log.event import MASK, Event
from signal_log.show.words.diff import pairs
from signal_log.show.words.short import short
from signal_log.testing.conditions import as_recorded

MOST_WRITES: Final = 5
RESULTS: Final = ("post_save", "post_delete", "m2m_changed")


def writes_of(label: str, pk: Any, events: Iterable[Event]) -> list[Event]:
    """The events that tell what a write did to this model, or to this row of it."""
    return [
        event
        for event in events
        if event.sender == label
        and (event.signal in RESULTS or event.signal.startswith("silent_"))
        and (pk is None or event.object_pk == str(getattr(pk, "pk", pk)))
    ]


def has_changed(event: Event, fields: Mapping[str, Any]) -> bool:
    """Whether a write changed each of these fields as given."""
    model = apps.get_model(event.sender)
    return all(_changed(event.changes.get(name), given, model._meta.get_field(name)) for name, given in fields.items())


def changed_otherwise(who: str, fields: Mapping[str, Any], writes: Sequence[Event]) -> tuple[str, ...]:
    """The message, and what the writes did instead."""
    wanted = ", ".join(f"{name} {_pair(given)}" for name, given in fields.items())
    did = [f"  {_told(event, fields)}" for event in writes[:MOST_WRITES]]
    more = [f"  … and {len(writes) - MOST_WRITES} more writes"] if len(writes) > MOST_WRITES else []
    masked = [
        f"{name} is masked: the log never holds its value, so assert {name}=... instead."
        for name in fields
        if any(MASK in (event.changes.get(name) or ()) for event in writes) and fields[name] is not ...
    ]
    if not writes:
        return (f"{who} was not written; expected: {wanted}.",)
    return (f"{who} was not changed like this: {wanted}.", *masked, "It was:", *did, *more)


def _changed(change: Any, given: Any, field: Any) -> bool:
    if not isinstance(change, list) or len(change) != 2:
        return False
    if given is ...:
        return True
    return all(wanted is ... or _same(wanted, was, field) for wanted, was in zip(given, change, strict=True))


def _same(wanted: Any, was: Any, field: Any) -> bool:
    """Whether both are one value, whatever form it is written in: 12.5 and "12.50" in a field of decimals are."""
    wanted = getattr(wanted, "pk", wanted)
    if as_recorded(wanted) == was:
        return True
    try:
        return bool(field.to_python(wanted) == field.to_python(was))
    except Exception:  # noqa: BLE001  no value of this field, or a host's field that has no such method
        return False


def _told(event: Event, fields: Mapping[str, Any]) -> str:
    """One write; the fields that were asked for come first."""
    changes = {name: (old, new) for name, old, new in pairs(event.changes)}
    names = [*(name for name in fields if name in changes), *(name for name in changes if name not in fields)]
    shown = ", ".join(f"{name} {_pair(changes[name])}" for name in names[:MOST_WRITES])
    left = f", +{len(names) - MOST_WRITES}" if len(names) > MOST_WRITES else ""
    return f"{event.sender} {event.object_pk}: {shown or 'nothing changed'}{left}"


def _pair(given: Any) -> str:
    if given is ...:
        return "to anything"
    old, new = (_value(side) for side in given)
    return f"{old} → {new}"


def _value(value: Any) -> str:
    if value is ...:
        return "…"
    value = as_recorded(value)
    if value is None:
        return "null"
    return f'"{value}"' if isinstance(value, str) and value != MASK and len(value) < 40 else short(value)
