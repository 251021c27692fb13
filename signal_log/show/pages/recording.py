"""Notices above the live page about what is not being recorded, as of when it was opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.apps import apps
from django.db import models

from signal_log.capture.faults import faults
from signal_log.capture.model.registry import is_chosen
from signal_log.capture.transaction.unrecorded import unrecorded
from signal_log.conf import conf


def notices(senders: Iterable[str]) -> list[str]:
    """The notices, usually none; ``senders`` are the models that the page is filtered by."""
    unobserved = (said for label in dict.fromkeys(senders) for said in _unobserved(label))
    return [*_lost(), *_incomplete(), *_silent(), *unobserved]


def _lost() -> Iterator[str]:
    if unrecorded.total and unrecorded.since:
        events, were = ("event", "was") if unrecorded.total == 1 else ("events", "were")
        yield (
            f"{unrecorded.total:,} {events} from this server process {were} not recorded because writing to the log "
            f"failed, first at {unrecorded.since:%Y-%m-%d %H:%M:%S} UTC. The server's own log has the cause."
        )


def _incomplete() -> Iterator[str]:
    if faults.total:
        times = "once" if faults.total == 1 else f"{faults.total:,} times"
        yield (
            f"The recorder failed {times} in this server process to tell all of an event, which then says so. "
            "The server's own log has the traceback."
        )


def _silent() -> Iterator[str]:
    if conf.SILENT_WRITES == "off":
        yield 'Writes that send no signals (update(), bulk_create, SQL) are not recorded: SILENT_WRITES is "off".'


def _unobserved(label: str) -> Iterator[str]:
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError):
        return  # the model is no longer installed, but the log may still contain it
    if not is_chosen(model) and not model._meta.auto_created:  # recorded as changes of a relation
        why = "it is listed in EXCLUDE" if _excluded(model) else "it is not listed in MODELS"
        yield f"Saves and deletes of {model._meta.label} are not recorded: {why}."


def _excluded(model: type[models.Model]) -> bool:
    own, concrete = model._meta, (model._meta.concrete_model or model)._meta
    names = {name for one in (own, concrete) for name in (one.label_lower, f"{one.app_label}.*", "*")}
    return not names.isdisjoint(entry.lower() for entry in conf.EXCLUDE)
