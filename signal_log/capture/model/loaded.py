"""Old values without a query: ``from_db`` stores what it loaded on ``instance._state``.

``Model.from_db`` is Django's documented hook. ``refresh_from_db`` (which also loads deferred fields) goes through it
with a second instance, so its result is copied over. After a rollback of recorded work, anything loaded or saved
before it counts as unknown, because it may never have been committed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, Final

from django.db import models
from django.db.models.base import ModelState

from signal_log.capture.model.plan import Plan, Values
from signal_log.capture.model.registry import plan_of

LOADED: Final = "signal_log_loaded"

_rollbacks: Final[dict[str, int]] = {}
_numbers: Final = itertools.count(1)


def loaded_values(instance: models.Model, using: str) -> Values | None:
    """The values last loaded from or saved to this database, by attname; None if there are none."""
    state = instance._state
    stored = state.__dict__.get(LOADED)
    if stored is None or state.db != using:
        return None
    names, values, rollbacks = stored
    if rollbacks != _rollbacks.get(using):
        return None
    known: Values = values if names is None else dict(zip(names, values, strict=False))
    return known


def set_values(state: ModelState, values: Values | None) -> None:
    """Store the loaded values of the instance with this ``_state`` (None: unknown)."""
    state.__dict__[LOADED] = None if values is None else (None, values, _rollbacks.get(state.db or ""))


def rolled_back(using: str) -> None:
    """Invalidate all values loaded from or saved to this database so far, because recorded work was rolled back."""
    _rollbacks[using] = next(_numbers)


def from_db(plan: Plan, original: Any) -> Any:
    """Wrap an observed model's ``from_db`` to store the loaded values."""

    def from_db(cls: type[models.Model], db: str, field_names: Iterable[str], values: Any, **more: Any) -> models.Model:
        loaded: Any = (field_names, values, _rollbacks.get(db))
        if plan.mutable:
            loaded = (None, plan.frozen(dict(zip(field_names, values, strict=False))), _rollbacks.get(db))
        instance: models.Model = original(cls, db, field_names, values, **more)
        instance._state.__dict__[LOADED] = loaded
        return instance

    return from_db


def refresh_from_db(original: Any) -> Any:
    """Wrap ``Model.refresh_from_db``, after which the instance holds the row's values."""

    def refresh_from_db(self: models.Model, *args: Any, **kwargs: Any) -> None:
        before = set(self.__dict__)
        original(self, *args, **kwargs)
        plan = plan_of(type(self))
        if plan is None:
            return
        given = kwargs.get("fields", args[1] if len(args) > 1 else None)
        now = plan.values(self)
        if given is not None:
            names = set(given)
            fresh = {c.attname for c in plan.columns if c.name in names or c.attname in names}
            fresh |= set(now) - before
            known = loaded_values(self, self._state.db or "") or {}
            now = {**known, **{name: now[name] for name in fresh if name in now}}
        set_values(self._state, plan.frozen(now))

    return refresh_from_db
