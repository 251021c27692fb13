"""A new project of somebody who follows the README: the wheel beside it, the README's code in its files."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
ADD_IT = README.partition("\n## Add it to your own project\n")[2].partition("\n## ")[0]


def build_wheel(target: Path) -> Path:
    """Build the wheel as it would be published, by the command of `make dist`."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, ROOT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = target.glob("signal_log-*.whl")
    return built


def unpacked(wheel: Path) -> Path:
    """Return the folder that the wheel's files are in, the same for all projects, so that they are compiled once."""
    installed = wheel.with_name("installed")
    if not installed.exists():
        with tempfile.TemporaryDirectory(dir=wheel.parent) as folder, zipfile.ZipFile(wheel) as archive:
            archive.extractall(f"{folder}/installed")
            with contextlib.suppress(OSError):  # another worker was quicker
                os.rename(f"{folder}/installed", installed)
    return installed


def printed(file: str) -> str:
    """Return the code that the README prints for a file of the project."""
    (found,) = re.findall(rf"^```python\n(# {re.escape(file)}\n.*?)^```", ADD_IT, re.MULTILINE | re.DOTALL)
    return str(found)


def commands() -> list[list[str]]:
    """Return what the README has its reader type in the project, `manage.py` first."""
    return [line.split()[1:] for line in re.findall(r"^python manage\.py .+$", ADD_IT, re.MULTILINE)]


class Newcomer:
    """The project `mysite`, made by `startproject`, with the wheel on its path."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        # The project's environment, not that of the tests.
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
        self.env = kept | {"PYTHONPATH": str(unpacked(wheel)), "PYTHONUNBUFFERED": "1"}
        call_command("startproject", "mysite", str(folder))

    def append(self, file: str, text: str) -> None:
        """Write something at the end of a file."""
        path = self.folder / file
        path.write_text(path.read_text() + text)

    def follow_the_readme(self) -> None:
        """Paste the README's blocks to where it says they go."""
        for file in ("mysite/settings.py", "mysite/urls.py"):
            self.append(file, "\n" + printed(file))
        (self.folder / "mysite" / "asgi.py").write_text(printed("mysite/asgi.py"))

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the project's folder."""
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=self.folder, env=self.env | env, capture_output=True, text=True, check=False)

    def succeed(self, *arguments: str, **env: str) -> str:
        """Run Python in the project's folder and return what it prints; a failure shows its output."""
        done = self.run(*arguments, **env)
        if done.returncode:
            pytest.fail(f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout
