"""Records which objects of the models in ``READS`` a page of the log has shown: events hold their values.

A page about one thing names each object. A list, or whatever shows too many, has one event for each model, which says
how many objects it was, so that browsing the log does not fill it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from django.apps import apps
from django.db.models import Model
from django.http import HttpRequest

from signal_log.audit.named_models import names
from signal_log.audit.reads import Seen, record_seen
from signal_log.capture.api import context
from signal_log.capture.faults import faults
from signal_log.conf import conf
from signal_log.event import ACCESSED
from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row

MOST_NAMED: Final = 20
"""Of one model, on a page about one thing."""


def shown(request: HttpRequest, events: Iterable[SignalEvent]) -> None:
    """A page about one thing, such as a trace, shows these events."""
    _note(request, events, MOST_NAMED)


def listed(request: HttpRequest, events: Iterable[SignalEvent]) -> None:
    """A page of a list shows these events; if all are of one object, it is that object's history."""
    _note(request, events, 1)


def listed_elsewhere(request: HttpRequest, events: Iterable[SignalEvent], origin: str) -> None:
    """A page shows these events of another log: how many objects of each model, as their keys are not those of here."""
    if conf.READS and request.method == "GET":
        with context(log=origin):
            _note(request, events, 0)


def opened_live(request: HttpRequest) -> None:
    """The live page was opened, which shows every event of every model as it happens."""
    if conf.READS and request.method == "GET":
        shown = (model for model in apps.get_models() if not model._meta.proxy and names(conf.READS, model))
        record_seen([Seen(model, live=True) for model in shown], by_page=True)


def _note(request: HttpRequest, events: Iterable[SignalEvent], most: int) -> None:
    if not conf.READS or request.method != "GET":
        return
    try:
        seen = [one for model, keys in _objects(events).items() for one in _seen(model, keys, most)]
    except Exception as error:  # noqa: BLE001  never the reader's problem
        faults.report("a page that was looked at", error)
        return
    record_seen(seen, by_page=True)


def _objects(events: Iterable[SignalEvent]) -> dict[type[Model], list[str]]:
    """The keys of the objects of each named model, each once, under whatever label its events were recorded."""
    keys: dict[str, dict[str, None]] = {}
    for event in events:
        if event.object_pk and event.signal != ACCESSED:  # that one has no values
            keys.setdefault(event.sender, {})[event.object_pk] = None
    found: dict[frozenset[str], tuple[type[Model], dict[str, None]]] = {}
    for label, of_label in keys.items():
        try:
            model = apps.get_model(label)
        except (LookupError, ValueError):
            continue  # an installed model no more, or none ever
        if names(conf.READS, model):
            found.setdefault(frozenset(labels_of_row(label)), (model, {}))[1].update(of_label)
    return {model: list(of_model) for model, of_model in found.values()}


def _seen(model: type[Model], keys: Sequence[str], most: int) -> list[Seen]:
    if len(keys) > most:
        return [Seen(model, objects=len(keys))]
    return [Seen(model, pk=key) for key in keys]
