"""What a test names (a model, a signal, a receiver), as the log names it; a name that cannot be meant is refused.

A model that is not observed never fires into a capture, so asserting anything of it says why instead of "did not fire".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from django.apps import apps
from django.db import models
from django.db.models import signals
from django.dispatch import Signal

from signal_log.capture.model.registry import chosen_models, is_observed
from signal_log.capture.signals.receiver_name import receiver_name
from signal_log.conf import conf
from signal_log.event import M2M_CHANGED, MODEL_SIGNALS
from signal_log.nearest import nearest, nearest_label
from signal_log.show.words.kinds import short_name

SILENT: Final = ("silent_insert", "silent_update", "silent_delete")

ModelName = type[models.Model] | str
SignalName = Signal | str
ReceiverName = Callable[..., Any] | str


def label_of(model: ModelName) -> str:
    """The label of a model that is observed; any other fails the test."""
    __tracebackhide__ = True
    if isinstance(model, str):
        found = _model(model)
        if found is None:
            likely = nearest_label(model, (one._meta.label for one in apps.get_models()))
            raise AssertionError(f"There is no model {model!r}.{f' Did you mean {likely!r}?' if likely else ''}")
    elif isinstance(model, type) and issubclass(model, models.Model):
        found = model
    else:
        raise TypeError(f"A model is a class or a label such as 'auth.User', not {model!r}.")
    if why := why_unobserved(found):
        raise AssertionError(why)
    return found._meta.label


def why_unobserved(model: type[models.Model]) -> str:
    """Why a model fires into no capture; empty if it does."""
    if is_observed(model):
        return ""
    label, given = model._meta.label, ", ".join(map(repr, conf.MODELS))
    if model._meta.auto_created:
        return (
            f"{label} is an automatic through model: Django sends m2m_changed for it, which is recorded for the model "
            "whose relation changes; name that one."
        )
    if any(one._meta.label == label for one in chosen_models()):
        return f"{label} is another class than the installed model of that name."
    excluded = any(label.lower() == one.lower() for one in conf.EXCLUDE)
    where = 'SIGNAL_LOG["EXCLUDE"] names it' if excluded else f'SIGNAL_LOG["MODELS"] is [{given}]'
    return f"{label} is not observed: {where}. Nothing of it is recorded, whatever fires."


def unobserved_in(lines: Iterable[str]) -> str:
    """The same for the first model that is named in lines of a tree."""
    for line in lines:
        for word in line.split(" → ")[-1].replace("(", " ").split():
            found = _model(word) if word.count(".") == 1 else None
            if found is not None and (why := why_unobserved(found)):
                return why
    return ""


def signal_name(signal: SignalName) -> str:
    """The name or dotted path of a signal that is recorded; any other fails the test."""
    __tracebackhide__ = True
    known = {name: name for name in (*MODEL_SIGNALS, M2M_CHANGED, *SILENT)}
    known |= {name: path for path in conf.EXTRA_SIGNALS for name in (path, short_name(path))}
    name = _name_of(signal) if isinstance(signal, Signal) else str(signal)
    if name in known:
        return known[name]
    likely = nearest(name, known)
    hint = f" Did you mean {likely!r}?" if likely else f" Recorded are {', '.join(dict.fromkeys(known.values()))}."
    raise AssertionError(f"No signal {name!r} is recorded.{hint} Others are named in SIGNAL_LOG['EXTRA_SIGNALS'].")


def is_receiver(given: ReceiverName, path: str) -> bool:
    """Whether a receiver's dotted path is the one that a test names: wholly, by its last parts, or as a function."""
    name = given if isinstance(given, str) else receiver_name(given)
    path, name = without_line(path), without_line(name)
    return path == name or path.endswith(f".{name}")


def without_line(path: str) -> str:
    """The path of a receiver without the line number that local functions and lambdas have in it."""
    head, colon, number = path.rpartition(":")
    return head if colon and number.isdigit() else path


def shown_receiver(path: str) -> str:
    """A receiver as trees show it: ``create_profile``."""
    return short_name(without_line(path))


def _model(label: str) -> type[models.Model] | None:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None


def _name_of(signal: Signal) -> str:
    from django.utils.module_loading import import_string

    for name in (*MODEL_SIGNALS, M2M_CHANGED):
        if getattr(signals, name) is signal:
            return name
    return next((path for path in conf.EXTRA_SIGNALS if import_string(path) is signal), repr(signal))
