"""Starts processes that watch for alerts, and lets time pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings

from signal_log import clock
from signal_log.audit.alerts import sending, watch
from signal_log.checks.alerts import check_alerts
from tests.integration.alerts.process import Process
from tests.settings import SIGNAL_LOG


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Process]]:
    """Start the alerts of a process; they send at once."""
    monkeypatch.setattr(sending, "send_later", sending.send)
    monkeypatch.setattr(sending, "PAUSES", ())
    monkeypatch.setattr(watch, "CONDITION_EVERY", 0)
    monkeypatch.setattr(watch, "REMEMBER_EVERY", 0)
    with ExitStack() as stack:

        def start(*alerts: dict[str, Any]) -> Process:
            if alerts:
                stack.enter_context(override_settings(SIGNAL_LOG={**SIGNAL_LOG, "ALERTS": list(alerts)}))
                assert check_alerts() == []
            process = Process()
            stack.callback(process.stop)
            process.step()
            return process

        yield start


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass."""
    now, passed = clock.now, [0.0]
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(seconds=passed[0]))

    def later(seconds: float) -> None:
        passed[0] += seconds

    return later
