"""Every function of Django that is replaced while the app records, on one screen, and how to put it back.

Whoever replaces one of them after us keeps their wrapper: ours then stays below it, where it passes everything on
for want of an observed model, and is taken up again by the next start. A wrapper knows what it stands for
(``Replaced``), so the list holds no model class alive: migrations make and drop them by the hundred.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
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
from django.db.models.sql import DeleteQuery
from django.db.models.sql.compiler import SQLDeleteCompiler, SQLInsertCompiler, SQLUpdateCompiler
from django.dispatch import Signal

from signal_log.capture import operation
from signal_log.capture.model import loaded, object_text
from signal_log.capture.model.plan import Plan
from signal_log.capture.signals import dispatch, extra, m2m
from signal_log.capture.silent import orm, watch
from signal_log.capture.silent.statements import DELETE, INSERT, UPDATE
from signal_log.capture.trace import commands, websocket
from signal_log.capture.transaction import connection
from signal_log.conf import conf
from signal_log.event import MODEL_SIGNALS

Wrapper = Callable[[Any], Any]
"""Takes the function that it replaces, and returns the one that stands in its place."""

MARK: Final = "signal_log_replaced"
DEEPEST: Final = 20

_numbers: Final = itertools.count()
_on: Final[dict[int, Callable[[], bool]]] = {}
"""How to put back what is replaced, in the order in which it was."""
_below: Final[list[Callable[[], bool]]] = []
"""The same for what stayed below somebody else's wrapper."""


def put_on() -> None:
    """Replace what Django does with connections, rows, commands, messages and signals."""
    # The fate of a transaction, and where its cursors come from
    for name in connection.DECISIVE:
        replace(BaseDatabaseWrapper, name, partial(connection.told, name))
    replace(BaseDatabaseWrapper, "_cursor", object_text.cursor)
    # One save, one delete
    replace(models.Model, "save_base", operation.save_base)
    replace(Collector, "delete", operation.delete)
    # Where a trace begins
    replace(BaseCommand, "execute", commands.execute)
    replace(AsyncConsumer, "dispatch", websocket.dispatch)
    replace(SyncConsumer, "dispatch", websocket.dispatch)
    # Django's own writes, which are not silent, and the ORM's, which are
    replace(models.Model, "_save_table", orm.save_table)
    replace(DeleteQuery, "delete_batch", orm.delete_batch)
    replace(BaseDatabaseOperations, "execute_sql_flush", orm.every_statement)
    replace(BaseDatabaseSchemaEditor, "execute", orm.schema_work)
    replace(RunSQL, "_run_sql", orm.run_sql)
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


def put_on_model(model: type[models.Model], plan: Plan) -> None:
    """Have an observed model remember what it loads."""
    replace(model, "from_db", partial(loaded.from_db, plan))
    replace(model, "refresh_from_db", loaded.refresh_from_db)


def take_off() -> None:
    """Put everything back, the last first."""
    _sweep()
    while _on:
        _, put_back = _on.popitem()
        if not put_back():
            _below.append(put_back)
    _sweep()


class Replaced(NamedTuple):
    """What a function of ours stands for: the attribute of ``owner`` that was ``own`` (None: it was inherited)."""

    function: Any
    owner: Callable[[], Any]
    own: Any


def replace(owner: type, name: str, wrapper: Wrapper) -> None:
    """Put ``wrapper(function)`` in the place of a class's function, method or class method."""
    _sweep()
    found = inspect.getattr_static(owner, name)
    own = vars(owner).get(name)
    function = getattr(found, "__func__", found)
    stayed_below = _record(function) is None and any(record.owner() is owner for record in _ours_in(function))
    if not stayed_below:
        if own is None and (inherited := _record(function)) is not None:
            function = inherited.function.__wrapped__  # a child of an observed model: once is enough
        # What is not a plain function (Channels has such a method) keeps its attributes to itself.
        updated = ("__dict__",) if isinstance(function, FunctionType) else ()
        ours = wraps(function, updated=updated)(wrapper(function))
        setattr(ours, MARK, Replaced(ours, ref(owner), own))
        setattr(owner, name, classmethod(ours) if isinstance(found, classmethod) else ours)
    number = next(_numbers)
    _on[number] = partial(_put_back, ref(owner, lambda _: _on.pop(number, None)), name)


def replace_class(signal: Signal, observing: type[Signal]) -> None:
    """Make one signal an instance of ``observing`` as well."""
    _sweep()
    kind = type(signal)
    if issubclass(kind, observing):
        return
    ours = observing if observing.__bases__ == (kind,) else type(f"Observed{kind.__name__}", (observing, kind), {})
    signal.__class__ = ours
    _on[next(_numbers)] = partial(_put_class_back, signal, kind, ours)


def _put_back(owner: Callable[[], Any], name: str) -> bool:
    """Put back what stood there; False where somebody else's wrapper stands there now."""
    if (kept := owner()) is None:
        return True
    found = vars(kept).get(name)
    record = _record(getattr(found, "__func__", found))
    if record is None or record.owner() is not kept:
        return found is None
    if record.own is None:
        delattr(kept, name)
    else:
        setattr(kept, name, record.own)
    return True


def _put_class_back(signal: Signal, kind: type[Signal], ours: type[Signal]) -> bool:
    """The same for a signal; whoever wrapped a method of this one signal calls ours, which must stay its own."""
    if type(signal) is not ours or any(callable(getattr(kind, name, None)) for name in vars(signal)):
        return False
    signal.__class__ = kind
    return True


def _sweep() -> None:
    """Put back what is no longer below somebody else's wrapper."""
    _below[:] = [put_back for put_back in _below if not put_back()]


def _record(function: Any) -> Replaced | None:
    """What a function of ours stands for; ``wraps`` gives our mark to other people's wrappers too."""
    record: Replaced | None = getattr(function, "__dict__", {}).get(MARK)
    return record if record is not None and record.function is function else None


def _ours_in(function: Any, depth: int = DEEPEST) -> Iterator[Replaced]:
    """Functions of ours that a function is, or calls, as far as its wrappers show it."""
    if (record := _record(function)) is not None:
        yield record
    if depth == 0 or function is None:
        return
    cells = getattr(function, "__closure__", None) or ()
    held = [cell.cell_contents for cell in cells if _is_filled(cell)]
    for inner in (getattr(function, "__wrapped__", None), getattr(function, "func", None), *held):
        if isinstance(inner, (FunctionType, partial, classmethod)):
            yield from _ours_in(getattr(inner, "__func__", inner), depth - 1)


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
