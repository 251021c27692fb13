"""A pytest plugin that records how tests ended, and reaches the settings of suites that call `configure`."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import LazySettings

from .change import changed
from .job import current
from .recording import write, write_events

_outcomes: dict[str, dict[str, str]] = {}


def pytest_load_initial_conftests() -> None:
    """Change what a conftest passes to `settings.configure`."""
    configure = LazySettings.configure

    def changing(self: LazySettings, default_settings: Any = None, **options: Any) -> None:
        job = current()
        if not job.settings:
            options = changed(options, job)
        if default_settings is None:
            return configure(self, **options)
        return configure(self, default_settings, **options)

    LazySettings.configure = changing


def pytest_collection_finish() -> None:
    """Begin here: Django is set up, and the test databases come with the first test."""
    write_events()


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Record a module that could not be imported."""
    if report.failed:
        _outcomes[report.nodeid] = {"outcome": "failed", "text": report.longreprtext}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Record a test; a failure of any phase or subtest stays."""
    before = _outcomes.setdefault(report.nodeid, {"outcome": "passed", "text": ""})
    if report.failed:
        before.update(outcome="failed", text=report.longreprtext)
    elif report.skipped and before["outcome"] != "failed":
        before.update(outcome="xfailed" if hasattr(report, "wasxfail") else "skipped", text=report.longreprtext)


def pytest_sessionfinish() -> None:
    """Write the report, whatever ended the session."""
    write(_outcomes)
