"""Old values without a query: ``from_db`` leaves what it loaded on ``instance._state``.

``Model.from_db`` is Django's documented hook. ``refresh_from_db`` (which also loads deferred fields)
goes through it with a second instance, so its result is carried over. What was loaded or saved before a rollback
of recorded work counts as unknown afterwards, for it may never have been in the row.
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
WRAPPED: Final = "signal_log_wrapped"

_rollbacks: Final[dict[str, int]] = {}
_numbers: Final = itertools.count(1)


def hook(model: type[models.Model], plan: Plan) -> None:
    """Keep the loaded values of every instance of the class from now on."""
    _shadow(model, "from_db", classmethod(_from_db(_original(model, "from_db"), plan)))
    _shadow(model, "refresh_from_db", _refresh_from_db(_original(model, "refresh_from_db")))


def unhook(model: type[models.Model]) -> None:
    """Undo ``hook``."""
    for name in ("from_db", "refresh_from_db"):
        ours = model.__dict__.get(name)
        function: Any = getattr(ours, "__func__", ours)
        if not hasattr(function, WRAPPED):
            continue
        own = function.signal_log_own
        if own is None:
            delattr(model, name)
        else:
            setattr(model, name, own)


def loaded_values(instance: models.Model, using: str) -> Values | None:
    """What was last loaded from or saved to this database, by attname; None where nothing was."""
    state = instance._state
    kept = state.__dict__.get(LOADED)
    if kept is None or state.db != using:
        return None
    names, values, rollbacks = kept
    if rollbacks != _rollbacks.get(using):
        return None
    known: Values = values if names is None else dict(zip(names, values, strict=False))
    return known


def keep(state: ModelState, values: Values | None) -> None:
    """Take these as the loaded values of the instance with this ``_state`` from now on (None: nothing is known)."""
    state.__dict__[LOADED] = None if values is None else (None, values, _rollbacks.get(state.db or ""))


def rolled_back(using: str) -> None:
    """Recorded work in this database was undone: what anybody has loaded or saved there until now is in doubt."""
    _rollbacks[using] = next(_numbers)


def _original(model: type[models.Model], name: str) -> Any:
    """The function below our own wrapper, wherever in the class's ancestry one stands."""
    function = getattr(model, name)
    function = getattr(function, "__func__", function)
    return getattr(function, WRAPPED, function)


def _shadow(model: type[models.Model], name: str, ours: Any) -> None:
    own = model.__dict__.get(name)
    function: Any = getattr(own, "__func__", own)
    if hasattr(function, WRAPPED):  # hooked twice: below is still what the class had at first
        own = function.signal_log_own
    getattr(ours, "__func__", ours).signal_log_own = own
    setattr(model, name, ours)


def _from_db(original: Any, plan: Plan) -> Any:
    def from_db(cls: type[models.Model], db: str, field_names: Iterable[str], values: Any, **more: Any) -> models.Model:
        kept: Any = (field_names, values, _rollbacks.get(db))
        if plan.mutable:
            kept = (None, plan.frozen(dict(zip(field_names, values, strict=False))), _rollbacks.get(db))
        instance: models.Model = original(cls, db, field_names, values, **more)
        instance._state.__dict__[LOADED] = kept
        return instance

    setattr(from_db, WRAPPED, original)
    # Django 6.1 asks the signature whether the host's own method takes a ``fetch_mode``.
    from_db.__wrapped__ = original  # type: ignore[attr-defined]
    return from_db


def _refresh_from_db(original: Any) -> Any:
    def refresh_from_db(self: models.Model, *args: Any, **kwargs: Any) -> None:
        before = set(self.__dict__)
        original(self, *args, **kwargs)
        plan = plan_of(type(self))
        if plan is None:
            return
        given = kwargs.get("fields", args[1] if len(args) > 1 else None)
        now = plan.values(self)
        if given is not None:
            asked = set(given)
            fresh = {c.attname for c in plan.columns if c.name in asked or c.attname in asked}
            fresh |= set(now) - before
            known = loaded_values(self, self._state.db or "") or {}
            now = {**known, **{name: now[name] for name in fresh if name in now}}
        keep(self._state, plan.frozen(now))

    setattr(refresh_from_db, WRAPPED, original)
    return refresh_from_db
