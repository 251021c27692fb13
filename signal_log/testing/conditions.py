"""Which events a test means: a signal, a model, and values of the event's fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist

from signal_log.capture.model.masking import is_excluded
from signal_log.capture.model.snapshot import json_safe
from signal_log.conf import conf
from signal_log.event import Event
from signal_log.nearest import nearest
from signal_log.testing import named

UNKNOWN_HERE: Final = ("signal", "sender", "salt", "digest")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A signal, and the label of a model if one is named."""

    signal: str
    label: str
    words: str

    def fits(self, event: Event) -> bool:
        """Whether an event is of this signal and model."""
        return event.signal == self.signal and (not self.label or event.sender == self.label)


def wanted(signal: named.SignalName, model: named.ModelName | None, fields: Mapping[str, Any]) -> Wanted:
    """What the arguments of ``assert_fired`` mean."""
    __tracebackhide__ = True
    known = [name for name in Event._fields if name not in UNKNOWN_HERE]
    for name in fields:
        if name not in known:
            likely = nearest(name, [*known, "times"])
            raise TypeError(
                f"An event has no field {name!r}.{f' Did you mean {likely!r}?' if likely else ''}"
                f" Its fields are {', '.join(known)}."
            )
    path = named.signal_name(signal)
    label = named.label_of(model) if model is not None else ""
    given = [f"{name}={value!r}" for name, value in fields.items()]
    shown = f"({', '.join(given)})" if given else ""
    return Wanted(path, label, " ".join(filter(None, (path, f"of {label}" if label else "", shown))))


def holds(event: Event, fields: Mapping[str, Any]) -> bool:
    """Whether each of these fields of an event has this value."""
    return all(_is(event, name, value) for name, value in fields.items())


def nearest_to(wanted: Wanted, fields: Mapping[str, Any], events: Iterable[Event]) -> str:
    """What the event that comes closest has instead."""
    fitting = [event for event in events if wanted.fits(event)]
    if not fitting:
        return ""
    best = max(fitting, key=lambda event: sum(_is(event, name, value) for name, value in fields.items()))
    other = [f"{name}={getattr(best, name)!r}" for name, value in fields.items() if not _is(best, name, value)]
    return f"It fired with {', '.join(other)}."


def checked_fields(label: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields by the names that the log has for them: ``customer`` for ``customer_id``.

    Refuses those that the model does not have, or that are not recorded, and values that are no pairs.
    """
    __tracebackhide__ = True
    model = apps.get_model(label)
    found = {}
    if not fields:
        raise TypeError("assert_changed() needs fields, as in first_name=('Ada', 'Ada L.').")
    for name, value in fields.items():
        if value is not ... and not (isinstance(value, (tuple, list)) and len(value) == 2):
            raise TypeError(f"{name} needs a pair, as in {name}=(old, new), where ... is any value; not {value!r}.")
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:
            likely = nearest(name, [one.name for one in model._meta.get_fields()])
            hint = f" Did you mean {likely!r}?" if likely else ""
            raise AssertionError(f"{label} has no field {name!r}.{hint}") from None
        if getattr(field, "concrete", False) and is_excluded(field, model):
            raise AssertionError(
                f"SIGNAL_LOG['EXCLUDE_FIELDS'] leaves out {label}.{name}: its changes are not recorded."
            )
        found[field.name] = value
    return found


def as_recorded(value: Any) -> Any:
    """A value as the log holds it; an object stands for its key."""
    return json_safe(getattr(value, "pk", value), conf.MAX_VALUE_CHARS, ())


def _is(event: Event, name: str, value: Any) -> bool:
    has = getattr(event, name)
    if name == "caused_by":
        return named.is_receiver(value, has) if value else not has
    if name in ("object_pk", "actor_pk"):
        return bool(has == str(getattr(value, "pk", value)))
    if name == "update_fields" and value is not None:
        return has is not None and sorted(has) == sorted(value)
    if name == "changes":
        return bool(has == {key: [as_recorded(one) for one in pair] for key, pair in value.items()})
    return bool(has == value)
