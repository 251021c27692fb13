"""What a process that is neither a server nor a test writes is by a command, a program, or a shell."""

from __future__ import annotations

import sys

import pytest

from signal_log.capture.trace.context import process_source


@pytest.mark.parametrize(
    ("argv", "source"),
    [
        ([""], "shell"),
        (["-c"], "shell"),
        (["-"], "shell"),  # typed into `python -`, or piped
        (["/srv/manage.py", "shell"], "shell"),
        (["manage.py", "loaddata", "x"], "command:loaddata"),
        (["manage.py", "migrate"], "migration"),
        (["/srv/jobs/nightly.py"], "command:nightly"),
    ],
)
def test_the_source_is_told_by_the_command_line(argv: list[str], source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code without a name is a shell's."""
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.delattr(sys, "ps1", raising=False)
    process_source.cache_clear()
    try:
        assert process_source() == source
    finally:
        process_source.cache_clear()
