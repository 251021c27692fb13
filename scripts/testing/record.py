"""A pytest plugin that writes down what a run does while it does it, so that a run that dies leaves what it knew.

`pytest -p scripts.testing.record --record FILE`. Every line of the file is a JSON object with one key: `collected`,
`began`, `phase`, `crashed`, `lost`, `absent`, `broke` or, last of all, `ended`. With xdist the controller writes what
it hears of; each worker adds a file of its own, `FILE.gw0`, with what xdist does not pass on.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where to write."""
    parser.addoption("--record", type=Path, help="file that gets the record of this run")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Begin the record of this process."""
    path: Path | None = config.getoption("record")
    if path is None:
        return
    worker = getattr(config, "workerinput", {}).get("workerid")
    recorder = Recorder(path) if worker is None else WorkerRecorder(path.with_name(f"{path.name}.{worker}"))
    config.pluginmanager.register(recorder)
    # First in, so it is last out: it sees what the cleanups of other plugins raise, such as warnings of late objects.
    config._cleanup_stack.push(recorder.cleaned_up)


class WorkerRecorder:
    """Writes each thing that only its own process knows to the file at once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="ascii")
        self._exit: int | None = None

    def _write(self, **fact: Any) -> None:
        self._file.write(json.dumps(fact) + "\n")
        self._file.flush()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that skips itself is not among the tests collected."""
        if report.skipped:
            self._write(absent=report.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int) -> Iterator[None]:
        """The exit code, and what anybody raises at the end of the session."""
        try:
            return (yield)
        except BaseException as error:
            self._write(broke=named(error))
            raise
        finally:
            self._exit = int(exitstatus)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_unconfigure(self) -> Iterator[None]:
        """What the other plugins raise when they end."""
        # On a busy machine that takes more than five seconds, after which execnet interrupts a worker.
        if "PYTEST_XDIST_WORKER" in os.environ:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return (yield)
        except BaseException as error:
            self._write(broke=named(error))
            raise

    def cleaned_up(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """The run has come to its end, and so have all other plugins."""
        if error is not None:
            self._write(broke=named(error))
        elif self._exit is not None:
            self._write(ended=self._exit)
        self._file.close()


def named(error: BaseException) -> str:
    """An error in a line or two, with what it came from: a warning of an object that raised late says only which."""
    cause = f", from {named(error.__cause__)}" if error.__cause__ else ""
    return f"{type(error).__name__}: {error}{cause}"


class Recorder(WorkerRecorder):
    """Writes what the process hears that knows of all tests."""

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
        # A test that is expected to fail shows nothing by failing.
        outcome = "skipped" if hasattr(report, "wasxfail") else report.outcome
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
