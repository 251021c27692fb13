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
from signal_log.show.query.choices import choices
from signal_log.show.words.text import one_line
from signal_log.store.senders import senders

SILENT: Final = ("silent_insert", "silent_update", "silent_delete")
SOURCES: Final = ("http", "websocket", "shell", "task", "test", MIGRATION)


def unmatched(filters: Filters) -> Iterator[str]:
    """A sentence for each model, signal and source that no event has and no observed model can bring."""
    for key, known, likely in _ASKED:
        wanted = ((name, f"Nothing can match --{key} ") for name in filters.wanted.get(key, ()))
        excluded = ((name, f"Nothing is excluded by --{key} !") for name in filters.excluded.get(key, ()))
        for name, said in (*wanted, *excluded):
            names = known()
            if name in names:
                continue
            near = likely(name, names)
            hint = f" Did you mean {near!r}?" if near else ""
            yield f"{said}{one_line(name, 60)}: {_why(key, name)}.{hint}"


def _why(key: str, name: str) -> str:
    if key == "sender":
        installed = name in {model._meta.label for model in apps.get_models()}
        return "that model is not observed" if installed else "no observed model has this label, and no event does"
    return "no recent event has it, and nothing makes one"


def _senders() -> Iterable[str]:
    return {*(model._meta.label for model in observed()), *senders()}


def _signals() -> Iterable[str]:
    return {*MODEL_SIGNALS, M2M_CHANGED, *SILENT, *conf.EXTRA_SIGNALS, *choices()["signal"]}


def _sources() -> Iterable[str]:
    return {*SOURCES, *(f"command:{name}" for name in get_commands()), *choices()["source"]}


_ASKED: Final[tuple[tuple[str, Callable[[], Iterable[str]], Callable[[str, Iterable[str]], str]], ...]] = (
    ("sender", _senders, nearest_label),
    ("signal", _signals, nearest),
    ("source", _sources, nearest),
)
