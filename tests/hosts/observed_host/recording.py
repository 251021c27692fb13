"""A runner for Django's kind of tests that records which tests ran and how they ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connections
from django.test import TestCase, TransactionTestCase
from django.test.runner import DiscoverRunner
from django.test.utils import iter_test_cases

from .job import current

_written = [0]


class RecordingRunner(DiscoverRunner):
    """Writes the outcome of each test to the file that the job names."""

    def setup_databases(self, **kwargs: Any) -> Any:
        """Begin before the databases are set up, which already leaves events."""
        write_events()
        return super().setup_databases(**kwargs)

    def run_suite(self, suite: Any, **kwargs: Any) -> Any:
        """Run the suite as Django does, and write the report at the end."""
        outcomes = {test.id(): {"outcome": "passed", "text": ""} for test in iter_test_cases(suite)}
        result = super().run_suite(suite, **kwargs)
        for test, text in result.skipped:
            outcomes[test.id()] = {"outcome": "skipped", "text": text}
        for name, text in failed(result):
            outcomes[name] = {"outcome": "failed", "text": text}
        write(outcomes)
        return result


def failed(result: Any) -> Iterator[tuple[str, str]]:
    """Return name and traceback of each failure; a subtest counts as its test, a class's set-up has its own name."""
    for test, text in (*result.failures, *result.errors):
        yield getattr(test, "test_case", test).id(), text
    for test in result.unexpectedSuccesses:
        yield test.id(), "unexpected success"


def write_events() -> None:
    """Let each test's events be written to its database before they are rolled back with it, and count them."""
    if not apps.is_installed("signal_log"):
        return
    from signal_log import pipeline

    append = pipeline.append

    def counting(events: Any, *args: Any, **kwargs: Any) -> Any:
        _written[0] += len(events)
        return append(events, *args, **kwargs)

    pipeline.append = counting
    for case in (TransactionTestCase, TestCase):
        case._fixture_teardown = _reading_first(case._fixture_teardown)


def _reading_first(teardown: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return the end of a test that first reads the log, before which the recorder writes what it holds."""
    from signal_log.capture.transaction.state import is_doomed
    from signal_log.models import SignalEvent

    @wraps(teardown)
    def reading_first(self: Any) -> None:
        connection = connections["default"]
        if "default" in self.databases and not (connection.needs_rollback or is_doomed(connection)):
            SignalEvent.objects.using("default").count()
        teardown(self)

    return reading_first


def write(outcomes: dict[str, dict[str, str]]) -> None:
    """Write the report."""
    Path(current().report).write_text(json.dumps({"tests": outcomes, "events": _written[0]}))
