"""An object's text without a query: calls ``str()`` with database access blocked, and leaves the object as it was."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import ContextVar
from types import FrameType
from typing import Any, Final, TypeVar

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.model.plan import Plan
from signal_log.capture.model.snapshot import clean, truncated
from signal_log.interruption import let_interruption_pass

MAX_CHARS: Final = 200
MOST_OBJECTS: Final = 16
"""Of so many objects what they hold is kept while one's text is asked for: its own, and what it has loaded."""
_CALLED: Final = ("self", "instance")
"""How a method, and Python's and Django's cached properties, name the object that they are called on."""
_IN_PLACE: Final = {"fields_cache", "_prefetched_objects_cache"}
"""Attributes whose dicts Django changes in place: what a relation has loaded."""

A = TypeVar("A")
T = TypeVar("T")


class QueryRefused(BaseException):
    """A query where the database may not be asked.

    Not an ``Exception``, so that a host's handlers let it pass: what they would answer instead may be cached for long.
    """


_refusals: ContextVar[list[_Refusal] | None] = ContextVar("signal_log_refusals", default=None)
"""None while queries are allowed."""


def refusing(original: Any) -> Any:
    """Wrap a connection's ``_cursor``, the one route to any statement, or ``set_autocommit``, to refuse it then.

    A query, or a transaction, fails before any of it reaches the database or a query log.
    """

    def asked(self: Any, *args: Any, **kwargs: Any) -> Any:
        refusals = _refusals.get()
        if refusals is not None:
            refusals.append(_Refusal(sys._getframe(1)))
            raise QueryRefused
        return original(self, *args, **kwargs)

    return asked


def without_queries(ask: Callable[[A], T], argument: A) -> T:
    """The host's answer; raises ``QueryRefused``, and leaves the host's objects as they were, if it would query."""
    refusals: list[_Refusal] = []
    outer, blocks = _refusals.get(), _open_blocks()
    try:  # twice, for an interruption may come at the end of the first, too
        try:
            _refusals.set(refusals)
            answer = ask(argument)
        finally:
            _refusals.set(outer)
    finally:
        _refusals.set(outer)
        for refusal in reversed(refusals):
            refusal.undo()
        for block in blocks:
            block.restore()
    if refusals:  # a bare ``except``: the answer is not the one that the host would give
        raise QueryRefused
    return answer


class _OpenBlock:
    """What a connection's block was before: an inner one that fails, or a hook, would stay behind in it."""

    __slots__ = ("connection", "hooks", "needs_rollback", "savepoints")

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.needs_rollback = connection.needs_rollback
        self.hooks = len(connection.run_on_commit)
        self.savepoints = connection.savepoint_state

    def restore(self) -> None:
        """No statement has run since, so whatever failed, the transaction has not."""
        connection = self.connection
        connection.needs_rollback = self.needs_rollback
        connection.savepoint_state = self.savepoints
        del connection.run_on_commit[self.hooks :]


def _open_blocks() -> list[_OpenBlock]:
    """This thread's connections that are in a block; asked of their store, as ``all()`` looks each up twice."""
    made = connections._connections  # type: ignore[attr-defined]
    found = [getattr(made, alias, None) for alias in connections]
    return [_OpenBlock(each) for each in found if each is not None and each.in_atomic_block]


class _Refusal:
    """What objects held when a query was refused.

    They are the objects whose methods were running: a bare ``except`` may have them keep a wrong answer.
    """

    __slots__ = ("before",)

    def __init__(self, frame: FrameType | None) -> None:
        self.before: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
        while frame is not None and frame.f_code is not without_queries.__code__:
            for name, value in frame.f_locals.items():
                if issubclass(type(value), models.Model) or (name in _CALLED and not _is_djangos(frame)):
                    self._note(value)
            frame = frame.f_back

    def _note(self, value: Any) -> None:
        attributes = _attributes(value)
        for held in (attributes, _attributes(attributes.get("_state"))):
            self._keep(held)
            for name in _IN_PLACE & held.keys():
                self._keep(held[name])

    def _keep(self, attributes: Any) -> None:
        if type(attributes) is dict:
            self.before.setdefault(id(attributes), (attributes, dict(attributes)))

    def undo(self) -> None:
        """Give the objects back what they held."""
        for attributes, before in self.before.values():
            for name in attributes.keys() - before.keys():
                del attributes[name]
            attributes.update(before)


def _attributes(value: Any) -> dict[str, Any]:
    """The attributes that an object holds itself; a lazy object is not evaluated for it."""
    try:
        held = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return held if type(held) is dict else {}


def _is_djangos(frame: FrameType) -> bool:
    """Whether it runs in Django's database layer, whose connections and queries are none of ours."""
    return str(frame.f_globals.get("__name__", "")).startswith("django.db.")


def _unchanged(instance: models.Model) -> str:
    """``str()`` of an object; what it sets on the object or on those that it has loaded is taken back."""
    before = _held_by(instance)
    try:
        return without_queries(str, instance)
    finally:
        for attributes, held in before:
            attributes.update(held)
            if len(attributes) != len(held):
                for name in attributes.keys() - held.keys():
                    del attributes[name]


def _held_by(instance: models.Model) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The attributes of an object and of those that it has loaded, each dict with a copy of it."""
    waiting, seen, found = [instance], {id(instance)}, []
    for each in waiting:
        own = each.__dict__
        state = each._state.__dict__
        found += [(own, dict(own)), (state, dict(state))]
        if loaded := state.get("fields_cache"):
            found.append((loaded, dict(loaded)))
            for other in loaded.values():
                if isinstance(other, models.Model) and id(other) not in seen and len(seen) < MOST_OBJECTS:
                    seen.add(id(other))
                    waiting.append(other)
        if fetched := own.get("_prefetched_objects_cache"):
            found.append((fetched, dict(fetched)))
    return found


def repr_of(plan: Plan, instance: models.Model) -> str:
    """``str(instance)``, or ``Model object (pk)`` if that queries or raises; masked if it contains a secret."""
    try:
        if type(instance).__str__ is models.Model.__str__:
            text = f"{plan.model.__name__} object ({plan.key(instance) or None})"
        else:
            text = _unchanged(instance)
    except BaseException as error:  # noqa: BLE001  a host's __str__ may raise anything
        let_interruption_pass(error)
        text = f"{plan.model.__name__} object ({plan.key(instance)})"
    return truncated(plan.without_secrets(clean(text), instance), MAX_CHARS)
