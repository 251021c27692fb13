"""Which receivers are connected to the signals of a model, in the order in which Django calls them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Final
from weakref import ReferenceType

from django.apps import apps
from django.db import models
from django.db.models import signals
from django.dispatch import Signal
from django.utils.module_loading import import_string

from signal_log.capture.model.registry import chosen_models
from signal_log.capture.signals.dispatch import observe
from signal_log.capture.signals.receiver_name import innermost, receiver_name
from signal_log.capture.trace.call_site import shortened
from signal_log.conf import conf
from signal_log.event import M2M_CHANGED, MODEL_SIGNALS

ANY: Final = id(None)
"""How Django notes that a receiver is for every sender."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A receiver of one signal of one model; ``order`` counts from 1, and async receivers come last."""

    signal: str
    model: str
    order: int
    receiver: str
    app: str
    file: str
    line: int
    is_async: bool
    is_weak: bool
    for_every_sender: bool
    dispatch_uid: str
    function: Any = field(compare=False, repr=False)


def connected() -> Iterator[Connected]:
    """The receivers of all observed models and extra signals, but not our own."""
    for model in sorted(chosen_models(), key=lambda model: model._meta.label):
        if model._meta.auto_created:
            continue
        for name in MODEL_SIGNALS:
            yield from receivers_of(getattr(signals, name), model, name, model._meta.label)
        for relation in model._meta.local_many_to_many:
            through: Any = getattr(relation.remote_field, "through", None)
            if isinstance(through, type):
                yield from receivers_of(signals.m2m_changed, through, M2M_CHANGED, model._meta.label)
    for path in conf.EXTRA_SIGNALS:
        try:
            signal = import_string(path)
        except ImportError:
            continue  # signal_log.E007 says so
        if isinstance(signal, Signal):
            yield from receivers_of(signal, None, path, "")


def receivers_of(signal: Signal, sender: type[models.Model] | None, name: str, label: str) -> Iterator[Connected]:
    """The receivers of one signal for this sender, those for every sender included; all of it for None."""
    found = []
    for key, given, *rest in list(signal.receivers):
        uid, sender_id = key
        if sender is not None and sender_id not in (ANY, id(sender)):
            continue
        receiver = given() if isinstance(given, ReferenceType) else given
        if receiver is None or innermost(receiver) is observe or _module(receiver).startswith("signal_log."):
            continue
        found.append((bool(rest and rest[-1]), sender_id == ANY, isinstance(given, ReferenceType), uid, receiver))
    found.sort(key=lambda one: one[0])
    for order, (is_async, for_every, is_weak, uid, receiver) in enumerate(found, 1):
        file, line = place(receiver)
        config = apps.get_containing_app_config(_module(receiver))
        yield Connected(
            name, label, order, receiver_name(receiver), config.label if config else "", file, line,
            is_async, is_weak, for_every, _uid(uid, receiver), receiver,
        )  # fmt: skip


def place(receiver: Any) -> tuple[str, int]:
    """The file (below the working directory: relative) and line of a receiver's code; empty and 0 if unknown."""
    code = _code(innermost(receiver))
    if code is None:
        return "", 0
    return shortened(code.co_filename), code.co_firstlineno


def _uid(uid: Any, receiver: Any) -> str:
    """What the host called it; empty for what Django makes up."""
    try:
        return "" if uid == _id_of(receiver) else str(uid)
    except Exception:  # noqa: BLE001  the host's object
        return f"a {type(uid).__name__}"


def _code(function: Any) -> CodeType | None:
    function = getattr(function, "__func__", function)
    call = vars(type(function)).get("__call__")  # of an object that is called like a function
    code = getattr(function, "__code__", None) or getattr(call, "__code__", None)
    return code if isinstance(code, CodeType) else None


def _module(receiver: Any) -> str:
    function = innermost(receiver)
    return str(getattr(function, "__module__", None) or type(function).__module__)


def _id_of(receiver: Any) -> Any:
    """What Django takes for a receiver without ``dispatch_uid``."""
    if hasattr(receiver, "__func__"):
        return id(receiver.__self__), id(receiver.__func__)
    return id(receiver)
