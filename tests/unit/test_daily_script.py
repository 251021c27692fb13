"""``deploy/daily.sh``, which the archive of the compose file runs in: when its health check is content."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "daily.sh"


@pytest.mark.parametrize(
    ("command", "line", "is_healthy"),
    [
        ("echo Archived 0 events; exit 1", "done, but not all of it; tried again in a day", True),
        ("echo Traceback >&2; exit 1", "failed, and is tried again in 10 s", False),
        ("echo Archived 0 events; exit 2", "failed, and is tried again in 10 s", False),
    ],
)
def test_a_remark_is_no_failure(command, line, is_healthy, tmp_path):
    """Status 1 after it has said what it did is one; Python, which ends with 1 where it cannot go on, says nothing."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        ["sh", SCRIPT, "sh", "-c", command], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as running:  # fmt: skip
        told = [running.stdout.readline() for _ in range(2)]
        check = subprocess.run(["sh", SCRIPT, "--check"], env=environment, capture_output=True, check=False)
        running.terminate()
        running.communicate()
    assert told[0] == f"{command.split(';')[0].removeprefix('echo ').removesuffix(' >&2')}\n"
    assert told[1].endswith(f": {line}\n")
    assert (check.returncode == 0) == is_healthy
    assert running.returncode == 0
