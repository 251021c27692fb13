"""Starts one run of a suite in a process of its own and reads how its tests ended."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.hosts.observed_host.job import Job
from tests.hosts.source import VAR
from tests.hosts.verdict import Outcomes

# Far longer than any suite needs.
LONGEST = 40 * 60


class Unusable(Exception):
    """A run that says nothing about the app; the message holds the end of its output."""


@dataclass(frozen=True)
class Run:
    """What one run left."""

    tests: Outcomes
    events: int
    seconds: float

    def count(self, outcome: str) -> int:
        """Count the tests that ended so."""
        return sum(test["outcome"] == outcome for test in self.tests.values())

    def __str__(self) -> str:
        counted = Counter(test["outcome"] for test in self.tests.values())
        ends = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counted.items()))
        return f"{ends}; {self.events} events recorded; {self.seconds:.0f} s"


def run(title: str, command: list[str], folder: Path, environment: dict[str, str], job: Job) -> Run:
    """Run the suite here; raises `Unusable` if it did not come to its end, ran no test, or recorded wrongly."""
    begun = time.monotonic()
    log = VAR / "logs" / f"{title.replace(' ', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        try:
            code = subprocess.run(
                command,
                cwd=folder,
                env=environment | job.as_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=LONGEST,
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
    written = Path(job.report)
    if code not in (0, 1) or not written.exists():
        raise Unusable(f"{title} {'took too long' if code is None else f'ended with {code}'}:\n{end(log)}")
    left = json.loads(written.read_text())
    done = Run(left["tests"], left["events"], time.monotonic() - begun)
    if done.count("passed") == 0:
        raise Unusable(f"{title} ran no test that passed:\n{end(log)}")
    if (done.events > 0) != job.observed:
        raise Unusable(f"{title} recorded {done.events} events, so the comparison would say nothing.")
    return done


def end(log: Path) -> str:
    """Return the end of a run's output."""
    return log.read_text(errors="replace")[-4000:]
