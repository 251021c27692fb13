"""Snapshots that several processes write."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from signal_log import pytest_plugin


class Lines:
    """What would be printed."""

    def __init__(self, stats: dict[str, list[Any]]) -> None:
        self.stats = stats
        self.lines: list[str] = []

    def section(self, title: str) -> None:
        """Begin."""

    def line(self, text: str, **_: bool) -> None:
        """Go on."""
        self.lines.append(text)


@pytest.mark.parametrize(("second", "code"), [("1111", 0), ("2222", 1)])
def test_two_processes_that_write_one_file_differently_fail_the_run(second: str, code: int) -> None:
    """Each saw only its own test; whoever prints the summary sees both."""
    notes = ["new  1111  /suite/par.txt", f"changed  {second}  /suite/par.txt", "unchanged  3333  /suite/other.txt"]
    told = Lines({"passed": [SimpleNamespace(user_properties=[(pytest_plugin.NOTE, note)]) for note in notes]})
    config: Any = SimpleNamespace(
        getoption=lambda _: True, pluginmanager=SimpleNamespace(get_plugin=lambda _: told),
        invocation_params=SimpleNamespace(dir="/suite"),
    )  # fmt: skip
    session: Any = SimpleNamespace(config=config, exitstatus=0)
    pytest_plugin.pytest_sessionfinish(session)
    assert session.exitstatus == code
    pytest_plugin.pytest_terminal_summary(told, config)
    refused = ["Two tests write the snapshot 'par' differently; give each a name of its own."]
    assert told.lines == ["new        par.txt", *refused[:code], "unchanged  other.txt"]
