"""What an instance believes of its row: the values that ``from_db`` loaded, or that its last save wrote.

``Model.from_db`` is Django's documented hook. ``refresh_from_db`` (which also loads deferred fields) goes through it
with a second instance, so its result is copied over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final, NamedTuple

from django.db import models
from django.db.models.base import ModelState

from signal_log.capture.model.plan import Plan, Values
from signal_log.capture.model.registry import plan_of
from signal_log.capture.model.snapshot import values_equal

LOADED: Final = "signal_log_loaded"
MOST_OPEN: Final = 32
"""At most so many beliefs of an instance are kept that savepoints may bring back; the first and the latest are."""
MISSING: Final = object()
"""Stands in a seen row for a value that the instance has neither loaded nor written."""


class Belief(NamedTuple):
    """The values an instance has loaded or written, by attname, and its row as the driver gave it at the last save."""

    values: Values
    seen: tuple[Any, ...] | None = None

    def __deepcopy__(self, _: Any) -> Belief:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """As a plain pair of names and values: a pickled instance may be read where this app is not installed."""
        return tuple, ((tuple(self.values), tuple(self.values.values())),)


class Fate:
    """What becomes of a part of a transaction, from one savepoint to the next: undone or not, None until known."""

    __slots__ = ("undone",)

    def __init__(self) -> None:
        self.undone: bool | None = None


class Stored(NamedTuple):
    """A belief after a save; ``before`` is what was stored until then, and holds again if the save is undone.

    What ``from_db`` stores is a plain pair of names and values: reading is the host's path, and a pair costs nothing.
    """

    belief: Belief | None
    fate: Fate | None = None
    before: Any = None

    def __deepcopy__(self, _: Any) -> Stored:
        return self  # a copy of an instance shares the fate of its save

    def __reduce__(self) -> tuple[Any, ...]:
        """As what is believed now, without this class: see `Belief`."""
        now = _current(self)
        return (type(None), ()) if now is None else (tuple, (now,))


def belief(plan: Plan, instance: models.Model, using: str) -> Belief | None:
    """What the instance believes of the row with its present key on this database; None if it has never seen it."""
    state = instance._state
    stored = _current(state.__dict__.get(LOADED))
    if state.db != using or stored is None:
        return None
    found: Belief = stored if type(stored) is Belief else Belief(dict(zip(*stored, strict=False)))
    known, held = found.values, instance.__dict__
    for name in plan.key_attnames:
        if not values_equal(known.get(name, MISSING), held.get(name)):
            return None
    return found


def _current(stored: Any) -> Any:
    """What holds of what is stored: a belief, a plain pair, or None."""
    while type(stored) is Stored:
        undone = stored.fate is not None and stored.fate.undone
        stored = stored.before if undone else stored.belief
    return stored


def set_belief(
    state: ModelState, values: Values | None, seen: tuple[Any, ...] | None = None, fate: Fate | None = None
) -> None:
    """Store what the instance with this ``_state`` believes from now on (None: nothing).

    ``fate`` is that of a save in a transaction that is still open: if it is undone, what the instance believed before
    holds again.
    """
    own = state.__dict__
    new = None if values is None else Belief(values, seen)
    own[LOADED] = Stored(new) if fate is None else Stored(new, fate, _still_possible(own.get(LOADED), fate))


def _still_possible(stored: Any, fate: Fate) -> Any:
    """What was stored without what can never hold again: what is undone, and what shares the fate of what follows."""
    open_ones: list[Stored] = []
    while type(stored) is Stored:
        before = stored.fate
        if before is None or before.undone is False:
            stored = stored.belief
            break
        if before.undone is None and before is not fate:
            open_ones.append(stored)
        stored = stored.before
    for each in reversed(open_ones[: MOST_OPEN - 1]):
        stored = each._replace(before=stored)
    return stored


def note_created(plan: Plan, instance: models.Model, fate: Fate | None) -> None:
    """Note that the instance's row was inserted without a save; what an expression made of a field is unknown."""
    known = {name: value for name, value in plan.values(instance).items() if not hasattr(value, "resolve_expression")}
    set_belief(instance._state, plan.frozen(known), fate=fate)


def note_written(plan: Plan, instance: models.Model, names: Collection[str], fate: Fate | None) -> None:
    """Note that these fields of the instance were written without a save; expressions leave their value unknown."""
    known = belief(plan, instance, instance._state.db or "")
    if known is None:
        return
    held, values = instance.__dict__, dict(known.values)
    for column in plan.columns:
        if column.name in names or column.attname in names:
            value = held.get(column.attname, MISSING)
            if value is MISSING or hasattr(value, "resolve_expression"):
                values.pop(column.attname, None)
            else:
                values[column.attname] = value
    set_belief(instance._state, plan.frozen(values), fate=fate)


def from_db(plan: Plan, original: Any) -> Any:
    """Wrap an observed model's ``from_db`` to store the loaded values."""

    def from_db(cls: type[models.Model], db: str, field_names: Iterable[str], values: Any, **more: Any) -> models.Model:
        loaded = (field_names, values)
        if plan.mutable:
            loaded = Belief(plan.frozen(dict(zip(field_names, values, strict=False))))
        instance: models.Model = original(cls, db, field_names, values, **more)
        own = instance._state.__dict__
        if LOADED not in own:  # or the host returns an object that it had, and that shows none of these values
            own[LOADED] = loaded
        return instance

    return from_db


def parent_made(original: Any) -> Any:
    """Wrap ``ForwardOneToOneDescriptor.get_object``, which may make a parent's object from its child's values."""

    def get_object(self: Any, instance: models.Model) -> Any:
        made = original(self, instance)
        if LOADED not in made._state.__dict__ and (plan := plan_of(type(instance))) is not None:
            known = belief(plan, instance, made._state.db)
            set_belief(made._state, known.values if known is not None else None)
        return made

    return get_object


def refresh_from_db(fate_of: Callable[[str], Fate | None], original: Any) -> Any:
    """Wrap ``Model.refresh_from_db``, after which the instance holds the row's values.

    ``fate_of`` tells the fate of what is done now on a database: the row may hold what a transaction is yet to undo.
    """

    def refresh_from_db(self: models.Model, *args: Any, **kwargs: Any) -> None:
        # Passed on as it came: what a host has put below may look among its keywords only.
        before = set(self.__dict__)
        given = kwargs.get("fields", args[1] if len(args) > 1 else None)
        if isinstance(given, Iterator):  # which can be read once
            given = list(given)
            if "fields" in kwargs:
                kwargs["fields"] = given
            else:
                args = (args[0], given, *args[2:])
        original(self, *args, **kwargs)
        plan = plan_of(type(self))
        if plan is None:
            return
        now = plan.values(self)
        if given is not None:
            names = set(given)
            fresh = {c.attname for c in plan.columns if c.name in names or c.attname in names}
            fresh |= set(now) - before
            known = belief(plan, self, self._state.db or "")
            now = {**(known.values if known else {}), **{name: now[name] for name in fresh if name in now}}
        set_belief(self._state, plan.frozen(now), fate=fate_of(self._state.db or ""))

    return refresh_from_db
