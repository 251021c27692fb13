"""Compares a suite's two runs, and holds the difference against the list of the expected one."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import django

Outcomes = dict[str, dict[str, str]]


class Difference(NamedTuple):
    """What the app changed, by name of the test."""

    inherent: list[str]
    unexpected: list[str]
    fixed: list[str]
    passed: list[str]
    missing: list[str]

    @property
    def as_listed(self) -> bool:
        """Whether nothing differs but what is listed, and everything listed does."""
        return not (self.unexpected or self.fixed or self.passed or self.missing)


def expected(listed: Path, suite: str, database: str, version: tuple[int, ...] = django.VERSION[:2]) -> dict[str, str]:
    """Return the suite's tests that are known to end otherwise on this database and Django, with reasons."""
    groups = tomllib.loads(listed.read_text()).get("group", [])
    return {
        test: group["reason"]
        for group in groups
        if group.get("suite", suite) == suite
        and database in group.get("databases", (database,))
        and version >= numbers(group.get("since", "0"))
        for test in group["tests"]
    }


def numbers(version: str) -> tuple[int, ...]:
    """Parse a version for comparing."""
    return tuple(map(int, version.split(".")))


def compared(bare: Outcomes, observed: Outcomes, reasons: dict[str, str]) -> Difference:
    """Return which tests end otherwise with the app, and where the list of expected ones is wrong."""
    changed = sorted(name for name in bare.keys() | observed.keys() if how(bare, name) != how(observed, name))
    worse = [name for name in changed if how(bare, name) != "failed"]
    return Difference(
        inherent=[name for name in worse if name in reasons],
        unexpected=[name for name in worse if name not in reasons],
        fixed=[name for name in changed if how(bare, name) == "failed"],
        passed=sorted(name for name in reasons if how(observed, name) == "passed"),
        missing=sorted(name for name in reasons if how(observed, name) == "not run"),
    )


def how(run: Outcomes, name: str) -> str:
    """Return how the test ended in a run."""
    return run[name]["outcome"] if name in run else "not run"


def report(found: Difference, bare: Outcomes, observed: Outcomes, reasons: dict[str, str]) -> Iterator[str]:
    """Yield the lines to print, unexpected differences last and with their traceback."""
    for name in found.inherent:
        yield f"as expected   {name}: {reasons[name]}"
    for name in found.missing:
        yield f"LISTED, BUT NO SUCH TEST  {name}"
    for name in found.passed:
        yield f"LISTED, BUT IT PASSES     {name}"
    for text, names in by_cause(found.fixed, bare):
        yield f"FAILED ONLY WITHOUT THE APP  {', '.join(names)}\n{text}"
    for text, names in by_cause(found.unexpected, observed):
        ends = ", ".join(sorted({how(observed, name).upper() for name in names}))
        yield f"{ends} ONLY WITH THE APP  {', '.join(names)}\n{text}"


def by_cause(names: list[str], run: Outcomes) -> Iterator[tuple[str, list[str]]]:
    """Yield one traceback and the names of all tests that ended with the same words."""
    alike: dict[str, list[str]] = {}
    for name in names:
        text = run.get(name, {}).get("text", "").strip()
        alike.setdefault(text.rpartition("\n")[2], []).append(name)
    for group in alike.values():
        yield run.get(group[0], {}).get("text", ""), group
