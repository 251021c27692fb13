"""Whom a redaction is about: a row, what belongs to it alone, its key, and the names that it goes by."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db import DatabaseError, models
from django.db.models import Q

from signal_log.audit import recorded_names
from signal_log.audit.names import DISTINCTIVE, Names
from signal_log.capture.model.keys import key_text, logged_key
from signal_log.errors import RedactionError
from signal_log.event import MASK, MODEL_SIGNALS
from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row
from signal_log.seal.as_sealed import Sealed
from signal_log.seal.ranges import Ranges
from signal_log.store.read import HAS_KEY, events

MOST_RELATIVES: Final = 200
SHORTEST_NAME: Final = 4
"""Of an object that is no account, a shorter text is no name to look for."""
_NO_NAME: Final = re.compile(r".* object \(.*\)|\(unprintable .*\)|[\d\W]*|.*…", re.DOTALL)

_FULL: Final = ("name", "full_name", "display_name", "real_name")
"""Fields of custom user models that hold the whole name of a person."""

Model = type[models.Model]


@dataclass(frozen=True, slots=True)
class Thing:
    """One row: the labels that it is recorded under, and its key as the log has it."""

    label: str
    family: tuple[str, ...]
    key: str
    pointing: dict[str, frozenset[str]]
    """By label the fields whose values are keys of such rows."""

    @property
    def is_account(self) -> bool:
        """Whether its key is an actor's."""
        model = _user_model()
        return model is not None and model._meta.label in self.family

    @property
    def rows(self) -> Q:
        """The events about it, and by it."""
        about = Q(sender__in=self.family, object_pk=self.key)
        return about | (Q(actor_pk=self.key) & HAS_KEY) if self.is_account else about

    def owns(self, event: SignalEvent) -> bool:
        """Whether the event is about it, or by it."""
        about = event.sender in self.family and event.object_pk == self.key
        return about or (self.is_account and event.actor_pk == self.key)

    def __str__(self) -> str:
        return f"{self.label} {self.key}"


@dataclass(frozen=True, slots=True)
class Whom:
    """Everything that a redaction looks for."""

    things: tuple[Thing, ...]
    """The row itself, then those that belong to it alone."""
    names: Names
    shown: tuple[str, ...]
    """The names, without what is derived from keys."""
    altered: Ranges
    """Their events that are not what was sealed: what somebody has written there is no name of theirs."""
    unsought: tuple[str, ...] = ()
    """Recorded values of its fields for names that are not looked for."""
    before_keys: frozenset[int] = frozenset()
    """The events that tell of their creation before they had a key."""
    creations: frozenset[tuple[Any, int]] = frozenset()
    """Trace and position of these, wherever they are."""

    @property
    def rows(self) -> Q:
        """The events that are erased."""
        found = Q(pk__in=self.before_keys)
        for thing in self.things:
            found |= thing.rows
        return found

    def owns(self, event: SignalEvent) -> bool:
        """Whether the event is erased as a whole."""
        if not event.object_pk and (event.trace_id, event.position) in self.creations:
            return any(event.sender in thing.family for thing in self.things)
        return any(thing.owns(event) for thing in self.things)


Archived = Callable[[], Iterable[SignalEvent]]
"""Gives the events that are in archives, from the first on, whenever it is called."""


def _none() -> Iterable[SignalEvent]:
    return ()


def find(
    label: str, key: str, given: Iterable[str] = (), *, relatives: bool = True, names: bool = True,
    archived: Archived = _none,
) -> Whom:  # fmt: skip
    """Whom a label and a key mean; raises ``RedactionError`` if there is nobody."""
    first = thing(label, key, archived)
    things = [first]
    if relatives:
        for one in things:
            for found in _relatives(one, archived):
                if (found.family, found.key) not in [(other.family, other.key) for other in things]:
                    things.append(found)
            if len(things) > MOST_RELATIVES:
                raise RedactionError(f"More than {MOST_RELATIVES} rows belong to {first} alone: redact each of them.")
    shown = dict.fromkeys(text.strip() for text in given if text.strip())
    unsought: dict[str, None] = {}
    creations, before_keys = set(), set()
    altered, sealed = Ranges(), Sealed()
    for one in things:
        own = events().filter(one.rows).order_by("pk")
        for event in chain(own.iterator(chunk_size=500), filter(one.owns, archived())):
            if names and not sealed.has(event):
                altered.add(event.pk)
            elif names:
                shown |= dict.fromkeys(_names(one, event))
                if event.sender in one.family and event.object_pk == one.key:
                    unsought |= dict.fromkeys(recorded_names.in_changes(event.changes))
            if event.created and event.sender in one.family:
                creations.add((event.trace_id, event.operation))
        if names:
            shown |= dict.fromkeys(_names_now(one))
            if row := _row(one):
                unsought |= dict.fromkeys(recorded_names.in_row(row))
    for trace, position in creations:
        pres = events().filter(trace_id=trace, position=position, object_pk="")
        before_keys |= {pre.pk for pre in pres if any(pre.sender in one.family for one in things)}
    texts = [*shown, *(text for one in things for text in _key_texts(one))]
    looked_for = Names(texts)
    return Whom(
        tuple(things), looked_for, tuple(shown), altered, recorded_names.not_among(looked_for, unsought),
        frozenset(before_keys), frozenset(creations),
    )  # fmt: skip


def thing(label: str, key: str, archived: Archived = _none) -> Thing:
    """The row that a label and a key mean, if there is one or the log has events of it; raises ``RedactionError``."""
    model = _model(label)
    if model is None:
        recorded = events().filter(sender__iexact=label).values_list("sender", flat=True).first()
        if recorded is None:
            recorded = next((event.sender for event in archived() if event.sender.lower() == label.lower()), None)
        if recorded is None:
            raise RedactionError(f"There is no model {label!r}, and the log has no events of one.")
        found = Thing(recorded, labels_of_row(recorded), key, {})
    else:
        found = _thing(model, _spelled(model, key))
    is_known = bool(key) and (
        events().filter(found.rows).exists()
        or (model is not None and _row(found) is not None)
        or any(map(found.owns, archived()))
    )
    if not is_known:
        raise RedactionError(f"There is no {found.label} with the key {key!r}, and the log has no events of one.")
    return found


def _thing(model: Model, key: str) -> Thing:
    family = labels_of_row(model._meta.label)
    return Thing(model._meta.label, family, key, _pointing(family))


def _model(label: str) -> Model | None:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None


def _user_model() -> Model | None:
    try:
        return get_user_model()
    except ImproperlyConfigured:
        return None


def _spelled(model: Model, key: str) -> str:
    """A key that a person typed as the log spells it."""
    if key.startswith("["):
        return key  # a composite one
    try:
        return key_text(model(pk=key))
    except Exception:  # noqa: BLE001  a host's class may want anything else
        return logged_key(model, key)


def _pointing(family: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """Fields and relations, of any model, that hold keys of these rows; also those that Django names backwards."""
    found: dict[str, frozenset[str]] = {}
    for model in apps.get_models(include_auto_created=True):
        names: set[str] = set()
        for field in model._meta.get_fields():
            target: Any = getattr(field, "related_model", None)
            if not hasattr(target, "_meta") or target._meta.label not in family:
                continue
            names.add(field.name)
            if hasattr(field, "get_accessor_name"):
                names.add(str(field.get_accessor_name()))
        if names:
            found[model._meta.label] = frozenset(names)
    return found


def _relatives(owner: Thing, archived: Archived) -> Iterator[Thing]:
    """The rows that belong to one row alone: those with a one-to-one field to it, there now or recorded."""
    linked: dict[str, tuple[Model, str]] = {}
    for model in apps.get_models():
        if model._meta.proxy or model._meta.label in owner.family:
            continue
        for field in model._meta.concrete_fields:
            if isinstance(field, models.OneToOneField) and field.related_model._meta.label in owner.family:
                linked |= dict.fromkeys(labels_of_row(model._meta.label), (model, field.name))
                for key in _keys_of_relatives(model, field.name, owner.key):
                    yield _thing(model, key)
    for event in archived() if linked else ():
        if event.sender in linked and event.object_pk:
            model, name = linked[event.sender]
            sides = event.changes.get(name)
            if isinstance(sides, list) and owner.key in map(str, sides):
                yield _thing(model, event.object_pk)


def _keys_of_relatives(model: Model, field: str, key: str) -> set[str]:
    found = set()
    with suppress(DatabaseError, ValueError, TypeError):  # no such table, or no such key
        found = {key_text(row) for row in model._base_manager.filter(**{field: key})[: MOST_RELATIVES + 1]}
    spelled: list[Any] = [key, int(key)] if key.isascii() and key.isdigit() and len(key) < 16 else [key]
    holds = Q()
    for side in (0, 1):
        for one in spelled:
            holds |= Q(**{f"changes__{field}__{side}": one})
    recorded = events().filter(holds, sender__in=labels_of_row(model._meta.label)).exclude(object_pk="")
    return found | set(recorded.order_by().values_list("object_pk", flat=True).distinct()[: MOST_RELATIVES + 1])


def _row(one: Thing) -> models.Model | None:
    model = _model(one.label)
    if model is None:
        return None
    try:
        return model._base_manager.filter(pk=one.key).first()
    except (DatabaseError, ValueError, TypeError):
        return None
    except Exception:  # noqa: BLE001  a host's field may refuse a key with any error
        return None


def exists(one: Thing) -> bool:
    """Whether the row itself is still there."""
    return _row(one) is not None


def _names_now(one: Thing) -> Iterator[str]:
    """What the row goes by, if it is still there."""
    row = _row(one)
    if row is not None:
        naming = _naming_fields(one)
        held = {name: getattr(row, name, None) for name in [*naming, *_FULL, "first_name", "last_name"]}
        yield from _usable(one, [held.get(name) for name in naming] + _full(one, held))


def _names(one: Thing, event: SignalEvent) -> Iterator[str]:
    """What it goes by in one of its own events."""
    if event.sender in one.family and event.object_pk == one.key:
        naming = _naming_fields(one)
        sides: list[dict[str, Any]] = [{}, {}]
        for name, pair in event.changes.items():
            if isinstance(pair, list) and len(pair) == len(sides):
                for side, value in zip(sides, pair, strict=True):
                    side[name] = value
        for side in sides:
            yield from _usable(one, [side.get(name) for name in naming] + _full(one, side))
        if event.signal in MODEL_SIGNALS:
            yield from _usable(one, [event.object_repr])
    if one.is_account and event.actor_pk == one.key:
        yield from _usable(one, [event.actor_repr])


def _full(one: Thing, held: dict[str, Any]) -> list[str]:
    """An account's whole name, in one field or in two; a single word of it is many people's."""
    if not one.is_account:
        return []
    whole = [held.get(name) for name in _FULL]
    first, last = held.get("first_name"), held.get("last_name")
    if isinstance(first, str) and isinstance(last, str) and first and last:
        whole.append(f"{first} {last}")
    return [text for text in whole if isinstance(text, str) and len(text.split()) > 1]


def _naming_fields(one: Thing) -> tuple[str, ...]:
    return _naming_fields_of(one.label, is_account=one.is_account)


@lru_cache(maxsize=64)
def _naming_fields_of(label: str, *, is_account: bool) -> tuple[str, ...]:
    model = _model(label)
    if model is None:
        return ()
    names = [field.name for field in model._meta.concrete_fields if isinstance(field, models.EmailField)]
    if is_account:
        for name in (getattr(model, "USERNAME_FIELD", ""), getattr(model, "EMAIL_FIELD", "")):
            with suppress(FieldDoesNotExist):
                names.append(model._meta.get_field(name).name)
    return tuple(dict.fromkeys(names))


def _usable(one: Thing, texts: Iterable[Any]) -> Iterator[str]:
    for text in texts:
        if not isinstance(text, str) or not text.strip() or MASK in text or _NO_NAME.fullmatch(text):
            continue
        if one.is_account or len(text.strip()) >= SHORTEST_NAME:
            yield text.strip()


def _key_texts(one: Thing) -> Iterator[str]:
    """The key as text that can be no other's: with its label, or alone if it is no mere number."""
    for label in one.family:
        yield f"{label}/{one.key}"
    if len(one.key) >= DISTINCTIVE and not one.key.isdigit():
        yield one.key
        if re.fullmatch(r"[0-9a-f-]{36}", one.key):
            yield one.key.replace("-", "")


def account(key: str) -> None:
    """Raises ``RedactionError`` unless there is an account with this key, or the log has events by one."""
    model = _user_model()
    if key and events().filter(Q(actor_pk=key) & HAS_KEY).exists():
        return
    if not key or model is None or _row(_thing(model, key)) is None:
        raise RedactionError(f"There is no account with the key {key!r}, and the log has no events by one.")
