"""Tests that Node.js runs: its exit code says nothing of tests that were skipped, so its report is read as well."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from scripts.testing.running import Command, Result, exit_code, shown


@dataclass(frozen=True)
class NodeTests:
    """A run of Node.js's own test runner over these files."""

    node: str
    files: tuple[str, ...]

    def run(self, name: str, root: Path, *, beside: bool = False) -> Result:
        """Run the tests once; what failed is in the output."""
        with tempfile.TemporaryDirectory(prefix="observatory-report-") as folder:
            report = Path(folder) / "report.xml"
            command = self.command(report)
            code = exit_code(name, command, root, beside=beside)
            faults = [] if code == 0 else [f"{shown(command, root)} ended with {code}"]
            return Result(faults=[*faults, *self.faults(report)])

    def command(self, report: Path) -> Command:
        """Return the call that prints for people and writes its report to this file."""
        reporters = [("spec", "stdout"), ("junit", str(report))]
        words = [
            f"--test-reporter{option}={value}"
            for reporter, destination in reporters
            for option, value in (("", reporter), ("-destination", destination))
        ]
        # By itself it leaves one processor idle.
        together = f"--test-concurrency={os.cpu_count() or 1}"
        return Command((self.node, "--test", together, *words, *self.files))

    def faults(self, report: Path) -> Iterator[str]:
        """Yield what the exit code does not tell."""
        if not report.exists():
            yield "Node.js wrote no report"
            return
        cases = list(ElementTree.parse(report).iter("testcase"))  # noqa: S314  written by the run above
        if not cases:
            yield "no test ran"
        for case in cases:
            name = case.get("name", "")
            if case.find("skipped") is not None:
                yield f"skipped, or expected to fail: {name}"
            if name in self.files:
                yield f"no test in {name}"
