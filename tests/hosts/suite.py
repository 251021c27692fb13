"""One host's own tests: what to unpack and how to start them."""

from __future__ import annotations

import os
import shutil
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hosts.observed_host.job import Job
from tests.hosts.running import Run, run
from tests.hosts.source import ROOT, VAR, Source, locked

LIST = Path(__file__).with_name("suites.toml")
PYTHON = VAR / "venv" / "bin" / "python"
# What a host's tests find on their path: the app and what is in `observed_host`, and nothing else of this repository.
ON_PATH = {"signal_log": ROOT / "signal_log", "observed_host": Path(__file__).with_name("observed_host")}


@dataclass(frozen=True)
class Suite:
    """One table of ``suites.toml``, which explains the fields."""

    name: str
    project: str
    runner: str
    arguments: list[str]
    settings: str = ""
    version: str = ""
    sha256: str = ""
    keep: list[str] = field(default_factory=list)
    apps: list[str] = field(default_factory=list)
    overrides: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def source(self) -> Source:
        """Return the release whose archive contains the tests."""
        if self.sha256:
            return Source(self.project, self.version, (self.sha256,))
        return locked(self.project)

    def command(self) -> list[str]:
        """Return the call that runs the tests."""
        if self.runner == "django":
            return [str(PYTHON), "-m", "django", "test", "--noinput", *self.arguments]
        command = [str(PYTHON), "-m", "pytest", "-p", "observed_host.pytest_recording", "-p", "no:cacheprovider"]
        if self.settings:
            command.append("--ds=observed_host.settings")
        return [*command, *self.arguments]

    def run(self, place: Path, observed: bool, postgres: str = "") -> Run:
        """Run the tests once, on sources unpacked into this folder."""
        title = f"{self.name} {'postgres' if postgres else 'sqlite'} {'with' if observed else 'without'}"
        place = place / title.replace(" ", "_")
        place.mkdir()
        job = Job(
            report=str(place / "report.json"),
            observed=observed,
            settings=self.settings,
            postgres=postgres,
            prefix=place.name.replace("-", "_"),
            apps=self.apps,
            overrides=self.overrides,
        )
        return run(title, self.command(), self._folder(place), self._environment(place), job)

    def _folder(self, place: Path) -> Path:
        """Unpack what is used of the archive."""
        unpacked = self.source().unpack(place / "archive")
        if not self.keep:
            return unpacked
        kept = place / "kept"
        for name in self.keep:
            (kept / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(unpacked / name, kept / name)
        return kept

    def _environment(self, place: Path) -> dict[str, str]:
        """Return the environment of the run; what this machine has set for Django or pytest is not passed on."""
        path = place / "path"
        path.mkdir()
        for name, folder in ON_PATH.items():
            shutil.copytree(folder, path / name, ignore=shutil.ignore_patterns("__pycache__"))
        own = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "PYTEST_", "PYTHON"))}
        own |= {"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1", **self.environment}
        return own | ({"DJANGO_SETTINGS_MODULE": "observed_host.settings"} if self.settings else {})


def suites() -> dict[str, Suite]:
    """Return the suites of the list by name."""
    return {name: Suite(name, **table) for name, table in tomllib.loads(LIST.read_text()).items()}
