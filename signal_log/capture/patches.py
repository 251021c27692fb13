"""Every function of Django that is replaced while the app records, in one list, and how to restore it.

A wrapper that somebody installs on top of ours is never overwritten. Ours then stays below it, where it only passes
calls through because no model is observed any more, and the next start reuses it. What a wrapper replaced is
recorded on the wrapper itself (``Replaced``), so the list keeps no model class alive: migrations create and drop them
by the hundred.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from functools import partial, wraps
from types import FunctionType
from typing import Any, Final, NamedTuple
from weakref import ref

from channels.consumer import AsyncConsumer, SyncConsumer
from django.core.management.base import BaseCommand
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import RunSQL
from django.db.models import signals
from django.db.models.deletion import Collector
from django.db.models.fields.related_descriptors import ForwardOneToOneDescriptor
from django.db.models.sql import DeleteQuery
from django.db.models.sql.compiler import SQLDeleteCompiler, SQLInsertCompiler, SQLUpdateCompiler
from django.dispatch import Signal
from django.utils.inspect import func_accepts_kwargs, func_supports_parameter

from signal_log.capture import operation
from signal_log.capture.model import loaded, object_text
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.registry import ever_observed, plan_of
from signal_log.capture.signals import dispatch, extra, m2m
from signal_log.capture.silent import orm, watch
from signal_log.capture.silent.statements import DELETE, INSERT, UPDATE
from signal_log.capture.trace import commands, websocket
from signal_log.capture.transaction import connection, recording
from signal_log.conf import conf
from signal_log.event import MODEL_SIGNALS

Wrapper = Callable[[Any], Any]
"""Takes the function that it replaces, and returns the one that stands in its place."""

MARK: Final = "signal_log_replaced"

_numbers: Final = itertools.count()
_installed: Final[dict[int, Callable[[], bool]]] = {}
"""How to restore what is replaced, in order of installation."""
_shadowed: Final[list[Callable[[], bool]]] = []
"""The same for functions of ours that are called by somebody else's wrapper."""


def install() -> None:
    """Replace the functions through which Django changes rows, ends transactions and sends signals."""
    # How a transaction ends, and where its cursors come from
    for name in connection.INTERCEPTED:
        replace(BaseDatabaseWrapper, name, partial(connection.intercepted, name))
    for name in ("_cursor", "set_autocommit"):
        replace(BaseDatabaseWrapper, name, object_text.refusing)
    # One save, one delete
    replace(models.Model, "save_base", operation.save_base)
    replace(Collector, "delete", operation.delete)
    replace(ForwardOneToOneDescriptor, "get_object", loaded.parent_made)
    # Where a trace starts
    replace(BaseCommand, "execute", commands.execute)
    replace(AsyncConsumer, "dispatch", websocket.dispatch)
    replace(SyncConsumer, "dispatch", websocket.dispatch)
    # Writes that Django announces by signals, and the ORM's writes that it does not
    replace(models.Model, "_save_table", orm.save_table)
    replace(DeleteQuery, "delete_batch", orm.delete_batch)
    replace(BaseDatabaseOperations, "execute_sql_flush", orm.expect_all)
    replace(BaseDatabaseSchemaEditor, "execute", orm.schema_execute)
    replace(RunSQL, "_run_sql", orm.run_sql)
    replace(models.QuerySet, "bulk_create", orm.bulk_create)
    replace(models.QuerySet, "bulk_update", orm.bulk_update)
    replace(SQLInsertCompiler, "execute_sql", partial(watch.compiled, INSERT))
    replace(SQLUpdateCompiler, "execute_sql", partial(watch.compiled, UPDATE))
    replace(SQLDeleteCompiler, "execute_sql", partial(watch.compiled, DELETE))
    # The signals themselves
    for name in MODEL_SIGNALS:
        replace_class(getattr(signals, name), dispatch.ObservedSignal)
    if conf.M2M:
        replace_class(signals.m2m_changed, m2m.ObservedM2M)
    for signal in extra.chosen():
        replace_class(signal, extra.ObservedExtra)


def install_on_model(model: type[models.Model], plan: Plan) -> None:
    """Have an observed model keep the values that it loads."""
    _uncover(model)
    replace(model, "from_db", partial(loaded.from_db, plan), on_class=True)
    replace(model, "refresh_from_db", partial(loaded.refresh_from_db, recording.fate_now))


def install_on_model_later(model: type[models.Model]) -> None:
    """Do the same when the model first loads a row or sends a signal; until then it costs one attribute."""
    if "from_db" not in vars(model):
        setattr(model, "from_db", _COVER)  # noqa: B010  mypy takes it for a method


def _first_from_db(cls: type[models.Model], *args: Any, **kwargs: Any) -> models.Model:
    """Stands for ``from_db`` of a class that is observed, and has not been used yet."""
    _uncover(cls)
    from_db: Any = cls.from_db
    if not (func_supports_parameter(from_db, "fetch_mode") or func_accepts_kwargs(from_db)):
        kwargs.pop("fetch_mode", None)  # Django 6.1 passes it to those that take it, and the cover does
    instance: models.Model = from_db(*args, **kwargs)
    return instance


_COVER: Final[Any] = classmethod(_first_from_db)


def _uncover(model: type) -> None:
    """Take the cover off the class and what it inherits from, the uppermost first, and make their plans."""
    for owner in reversed(model.__mro__):
        if vars(owner).get("from_db") is _COVER:
            delattr(owner, "from_db")
            plan_of(owner)


def uninstall() -> None:
    """Restore everything in reverse order."""
    for model in ever_observed():
        _uncover(model)
    _sweep()
    while _installed:
        _, restore = _installed.popitem()
        if not restore():
            _shadowed.append(restore)
    _sweep()


class Replaced(NamedTuple):
    """What a function of ours replaced: ``own``, an attribute of ``owner`` (None where it was inherited)."""

    function: Any
    below: Callable[..., Any]
    owner: Callable[[], Any]
    own: Any


def replace(owner: type, name: str, wrapper: Wrapper, *, on_class: bool = False) -> None:
    """Replace a class's method by ``wrapper(function)``; ``on_class`` says that it is called on the class itself."""
    _sweep()
    found = inspect.getattr_static(owner, name)
    ours = None if _record(found) else _ours_below(found, owner)
    if ours is None:
        own = vars(owner).get(name)
        inherited = _record(found) if own is None else None
        # Inherited from an observed parent: wrap only once.
        below = inherited.below if inherited is not None else _callable(found, on_class=on_class)
        # Channels' synchronous dispatch is an object, whose attributes must not be copied.
        updated = ("__dict__",) if type(below) is FunctionType else ()
        ours = wraps(_inner(found), updated=updated)(wrapper(below))
        setattr(ours, MARK, Replaced(ours, below, ref(owner), own))
        setattr(owner, name, classmethod(ours) if on_class else ours)
    number = next(_numbers)
    _installed[number] = partial(_restore, ref(owner, lambda _: _installed.pop(number, None)), name, ref(ours))


def _inner(found: Any) -> Any:
    """The function of a class method; a proxy such as wrapt's only pretends to be one."""
    return found.__func__ if type(found) is classmethod else found


def _callable(found: Any, *, on_class: bool) -> Callable[..., Any]:
    """An attribute of a class as a function of the class or instance that it is called on.

    A host may have put anything there: a function, a mock, a partial, a static method or a proxy of wrapt's.
    """
    if type(_inner(found)) is FunctionType and (type(found) is classmethod) is on_class:
        return _inner(found)
    if not hasattr(type(found), "__get__"):
        return lambda _, *args, **kwargs: found(*args, **kwargs)
    if on_class:
        return lambda cls, *args, **kwargs: found.__get__(None, cls)(*args, **kwargs)
    return lambda self, *args, **kwargs: found.__get__(self, type(self))(*args, **kwargs)


def replace_class(signal: Signal, observing: type[Signal]) -> None:
    """Make one signal an instance of ``observing``, a subclass of its own class."""
    _sweep()
    kind = type(signal)
    if issubclass(kind, observing):
        return
    ours = observing if observing.__bases__ == (kind,) else type(f"Observed{kind.__name__}", (observing, kind), {})
    signal.__class__ = ours
    _installed[next(_numbers)] = partial(_restore_class, signal, kind, ours)


def _restore(owner: Callable[[], Any], name: str, ours: Callable[[], Any]) -> bool:
    """Restore the original; False while somebody else's wrapper is in place and may still call ours."""
    kept, function = owner(), ours()
    if kept is None or function is None:
        return True
    if _inner(vars(kept).get(name)) is not function:
        return False
    own = getattr(function, MARK).own
    if own is None:
        delattr(kept, name)
    else:
        setattr(kept, name, own)
    return True


def _restore_class(signal: Signal, kind: type[Signal], ours: type[Signal]) -> bool:
    """Restore a signal's class; False while a method wrapped on the signal itself may still call ours."""
    if type(signal) is not ours or any(callable(getattr(kind, name, None)) for name in vars(signal)):
        return False
    signal.__class__ = kind
    return True


def _sweep() -> None:
    """Restore what is no longer below somebody else's wrapper."""
    _shadowed[:] = [restore for restore in _shadowed if not restore()]


def _record(function: Any) -> Replaced | None:
    """The record of a function of ours; ``wraps`` copies the mark to other people's wrappers, hence the check."""
    function = _inner(function)
    record: Replaced | None = getattr(function, "__dict__", {}).get(MARK)
    return record if record is not None and record.function is function else None


def _ours_below(function: Any, owner: type) -> Any:
    """The function of ours below somebody else's wrapper, found through ``__wrapped__``, partials and closures."""
    seen, waiting = set(), [function]
    while waiting:
        found = waiting.pop()
        found = getattr(found, "__func__", found)
        if id(found) in seen or not isinstance(found, (FunctionType, partial)):
            continue
        seen.add(id(found))
        if (record := _record(found)) is not None and record.owner() is owner:
            return found
        cells = getattr(found, "__closure__", None) or ()
        waiting += [getattr(found, "__wrapped__", None), getattr(found, "func", None), *map(_content, cells)]
    return None


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # an empty cell
        return None
