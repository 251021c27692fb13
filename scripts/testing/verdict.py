"""What the record of a pytest run is worth: which tests failed, and why the run as a whole cannot be believed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

OK, TESTS_FAILED, NO_TESTS = 0, 1, 5


@dataclass
class Record:
    """What one run of pytest wrote about itself."""

    collected: set[str] = field(default_factory=set)
    began: list[str] = field(default_factory=list)
    ran: set[str] = field(default_factory=set)
    outcomes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    crashed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    broke: list[str] = field(default_factory=list)
    ended: int | None = None

    @property
    def failed(self) -> list[str]:
        """The tests of which any phase failed, in the order in which they did."""
        return [test for test, outcomes in self.outcomes.items() if "failed" in outcomes]

    @property
    def skipped(self) -> list[str]:
        """The tests that were not run because something was missing."""
        return [test for test, outcomes in self.outcomes.items() if "skipped" in outcomes]

    @property
    def passed(self) -> set[str]:
        """The tests that ran from setup to teardown, all phases of which passed."""
        return {test for test in self.ran if self.outcomes[test] == {"passed"}}


def read(path: Path) -> Record:
    """The record in this file; that of a run which did not even begin is empty."""
    record = Record()
    for file in (*sorted(path.parent.glob(f"{path.name}.*")), path):
        if file.exists():
            _read_into(record, file)
    return record


def _read_into(record: Record, path: Path) -> None:
    """Add one process's file; of several codes the last one read, the controller's, counts."""
    record.ended = None
    for line in path.read_text(encoding="ascii").splitlines(keepends=True):
        if not line.endswith("\n"):  # the writer died over it
            break
        ((kind, value),) = json.loads(line).items()
        if kind == "collected":
            record.collected.update(value)
        elif kind == "phase":
            record.outcomes[value["id"]].add(value["outcome"])
            record.seconds[value["id"]] += value["seconds"]
            if value["when"] == "teardown":
                record.ran.add(value["id"])
        elif kind == "ended":
            record.ended = value
        else:
            getattr(record, kind).append(value)


def faults(record: Record, code: int | None) -> list[str]:
    """Why a run that ended with this code (None: it was killed) proves nothing; empty where it can be believed."""
    return list(_faults(record, code))


def _faults(record: Record, code: int | None) -> Iterator[str]:
    if code is None:
        yield "pytest took too long and was killed"
    elif record.ended is None:
        yield f"pytest died (exit code {code})"
    elif code not in (OK, TESTS_FAILED, NO_TESTS):
        yield f"pytest ended with {code}, not in order"
    elif code == NO_TESTS or not record.collected:
        yield "no test ran"
    elif code != record.ended or (code == TESTS_FAILED) != bool(record.failed):
        yield f"pytest ended with {code}, but its record tells of {len(record.failed)} failures and {record.ended}"
    yield from _each("broke at its end", record.broke)
    yield from _each("its worker died", record.crashed)
    if record.lost and not record.crashed:
        yield f"a worker died: {', '.join(record.lost)}"
    unfinished = [test for test in record.began if test not in record.ran and test not in record.crashed]
    yield from _each("never ended", unfinished)
    never = record.collected - record.ran - set(record.began)
    yield from _each("never ran", sorted(never)[:5])
    if len(never) > 5:
        yield f"never ran: {len(never) - 5} more"
    yield from _each("skipped, or expected to fail", record.skipped)
    yield from _each("skipped as a whole", record.absent)


def _each(what: str, tests: Iterable[str]) -> Iterator[str]:
    for test in dict.fromkeys(tests):
        yield f"{what}: {test}"
