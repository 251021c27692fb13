"""The rows that a test made from a trace needs before it begins, as lines of Python; and values as literals."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.apps import apps
from django.db import models
from django.db.models.fields import AutoFieldMixin

from signal_log.event import COMMITTED, MASK, POST_SAVE
from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row
from signal_log.show.cascade.operation import AnyEvent
from signal_log.show.words.diff import pairs
from signal_log.show.words.short import is_unknown
from signal_log.show.words.text import one_line
from signal_log.store.read import events

DEEPEST: Final = 8
MOST_EVENTS: Final = 500
_OTHERS: Final = ("pytest", "seen", "signal_log", "client", "response")
"""Names that a test needs for something else."""
_CUT: Final = re.compile(r"… \((?:\d+ (?:characters|bytes)|longer), (?:HMAC-)?SHA-256 ", re.ASCII)


class Rows:
    """The variables of a test, and the lines that make them: ``setup`` before it begins."""

    def __init__(self, trace_events: Sequence[SignalEvent]) -> None:
        self._before = min(event.pk for event in trace_events)
        self._names: dict[tuple[str, str], str] = {}
        self.setup: list[str] = []
        self.imports: set[str] = set()
        self.has_secrets = False

    @staticmethod
    def knows(label: str) -> bool:
        """Whether the model is installed."""
        try:
            apps.get_model(label)
        except (LookupError, ValueError):
            return False
        return True

    def creation(self, event: AnyEvent) -> str:
        """The line that creates a row as this event tells."""
        fields = {name: new for name, _, new in pairs(event.changes)}
        text = self._create(event.sender, fields)
        return f"{self._new_name(event.sender, event.object_pk, event.object_repr)} = {text}"

    def name_of(self, label: str, pk: str, depth: int = 0) -> str:
        """The variable that holds a row, which is set up if it is not yet known."""
        if (label, pk) in self._names:
            return self._names[label, pk]
        found = events().filter(sender__in=labels_of_row(label), object_pk=pk, pk__lt=self._before, outcome=COMMITTED)
        past = list(found.filter(signal=POST_SAVE).order_by("-pk")[:MOST_EVENTS])
        state = _state(past)
        made = next((event for event in past if event.created), None)
        name = self._new_name(label, pk, past[0].object_repr if past else "")
        cause = self._cause_of(made) if made is not None and depth < DEEPEST else None
        if cause is not None and made is not None:
            self._fetch(name, label, made, cause, state, depth)
        else:
            if made is None:
                self.setup.append(f"# the log does not know how this {label.rpartition('.')[2]} was created")
            self.setup.append(f"{name} = {self._create(label, state, depth)}")
        return name

    def value(self, label: str, field_name: str, value: Any, depth: int = 0) -> tuple[str, str] | None:
        """The name to assign, and the value as Python; None for keys, automatic dates and what nobody knows."""
        field = _field(label, field_name)
        if field is None or is_unknown(value) or (isinstance(value, str) and _CUT.search(value)):
            return None
        if field.primary_key and isinstance(field, (AutoFieldMixin, models.UUIDField)):
            return None
        if (
            getattr(field, "auto_now", False)
            or getattr(field, "auto_now_add", False)
            or getattr(field, "generated", False)
        ):
            return None
        if value == MASK:
            self.has_secrets = True
            return field_name, "SECRET"
        target: Any = field.related_model if field.is_relation else None
        if target is not None and value is not None:
            if depth < DEEPEST and events().filter(sender=target._meta.label, object_pk=str(value)).exists():
                return field_name, self.name_of(target._meta.label, str(value), depth + 1)
            return field.attname, repr(value)
        return field_name, self._literal(field, value)

    def _create(self, label: str, fields: Mapping[str, Any], depth: int = 0) -> str:
        given = []
        for name, value in fields.items():
            field = _field(label, name)
            if field is None or _is_default(field, value):
                continue
            text = self.value(label, name, value, depth)
            if text is not None:
                given.append(f"{text[0]}={text[1]}")
        return f"{self._model(label)}.objects.create({', '.join(given)})"

    def _fetch(
        self, name: str, label: str, made: SignalEvent, cause: SignalEvent, state: Mapping[str, Any], depth: int
    ) -> None:
        """A row that a receiver makes: fetched after its cause is set up, and brought up to date."""
        holder = self.name_of(cause.sender, cause.object_pk, depth + 1)
        created = {field: new for field, _, new in pairs(made.changes)}
        link = next(
            (
                field
                for field, value in created.items()
                if str(value) == cause.object_pk and (found := _field(label, field)) is not None and found.is_relation
            ),
            None,
        )
        where = f"{link}={holder}" if link else ""
        self.setup.append(
            f"{name} = {self._model(label)}.objects.get({where})  # made by {one_line(made.caused_by, 120)}"
        )
        changed = [
            self.value(label, field, value, depth)
            for field, value in state.items()
            if field in created and created[field] != value
        ]
        told = [f"{one[0]}={one[1]}" for one in changed if one is not None]
        if told:
            self.setup.append(f"{self._model(label)}.objects.filter(pk={name}.pk).update({', '.join(told)})")
            self.setup.append(f"{name}.refresh_from_db()")

    def _cause_of(self, made: SignalEvent) -> SignalEvent | None:
        if not made.caused_by or made.parent_position is None:
            return None
        return events().filter(trace_id=made.trace_id, position=made.parent_position).first()

    def _model(self, label: str) -> str:
        model = apps.get_model(label)
        self.imports.add(f"from {model.__module__} import {model.__name__}")
        return model.__name__

    def _literal(self, field: Any, value: Any) -> str:
        if value is None or isinstance(value, (bool, int)):
            return repr(value)
        wrapped = {
            models.DecimalField: ("decimal", "Decimal"), models.UUIDField: ("uuid", "UUID"),
        }.get(type(field))  # fmt: skip
        if wrapped is not None:
            self.imports.add(f"from {wrapped[0]} import {wrapped[1]}")
            return f"{wrapped[1]}({str(value)!r})"
        for kind, name in ((models.DateTimeField, "datetime"), (models.DateField, "date"), (models.TimeField, "time")):
            if isinstance(field, kind):
                self.imports.add(f"from datetime import {name}")
                return f"{name}.fromisoformat({str(value)!r})"
        if isinstance(field, models.FloatField):
            return str(value)
        return repr(value)

    def _new_name(self, label: str, pk: str, text: str) -> str:
        model = label.rpartition(".")[2].lower()
        name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:30]
        if not name.isidentifier() or keyword.iskeyword(name) or name in (*_OTHERS, model):
            name = model
        taken = set(self._names.values())
        unique = f"{name}_{model}" if name in taken else name
        number = 2
        while unique in taken:
            unique, number = f"{name}_{number}", number + 1
        self._names[label, pk] = unique
        return unique


def _state(past: Sequence[SignalEvent]) -> dict[str, Any]:
    """What the row held after these events, newest first: from the newest creation on."""
    found: dict[str, Any] = {}
    for event in past:
        for name, _, new in pairs(event.changes):
            found.setdefault(name, new)
        if event.created:
            break
    return found


def _field(label: str, name: str) -> Any:
    try:
        return apps.get_model(label)._meta.get_field(name)
    except (LookupError, ValueError):
        return None


def _is_default(field: Any, value: Any) -> bool:
    if value is None or (value == "" and not field.primary_key):
        return True
    if field.has_default() and callable(field.default) and isinstance(field, models.DateField):
        return True  # the moment of the creation
    default = field.get_default()
    return bool(value == default or str(value) == str(default)) and not field.is_relation
