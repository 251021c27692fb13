"""Short ways for a test to say what the events of one save or delete should hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models

from signal_log.models import SignalEvent
from tests.log import recorded

UNKNOWN = {"unknown": True}
"""What stands for a value that nobody knows."""


def pair(act: Callable[[], Any]) -> tuple[SignalEvent, SignalEvent]:
    """Return the pre and the post event of the only save or delete in `act`."""
    with recorded() as events:
        act()
    pre, post = events
    assert pre.overwrote is None  # nobody looks before the statement
    return pre, post


def post(act: Callable[[], Any]) -> SignalEvent:
    """Return the post event of the only save or delete in `act`."""
    return pair(act)[1]


def save(instance: Any, **values: Any) -> SignalEvent:
    """Give an instance these values, save it, and return the post event."""
    for name, value in values.items():
        setattr(instance, name, value)
    return post(instance.save)


def shop_model(name: str, **fields: Any) -> Any:
    """A model of the shop's, made for one test; within ``isolate_apps``."""
    meta = type("Meta", (), {"app_label": "shop"})
    return type(name, (models.Model,), {"__module__": __name__, "Meta": meta, **fields})


@contextmanager
def table(*made: type[models.Model]) -> Iterator[None]:
    """The models' tables, for the duration of the block."""
    with connection.schema_editor() as editor:
        for model in made:
            editor.create_model(model)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            for model in made:
                editor.delete_model(model)
