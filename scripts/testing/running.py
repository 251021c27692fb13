"""Runs the commands of one part, and a second time by themselves the few tests that failed in a run to be believed."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from scripts.testing import verdict
from scripts.testing.last_words import LastWords

PYTHON = sys.executable
BIN = Path(PYTHON).parent
# More failures than this are no matter of chance.
MOST_AGAIN = 5
# Far longer than any command needs: what hangs where pytest's own time limit does not reach.
LONGEST = 45 * 60
# What a shell answers where there is no such program.
NOT_FOUND = 127
# The settings that linters load and Django checks; pytest sets its own.
PRODUCTION = {
    "SECRET_KEY": secrets.token_urlsafe(50),
    "ALLOWED_HOSTS": "observatory.example.org",
    "DEBUG": "0",
    "EMAIL_URL": "smtp://mail.example.org",
}


@dataclass(frozen=True)
class Command:
    """A program that says by its exit code whether all is well."""

    words: tuple[str, ...]

    def run(self, name: str, root: Path, *, beside: bool = False) -> Result:
        """Run it in the project's folder."""
        code = exit_code(name, self, root, beside=beside)
        if code == 0:
            return Result()
        program = textwrap.shorten(shown(self, root), 80, placeholder=" …")
        return Result(faults=[f"{program} " + ("took too long" if code is None else f"ended with {code}")])


@dataclass(frozen=True)
class Together:
    """Programs that each keep one processor busy, as many at a time as there are processors."""

    commands: tuple[Command, ...]

    def run(self, name: str, root: Path, *, beside: bool = False) -> Result:
        """Run them all, whichever of them fail; they are beside one another at any rate."""
        result = Result()
        with ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as pool:
            for each in pool.map(lambda command: command.run(name, root, beside=True), self.commands):
                result.add(each)
        return result


@dataclass(frozen=True)
class Tests:
    """A run of pytest over these paths; `spread` says how over several processes."""

    paths: tuple[str, ...]
    options: tuple[str, ...] = ()
    spread: tuple[str, ...] = ()

    def command(self, record: Path, only: list[str] | None = None) -> Command:
        """The call that writes its record to this file; of the tests in `only`, alone, if there are any."""
        words = [PYTHON, "-m", "pytest", "-q", "-p", "scripts.testing.record", "--record", str(record), *self.options]
        return Command((*words, *(only or (*self.spread, *self.paths))))

    def run(self, name: str, root: Path, *, beside: bool = False) -> Result:
        """Run pytest, and once more what failed where that can say something."""
        first, faults = recorded_run(name, self, root, beside=beside)
        result = Result(faults, first.failed, seconds=dict(first.seconds))
        if result.failed and not faults and len(result.failed) <= MOST_AGAIN:
            title = f"{name}, what failed once more"
            again, faults = recorded_run(title, self, root, beside=beside, only=first.failed)
            result.faults = [f"when run again, {fault}" for fault in faults]
            result.failed = [test for test in first.failed if test not in again.passed]
            result.unsteady = [test for test in first.failed if test in again.passed]
        return result


@dataclass
class Result:
    """How a part went: reasons why it proves nothing, tests that failed, tests that passed only when run again."""

    faults: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unsteady: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    took: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether all ran and nothing failed; a test that is unsteady has not."""
        return not self.faults and not self.failed

    def add(self, other: Result) -> None:
        """Take in how another command of the same part went."""
        self.faults += other.faults
        self.failed += other.failed
        self.unsteady += other.unsteady
        self.seconds |= other.seconds


class Step(Protocol):
    """One command of a part."""

    def run(self, name: str, root: Path, *, beside: bool = False) -> Result:
        """Run it under this name in the project's folder, output as it comes; beside others, when it has ended."""


def run_part(name: str, steps: Sequence[Step], root: Path, *, beside: bool = False) -> Result:
    """Run all the steps of a part."""
    started = time.monotonic()
    result = Result()
    for step in steps:
        result.add(step.run(name, root, beside=beside))
    result.took = time.monotonic() - started
    return result


def recorded_run(
    title: str, tests: Tests, root: Path, *, beside: bool, only: list[str] | None = None
) -> tuple[verdict.Record, list[str]]:
    """One run of pytest: the record that this very run wrote, and why it cannot be believed."""
    with tempfile.TemporaryDirectory(prefix="observatory-record-") as folder:
        path = Path(folder) / "record.jsonl"
        with LastWords() as last_words:
            code = exit_code(title, tests.command(path, only), root, beside=beside, stderr=last_words.writing)
        record = verdict.read(path)
    faults = verdict.faults(record, code)
    return record, [*faults, *last_words.lines] if faults else faults


def exit_code(
    title: str, command: Command, root: Path, *, beside: bool = False, stderr: int | None = None
) -> int | None:
    """Run one command, what it writes to stderr going there; its exit code, None if it took too long and was killed."""
    heading = f"\n--- {title}: {shown(command, root)}"
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace") as kept:
        if not beside:
            print(heading, flush=True)
        streams = {"stdout": kept, "stderr": stderr or subprocess.STDOUT} if beside else {"stderr": stderr}
        try:
            return subprocess.run(
                command.words, cwd=root, env=environment(), timeout=LONGEST, check=False, **streams
            ).returncode
        except subprocess.TimeoutExpired:
            return None
        except FileNotFoundError as error:
            print(error, file=kept if beside else sys.stderr, flush=True)
            return NOT_FOUND
        finally:
            if beside:
                kept.seek(0)
                print(f"{heading}\n{kept.read()}", end="", flush=True)


def environment() -> dict[str, str]:
    """Return the environment of every command, without options that would leave out tests."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTEST_ADDOPTS", "NODE_OPTIONS")}
    return inherited | PRODUCTION


def shown(command: Command, root: Path) -> str:
    """The command as a person would type it in the project's folder."""
    return " ".join(word.replace(f"{BIN}{os.sep}", "").replace(f"{root}{os.sep}", "") for word in command.words)
