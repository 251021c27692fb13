"""The rows that a test made from a trace needs before it begins, as lines of Python."""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count
from typing import Any, Final

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.fields import AutoFieldMixin

from signal_log.event import COMMITTED, MASK, POST_SAVE
from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row
from signal_log.show.cascade.operation import AnyEvent
from signal_log.show.trace.literals import NAMES, literal
from signal_log.show.words.diff import pairs
from signal_log.show.words.short import is_unknown
from signal_log.show.words.text import one_line
from signal_log.store.read import events

DEEPEST: Final = 8
MOST_EVENTS: Final = 500
MOST_ROWS: Final = 200
"""So many are looked up and set up; rows that only others refer to are beyond it named by their keys."""
_RESERVED: Final = frozenset(
    {"pytest", "seen", "signal_log", "client", "response", "apps", "SECRET", "SimpleUploadedFile", *NAMES}
    | set(dir(builtins))
)
"""Names that a test needs for something else."""
_CUT: Final = re.compile(r"… \((?:\d+ (?:characters|bytes)|longer), (?:HMAC-)?SHA-256 ", re.ASCII)
_READ: Final = ("changes", "created", "object_repr", "trace_id", "caused_by", "parent_position")


class Rows:
    """The variables of a test, and the lines that make them: ``setup`` before it begins."""

    def __init__(self, trace_events: Sequence[SignalEvent]) -> None:
        self._before = min(event.pk for event in trace_events)
        self._in_trace = {(event.sender, event.object_pk) for event in trace_events}
        self._names: dict[tuple[str, str], str] = {}
        self._histories: dict[tuple[str, str], list[SignalEvent]] = {}
        self._classes: dict[str, type[models.Model]] = {}
        self._reserved = _RESERVED | {model.__name__ for model in apps.get_models()}
        self._left_out: dict[str, None] = {}
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

    @property
    def is_full(self) -> bool:
        """Whether no more rows are to be looked up."""
        return len(self._histories) >= MOST_ROWS

    def remarks(self) -> Iterator[str]:
        """Comments on the values that are not in the test."""
        return (f"# left out: {text}" for text in self._left_out)

    def creation(self, event: AnyEvent) -> str:
        """The line that creates a row as this event tells."""
        fields = {name: new for name, _, new in pairs(event.changes)}
        text = self._create(event.sender, fields)
        return f"{self._new_name(event.sender, event.object_pk, event.object_repr)} = {text}"

    def name_of(self, label: str, pk: str, depth: int = 0) -> str:
        """The variable that holds a row, which is set up if it is not yet known."""
        if (label, pk) in self._names:
            return self._names[label, pk]
        past = self._history(label, pk)
        state = _state(past)
        made = next((event for event in past if event.created), None)
        name = self._new_name(label, pk, past[0].object_repr if past else "")
        cause = self._cause_of(made) if made is not None and depth < DEEPEST else None
        if cause is not None and made is not None:
            self._fetch(name, label, made, cause, state, depth)
        else:
            if made is None:
                self.setup.append(f"# the log does not know how this {self._model(label).__name__} was created")
            self.setup.append(f"{name} = {self._create(label, state, depth)}")
        return name

    def value(self, label: str, field_name: str, value: Any, depth: int = 0) -> tuple[str, str] | None:
        """The name to assign, and the value as Python; None for keys, automatic dates and what nobody knows."""
        field = field_named(label, field_name)
        if field is None or is_unknown(value) or _is_automatic(field):
            return None
        if isinstance(value, str) and _CUT.search(value):
            self._left_out[f"{label}.{field_name}, of which the log keeps only the beginning"] = None
            return None
        if value == MASK:
            self.has_secrets = True
            return field_name, "SECRET"
        target: Any = field.related_model if field.is_relation else None
        if target is not None and value is not None:
            if depth < DEEPEST and self._can_set_up(target._meta.label, str(value)):
                return field_name, self.name_of(target._meta.label, str(value), depth + 1)
            field_name, field = field.attname, field.target_field
        found = literal(field, value)
        if found is None:
            self._left_out[f"{label}.{field_name}, of which the log has no value of a {type(field).__name__}"] = None
            return None
        if found.needs:
            self.imports.add(found.needs)
        return field_name, found.text

    def _create(self, label: str, fields: Mapping[str, Any], depth: int = 0) -> str:
        given = []
        for name, value in fields.items():
            field = field_named(label, name)
            if field is None or _is_default(field, value):
                continue
            text = self.value(label, name, value, depth)
            if text is not None:
                given.append(f"{text[0]}={text[1]}")
        return f"{self._manager(label)}.create({', '.join(given)})"

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
                if str(value) == cause.object_pk
                and (found := field_named(label, field)) is not None
                and found.is_relation
            ),
            None,
        )
        where = f"{link}={holder}" if link else ""
        self.setup.append(f"{name} = {self._manager(label)}.get({where})  # made by {one_line(made.caused_by, 120)}")
        changed = [
            self.value(label, field, value, depth)
            for field, value in state.items()
            if field in created and created[field] != value
        ]
        told = [f"{one[0]}={one[1]}" for one in changed if one is not None]
        if told:
            self.setup.append(f"{self._manager(label)}.filter(pk={name}.pk).update({', '.join(told)})")
            self.setup.append(f"{name}.refresh_from_db()")

    def _can_set_up(self, label: str, pk: str) -> bool:
        """Whether the log knows a row that another refers to."""
        if (label, pk) in self._names or (label, pk) in self._in_trace:
            return True
        return not self.is_full and bool(self._history(label, pk))

    def _history(self, label: str, pk: str) -> list[SignalEvent]:
        """How the row was saved before the trace, newest first."""
        if (label, pk) not in self._histories:
            found = events().filter(sender__in=labels_of_row(label), object_pk=pk, pk__lt=self._before)
            saved = found.filter(outcome=COMMITTED, signal=POST_SAVE).order_by("-pk").only(*_READ)
            self._histories[label, pk] = list(saved[:MOST_EVENTS])
        return self._histories[label, pk]

    def _cause_of(self, made: SignalEvent) -> SignalEvent | None:
        if not made.caused_by or made.parent_position is None:
            return None
        found = events().filter(trace_id=made.trace_id, position=made.parent_position).first()
        return found if found is not None and self.knows(found.sender) else None

    def _model(self, label: str) -> type[models.Model]:
        return apps.get_model(label)

    def _manager(self, label: str) -> str:
        """The model's default manager, as an expression."""
        model = self._model(label)
        name = model._default_manager.name
        is_named = name in model._meta.managers_map and assignable(name)
        return f"{self._class(model)}.{name if is_named else '_default_manager'}"

    def _class(self, model: type[models.Model]) -> str:
        """The model's class, as an expression; two of one name get different ones."""
        name, module = model.__name__, model.__module__
        if getattr(sys.modules.get(module), name, None) is not model or module == "__main__":
            self.imports.add("from django.apps import apps")
            return f"apps.get_model({model._meta.label!r})"
        app = "".join(part.capitalize() for part in model._meta.app_label.split("_"))
        names = chain((name, f"{app}{name}"), (f"{app}{name}{number}" for number in count(2)))
        free = (one for one in names if one not in _RESERVED and self._classes.get(one, model) is model)
        unique = next(free)
        self._classes[unique] = model
        self.imports.add(f"from {module} import {name}{f' as {unique}' if unique != name else ''}")
        return unique

    def _new_name(self, label: str, pk: str, text: str) -> str:
        model = label.rpartition(".")[2].lower()
        name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:30]
        base, other = (name, f"{name}_{model}") if self._is_free(name) and name != model else (model, f"{model}_row")
        names = chain((base, other), (f"{base}_{number}" for number in count(2)))
        taken = set(self._names.values())
        unique = next(one for one in names if self._is_free(one) and one not in taken)
        self._names[label, pk] = unique
        return unique

    def _is_free(self, name: str) -> bool:
        return assignable(name) and name not in self._reserved


def assignable(name: str) -> bool:
    """Whether Python takes it for a name."""
    return name.isidentifier() and not keyword.iskeyword(name)


def field_named(label: str, name: str) -> Any:
    """The column of this name; None where the model has none, or none that an argument can name."""
    try:
        field = apps.get_model(label)._meta.get_field(name)
    except (LookupError, ValueError, FieldDoesNotExist):
        return None
    return field if isinstance(field, models.Field) and field.concrete and assignable(name) else None


def _state(past: Sequence[SignalEvent]) -> dict[str, Any]:
    """What the row held after these events, newest first: from the newest creation on."""
    found: dict[str, Any] = {}
    for event in past:
        for name, _, new in pairs(event.changes):
            found.setdefault(name, new)
        if event.created:
            break
    return found


def _is_automatic(field: Any) -> bool:
    """Whether the database or Django gives the value."""
    if field.primary_key and isinstance(field, (AutoFieldMixin, models.UUIDField)):
        return True
    if field.is_relation and getattr(field.remote_field, "parent_link", False):
        return True
    return any(getattr(field, name, False) for name in ("auto_now", "auto_now_add", "generated"))


def _is_default(field: Any, value: Any) -> bool:
    if value is None or (value == "" and not field.primary_key):
        return True
    if field.has_default() and callable(field.default) and isinstance(field, models.DateField):
        return True  # the moment of the creation
    default = field.get_default()
    return bool(value == default or str(value) == str(default)) and not field.is_relation
