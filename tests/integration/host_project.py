"""A small project of its own, on databases of its own, run in processes of its own: for what a test run cannot undo."""

from __future__ import annotations

import copy
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

from tests.tail import database_url

# How the project's processes are started: a conftest replaces it by one that forks.
popen: Callable[..., Any] = subprocess.Popen
SETTINGS = """
SECRET_KEY = "for-the-tests-only"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "signal_log", "crew"]
SIGNAL_LOG = {"MODELS": ["*"]}
"""
MODELS = """
from django.db import models

class Person(models.Model):
    name = models.CharField(max_length=20)
"""
MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel("Person", [
            ("id", models.BigAutoField(primary_key=True, auto_created=True, serialize=False, verbose_name="ID")),
            ("name", models.CharField(max_length=20)),
        ]),
    ]
"""
DATA_MIGRATION = """
from django.db import migrations

def found(apps, schema_editor):
    apps.get_model("crew", "Person").objects.using(schema_editor.connection.alias).create(name="founder")

class Migration(migrations.Migration):
    dependencies = [("crew", "0001_initial"), ("signal_log", "0001_initial")]
    operations = [migrations.RunPython(found)]
"""


class HostProject:
    """A project that observes all its models, with an app of its own, in a folder."""

    def __init__(self, folder: Path, databases: tuple[str, ...] = ("default",), settings: str = "") -> None:
        self.folder, self.settings = folder, settings
        self.databases = {alias: self.new_database() for alias in databases}
        self.write("crew/__init__.py", "")
        self.write("crew/models.py", MODELS)
        self.write("crew/migrations/__init__.py", "")
        self.write("crew/migrations/0001_initial.py", MIGRATION)
        self.write("crew/migrations/0002_founder.py", DATA_MIGRATION)
        self._write_settings()

    def copy(self, folder: Path) -> HostProject:
        """Another project, with the same files and the same rows in databases of its own."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        other = copy.copy(self)
        other.folder = folder
        other.databases = {alias: other.new_database(was["NAME"]) for alias, was in self.databases.items()}
        other._write_settings()
        return other

    def _write_settings(self) -> None:
        self.write("host_settings.py", f"{SETTINGS}\nDATABASES = {self.databases!r}\n{self.settings}")

    def new_database(self, template: str = "") -> dict[str, Any]:
        """A database of the kind that the run uses, empty or a copy, as an entry of DATABASES."""
        name = f"host_{secrets.token_hex(4)}"
        if connection.vendor == "sqlite":
            file = self.folder / f"{name}.sqlite3"
            if template:
                shutil.copy(template, file)
            return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file)}
        with psycopg.connect(database_url(), autocommit=True) as server:
            server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template or "template1"}"')
        kept = ("ENGINE", "USER", "PASSWORD", "HOST", "PORT")
        return {"NAME": name, **{key: connection.settings_dict[key] for key in kept}}

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def manage(self, *words: str, **env: str) -> str:
        """Run a management command and return what it printed; an assertion tells what went wrong."""
        return self._run(["-m", "django", *words], env)

    def python(self, code: str) -> str:
        """Run code with Django set up, and return what it printed."""
        return self._run(["-c", f"import django\ndjango.setup()\n{code}"], {})

    def fails(self, *words: str) -> str:
        """Run a management command that has to fail, and return its complaint."""
        done = self._process(["-m", "django", *words], {})
        assert done.returncode != 0, done.stdout
        return done.stderr

    def _run(self, words: list[str], env: dict[str, str]) -> str:
        done = self._process(words, env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def serving(self, *words: str) -> Iterator[str]:
        """Run a management command that serves, and yield the address that it prints."""
        command = [sys.executable, "-m", "django", *words]
        with subprocess.Popen(command, cwd=self.folder, env=self._env(), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                yield next(found[0] for line in process.stdout if (found := re.search(r"http://[\w.:]+\d", line)))
            finally:
                process.terminate()
                process.stdout.read()
        assert process.returncode == 0

    def _env(self) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
        # Unbuffered like the process that it may be forked from, whose interpreter has read this already.
        return kept | {"DJANGO_SETTINGS_MODULE": "host_settings", "PYTHONUNBUFFERED": "1"}

    def _process(self, words: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *words]
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            process = popen(
                command, cwd=self.folder, env=self._env() | env, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
            try:
                code = process.wait(300)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                raise
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(command, code, out.read(), err.read())
