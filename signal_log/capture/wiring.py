"""Starts and stops capture as a whole: model classes, signals, operations and trace entry points."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.signals import class_prepared

from signal_log.capture import patches
from signal_log.capture.model import registry, row_sql
from signal_log.capture.model.plan import Plan
from signal_log.capture.signals import dispatch, extra
from signal_log.capture.silent import watch
from signal_log.capture.sink import Sink, use_sink
from signal_log.capture.trace import raised, tasks
from signal_log.capture.trace.gathered import in_use
from signal_log.capture.trace.membership import running
from signal_log.capture.trace.session_token import named_by_process
from signal_log.capture.trace.trace import keep_with


def start(sink: Sink) -> None:
    """Observe what the settings select, including model classes defined later, and send settled events to ``sink``."""
    use_sink(sink)
    keep_with(sink)
    running.process = named_by_process()
    patches.install()
    tasks.connect()
    raised.connect()
    for model in registry.chosen_models():
        _observe(model)
        dispatch.connect(model)
    for model in registry.once_observed():
        _observe(model)
    row_sql.watch_connections()
    watch.watch_connections()
    class_prepared.connect(_on_class_prepared, dispatch_uid="signal_log.class_prepared")


def stop() -> None:
    """Undo ``start``, leaving nothing of Django's or the host's modified."""
    class_prepared.disconnect(dispatch_uid="signal_log.class_prepared")
    watch.unwatch_connections()
    row_sql.unwatch_connections()
    for model in registry.observed():
        dispatch.disconnect(model)
        registry.forget(model)
    raised.disconnect()
    tasks.disconnect()
    extra.forget()
    patches.uninstall()
    use_sink(None)
    keep_with(None)
    running.forget()
    in_use[0] = False


def _observe(model: type[models.Model]) -> Plan:
    plan = registry.observe(model)
    patches.install_on_model(model, plan)
    return plan


def _on_class_prepared(sender: Any, **_: Any) -> None:
    # A class defined later, by a migration or a test, may be short-lived, and a receiver connected to it would stay in
    # Django's list forever. Its plan alone is enough to record its signals. Of the thousands of classes that `migrate`
    # of a large site renders, nearly all are never used.
    if registry.is_chosen(sender):
        registry.observe_later(sender, _observe)
        patches.install_on_model_later(sender)
