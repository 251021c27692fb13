"""The pytest plugin: fixture ``signal_log``, snapshots and budgets. Importing it imports neither Django nor models."""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from signal_log.testing import SignalLog

OPTION: Final = "--signal-log-update"
MARKER: Final = "signal_log_budget"
UPDATE: Final = "SIGNAL_LOG_UPDATE"
NOTE: Final = "signal_log_snapshot"


class SlowerThanBudget(UserWarning):
    """A test took longer than the milliseconds of its budget."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that accepts snapshots."""
    parser.getgroup("signal_log").addoption(
        OPTION, action="store_true", help="rewrite the snapshots of signals that the selected tests compare with"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(operations, queries, milliseconds): fail if the test does more saves, deletes and other writes of "
        "observed models, or more queries; warn if it takes longer",
    )
    if config.getoption(OPTION):
        os.environ[UPDATE] = "1"  # read by SignalLogMixin


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the environment as it was."""
    if config.getoption(OPTION):
        os.environ.pop(UPDATE, None)


@pytest.fixture
def signal_log(request: pytest.FixtureRequest) -> SignalLog:
    """What fires in a block: ``with signal_log.capture() as seen: ...``, then ``seen.assert_fired(...)``."""
    return _signal_log(request.node)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Hold a test to its budget; one that fails by itself says nothing of it."""
    marker = item.get_closest_marker(MARKER)
    if marker is None:
        try:
            return (yield)
        finally:
            _note_snapshots(item)
    from signal_log.testing import budget

    if wrong := budget.wrong_arguments(marker.args, marker.kwargs):
        pytest.fail(wrong, pytrace=False)
    log = _signal_log(item)
    try:
        with budget.spending(log.capture) as spent:
            result = yield
    finally:
        _note_snapshots(item)
    if slow := budget.slower(spent, marker.kwargs):
        _warn(item, f"{item.nodeid} {slow}")
    if over := budget.over_budget(spent, marker.kwargs):
        pytest.fail(over, pytrace=False)
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where tests in several processes have written one snapshot differently, which none of them could know."""
    if session.config.getoption(OPTION) and any(len(texts) > 1 for _, texts in _snapshots(session.config).values()):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say which snapshots were written."""
    if not config.getoption(OPTION):
        return
    terminalreporter.section("signal_log snapshots")
    written = _snapshots(config)
    for path, (done, texts) in written.items():
        terminalreporter.line(f"{done[0]:9}  {os.path.relpath(path, config.invocation_params.dir)}")
        if len(texts) > 1:
            from signal_log.testing.snapshots import DIFFERENTLY

            terminalreporter.line(DIFFERENTLY.format(name=Path(path).stem), red=True)
    if not written:
        terminalreporter.line("none: no selected test got as far as seen.assert_matches()")


def _snapshots(config: pytest.Config) -> dict[str, tuple[list[str], set[str]]]:
    """By file what the tests of all processes did to it, and hashes of what they wrote."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    found: dict[str, tuple[list[str], set[str]]] = {}
    reports = [one for group in (reporter.stats if reporter else {}).values() for one in group]
    for report in reports:
        for name, text in getattr(report, "user_properties", ()):
            if name == NOTE:
                done, digest, path = text.split("  ", 2)
                ways, texts = found.setdefault(path, ([], set()))
                ways.append(done)
                texts.add(digest)
    return found


def _signal_log(item: Any) -> SignalLog:
    from signal_log.testing import SignalLog, Snapshots

    accept = f"pytest {OPTION} {shlex.quote(item.nodeid)}"
    snapshots = Snapshots(Path(item.path), accept, update=bool(item.config.getoption(OPTION)))
    return SignalLog(snapshots, refuse=_refuse)


def _note_snapshots(item: pytest.Item) -> None:
    """Report with the test what it wrote: xdist hands that on to the process that prints it."""
    if item.config.getoption(OPTION):
        from signal_log.testing.snapshots import noted

        item.user_properties += [(NOTE, text) for text in noted]
        noted.clear()


def _refuse(why: str) -> NoReturn:
    pytest.fail(why, pytrace=False)


def _warn(item: pytest.Item, text: str) -> None:
    """Add a warning to the summary past all filters: where warnings are errors, a slow machine is none."""
    path, line, _ = item.reportinfo()
    message = warnings.WarningMessage(SlowerThanBudget(text), SlowerThanBudget, str(path), (line or 0) + 1)
    item.ihook.pytest_warning_recorded.call_historic(
        kwargs={"warning_message": message, "nodeid": item.nodeid, "when": "runtest", "location": None}
    )
