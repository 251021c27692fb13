"""A runner for Django's tests that records which tests ran and how they ended."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.test.runner import DiscoverRunner
from django.test.utils import iter_test_cases


class RecordingRunner(DiscoverRunner):
    """Writes the outcome of each test to the file ``DJANGO_SUITE_REPORT``."""

    def run_suite(self, suite: Any, **kwargs: Any) -> Any:
        """Run the suite as Django does, and write the report at the end."""
        outcomes = {test.id(): {"outcome": "passed", "text": ""} for test in iter_test_cases(suite)}
        result = super().run_suite(suite, **kwargs)
        for test, text in result.skipped:
            outcomes[test.id()] = {"outcome": "skipped", "text": text}
        for name, text in failed(result):
            outcomes[name] = {"outcome": "failed", "text": text}
        report = {"tests": outcomes, "events": events()}
        Path(os.environ["DJANGO_SUITE_REPORT"]).write_text(json.dumps(report))
        return result


def events() -> int:
    """Count the log's events; setting up the databases leaves some if anything is recorded."""
    if not apps.is_installed("signal_log"):
        return 0
    from signal_log.models import SignalEvent

    return SignalEvent.objects.count()


def failed(result: Any) -> Iterator[tuple[str, str]]:
    """Return name and traceback of each failure; a subtest counts as its test, a class's set-up has its own name."""
    for test, text in (*result.failures, *result.errors):
        yield getattr(test, "test_case", test).id(), text
    for test in result.unexpectedSuccesses:
        yield test.id(), "unexpected success"
