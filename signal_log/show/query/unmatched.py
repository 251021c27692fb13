"""Says of filters that nothing can match that they do, and what was probably meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from django.apps import apps
from django.core.management import get_commands

from signal_log.capture.model.registry import observed
from signal_log.conf import conf
from signal_log.event import M2M_CHANGED, MIGRATION, MODEL_SIGNALS
from signal_log.filters import Filters
from signal_log.nearest import nearest, nearest_label
from signal_log.query_language.keys import FIELD, KNOWN, MODEL
from signal_log.query_language.matching import is_model
from signal_log.show.query.choices import choices
from signal_log.show.query.values import changed_lately
from signal_log.show.words.text import one_line
from signal_log.store.senders import senders

Known = Callable[[], Iterable[str]]
IsOne = Callable[[str, str], bool]
Likely = Callable[[str, Iterable[str]], str]

SILENT: Final = ("silent_insert", "silent_update", "silent_delete")
SOURCES: Final = ("http", "websocket", "shell", "task", "test", MIGRATION)


def unmatched(filters: Filters, *, options: bool = True) -> Iterator[str]:
    """A sentence for each model, signal, source and field that no event has and no observed model can bring.

    ``options``: what was given as a filter by itself is named as a command's option, not as a part of a query.
    """
    for key, known, is_one, likely in _ASKED:
        for name, excluded in dict.fromkeys(filters.fields() if key == FIELD else filters.values(key)):
            names = known()
            if any(is_one(other, name) for other in names):
                continue
            near = likely(name, names)
            hint = f" Did you mean {near!r}?" if near else ""
            said = "Nothing is excluded by" if excluded else "Nothing can match"
            shown = one_line(name, 60)
            asked = _asked(filters, key, name, shown, excluded=excluded, options=options)
            yield f"{said} {asked}: {_why(key, name)}.{hint}"


def _asked(filters: Filters, key: str, name: str, shown: str, *, excluded: bool, options: bool) -> str:
    """The filter as it was given: by itself, or in a query."""
    if options and (f"!{name}" if excluded else name) in filters.asked.get(key, ()):
        return f"--{key} {'!' if excluded else ''}{shown}"
    return f"{'-' if excluded else ''}{MODEL if key == 'sender' else key}:{shown}"


def _why(key: str, name: str) -> str:
    if key in ("sender", MODEL):
        if any(is_model(model._meta.label, name) for model in apps.get_models()):
            return "that model is not observed"
        return (
            f"no observed model has this {'name' if key == MODEL and '.' not in name else 'label'}, and no event does"
        )
    if key == FIELD:
        return "no observed model has a field of this name, and no recent event does"
    return "no recent event has it, and nothing makes one"


def _senders() -> Iterable[str]:
    return {*(model._meta.label for model in observed()), *senders()}


def _signals() -> Iterable[str]:
    return {*MODEL_SIGNALS, M2M_CHANGED, *SILENT, *conf.EXTRA_SIGNALS, *choices()["signal"]}


def _sources() -> Iterable[str]:
    return {*SOURCES, *(f"command:{name}" for name in get_commands()), *choices()["source"]}


def _fields() -> Iterable[str]:
    relations = (field for model in observed() for field in model._meta.get_fields(include_hidden=True))
    ends = (end for field in relations for end in (field, field.remote_field) if end is not None)
    return {*(end.name for end in ends), *changed_lately()}


def _likely_field(name: str, fields: Iterable[str]) -> str:
    return nearest(name, [*KNOWN, *fields])


def _likely_model(name: str, labels: Iterable[str]) -> str:
    if "." in name:
        return nearest_label(name, labels)
    return nearest(name, [label.rpartition(".")[2] for label in labels])


def _is(other: str, name: str) -> bool:
    return other == name


_ASKED: Final[tuple[tuple[str, Known, IsOne, Likely], ...]] = (
    ("sender", _senders, _is, nearest_label),
    (MODEL, _senders, is_model, _likely_model),
    ("signal", _signals, _is, nearest),
    ("source", _sources, _is, nearest),
    (FIELD, _fields, _is, _likely_field),
)
