"""How traces are said to have ended."""

import pytest

from signal_log.show.words.ended import ended_badly

WELL = ("http 302", "http 404", "http ", "command:loaddata 0", "task SUCCESS", "task RETRY")
BADLY = (
    "http 500", "http DoesNotExist", "command:migrate 1", "command:x 137", "command:x 100", "command:x SystemError",
    "task FAILURE", "task FAILED",
)  # fmt: skip


@pytest.mark.parametrize(("told", "bad"), [(one, False) for one in WELL] + [(one, True) for one in BADLY])
def test_a_status_says_how(told: str, bad: bool) -> None:
    """Every page says the same."""
    source, _, status = told.partition(" ")
    assert ended_badly(source, status) is bad
