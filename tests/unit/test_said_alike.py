"""The live page and the history describe random events in the same words."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.vectors import saying
from tests.vectors.random_events import DURATIONS, random_event

ROOT = Path(__file__).resolve().parents[2]
EVENTS = int(os.environ.get("EVENTS", "600"))


@pytest.fixture
def seed() -> int:
    """A new seed each time; `SEED=5 EVENTS=4000 pytest ...` sets it and the number of events."""
    return int(os.environ.get("SEED", Random().randrange(10**9)))


def test_the_live_page_and_the_history_say_the_same(seed: int) -> None:
    """Words, names, the line, the changes in full and the duration agree for every event."""
    dice = Random(seed)
    # Events go through JSON, as for both of them, which joins two adjacent lone surrogates into one character.
    events: list[dict[str, Any]] = json.loads(json.dumps([random_event(dice) for _ in range(EVENTS)]))
    durations = [*DURATIONS, *(round(dice.random() * 10 ** dice.randrange(10), 3) for _ in range(EVENTS))]
    said = by_the_live_page({"events": events, "durations": durations})
    for event, live in zip(events, said["events"], strict=True):
        assert saying.of_event(event) == live, f"with SEED={seed}, of {json.dumps(event)}"
    assert [saying.of_duration(one) for one in durations] == said["durations"], f"with SEED={seed}"


def by_the_live_page(asked: dict[str, Any]) -> dict[str, Any]:
    """Return JavaScript's words; Node.js is started once."""
    node = shutil.which("node") or str(Path(sys.executable).parent / "node")
    script = ROOT / "tests" / "js" / "say_all.js"
    answer = subprocess.run([node, str(script)], input=json.dumps(asked).encode(), capture_output=True, check=False)
    assert answer.returncode == 0, answer.stderr.decode()
    found: dict[str, Any] = json.loads(answer.stdout)
    return found
