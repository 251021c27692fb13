"""A pytest plugin that writes down what a run does while it does it, so that a run that dies leaves what it knew.

`pytest -p scripts.testing.record --record FILE`. Every line of the file is a JSON object with one key: `collected`,
`began`, `phase`, `crashed`, `lost` or, last of all, `ended`. With xdist the controller writes, not its workers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where to write."""
    parser.addoption("--record", type=Path, help="file that gets the record of this run")


def pytest_configure(config: pytest.Config) -> None:
    """Begin the record, in the process that hears of all tests."""
    path = config.getoption("record")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(path))


class Recorder:
    """Writes each thing that happens to the file at once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="ascii")
        self._exit: int | None = None

    def _write(self, **fact: Any) -> None:
        self._file.write(json.dumps(fact) + "\n")
        self._file.flush()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Without xdist: the tests that are to run."""
        self._write(collected=[item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """With xdist: the same as each worker tells it."""
        self._write(collected=ids)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self._write(began=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Setup, call or teardown of a test is over."""
        outcome = "passed" if hasattr(report, "wasxfail") and report.skipped else report.outcome
        phase = {"id": report.nodeid, "when": report.when, "outcome": outcome, "seconds": report.duration}
        self._write(phase=phase)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str) -> None:
        """A worker of xdist died while it ran this test."""
        self._write(crashed=crashitem)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """A worker of xdist is gone, in order where there is no error."""
        if error:
            self._write(lost=node.gateway.id)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """The exit code, after everybody who may change it."""
        self._exit = int(exitstatus)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """The run has come to its end, and the other plugins to theirs."""
        if self._exit is not None:
            self._write(ended=self._exit)
        self._file.close()
