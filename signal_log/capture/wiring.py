"""Turns capture on and off as one: the model classes, the signals, the operations and what begins a trace."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import models
from django.db.models.signals import class_prepared

from signal_log.capture import operation
from signal_log.capture.model import loaded, registry
from signal_log.capture.signals import dispatch, extra, m2m
from signal_log.capture.silent import orm as accounted
from signal_log.capture.silent import watch as silent
from signal_log.capture.sink import Sink, use_sink
from signal_log.capture.trace import commands, tasks, websocket
from signal_log.capture.transaction import connection


def start(sink: Sink) -> None:
    """Observe what the settings choose, from now on and for classes yet to come; settled events go to ``sink``."""
    use_sink(sink)
    connection.wrap()
    dispatch.wrap()
    operation.wrap()
    commands.wrap()
    websocket.wrap()
    tasks.connect()
    m2m.wrap()
    extra.wrap()
    for model in registry.chosen_models():
        _observe(model)
        dispatch.connect(model)
    accounted.wrap()
    silent.watch_connections()
    class_prepared.connect(_on_class_prepared, dispatch_uid="signal_log.class_prepared")


def stop() -> None:
    """Undo ``start``: nothing of Django's or the host's stays changed."""
    class_prepared.disconnect(dispatch_uid="signal_log.class_prepared")
    silent.unwatch_connections()
    accounted.unwrap()
    for model in apps.get_models(include_auto_created=True):
        if registry.plan_of(model) is not None:
            loaded.unhook(model)
            dispatch.disconnect(model)
            registry.forget(model)
    extra.unwrap()
    m2m.unwrap()
    tasks.disconnect()
    websocket.unwrap()
    commands.unwrap()
    operation.unwrap()
    dispatch.unwrap()
    connection.unwrap()
    use_sink(None)


def _observe(model: type[models.Model]) -> None:
    loaded.hook(model, registry.observe(model))


def _on_class_prepared(sender: Any, **_: Any) -> None:
    # A class made later, by a migration or a test, may soon die, and a receiver connected to it would stay in
    # Django's list for ever; its signals are recorded by its plan alone.
    if registry.is_chosen(sender):
        _observe(sender)
