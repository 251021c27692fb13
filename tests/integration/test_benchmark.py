"""The benchmark of saves runs and measures what its table says; no time is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.save_cost import row

ROOT = Path(__file__).resolve().parents[2]
SAVES = 100


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it as ``make bench`` does."""
    command = [sys.executable, "-m", "tests.benchmarks.save_cost", f"--saves={SAVES}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_scene_is_measured_in_every_way(pytestconfig: pytest.Config) -> None:
    """One round on this run's kind of database: a time for each, and two events a save with the recorder on."""
    database = pytestconfig.getoption("database")
    done = bench("--rounds=1", f"--database={database}", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert list(result["times"]) == [database]
    scenes = result["times"][database]
    assert len(scenes) == 4
    for scene in scenes.values():
        assert set(scene) == {"bare", "handwritten", "signal_log"}
        assert all(len(times) == 1 and times[0] > 0 for times in scene.values())
    assert result["rows_per_save"][database] == {"bare": [0, 0], "handwritten": [1, 0], "signal_log": [0, 2]}


def test_a_row_of_the_table_compares_round_by_round() -> None:
    """A slow round slows both sides down, so it does not count as cost of recording."""
    ways = {
        "bare": [100.0, 100.0, 1000.0],
        "handwritten": [150.0, 150.0, 1050.0],
        "signal_log": [200.0, 200.0, 1100.0],
    }
    assert row("scene", ways) == "| scene | 100 (100 to 550) | 50 (50 to 50) | 100 (100 to 100) | 2.0 | 2.0 |"


@pytest.mark.parametrize("argument", ["--rounds=0", "--saves=150", "--saves=0", "--database=oracle"])
def test_a_wrong_argument_is_refused(argument: str) -> None:
    """It says which one before anything is started."""
    done = bench(argument)
    assert done.returncode == 2
    assert argument.partition("=")[0] in done.stderr
