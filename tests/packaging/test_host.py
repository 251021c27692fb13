"""A foreign project installs the wheel, adds the README's lines, and has a log."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

SETTINGS = """
INSTALLED_APPS += ["signal_log"]
MIDDLEWARE += ["signal_log.capture.middleware.SignalLogMiddleware"]
SIGNAL_LOG = {"MODELS": ["auth.User", "auth.Group"]}
ALLOWED_HOSTS = ["testserver"]
"""
URLS = """
from django.urls import include
urlpatterns += [path("signals/", include("signal_log.urls"))]
"""
VISIT = """
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
admin = User.objects.create_superuser("root", password="secret-1234")
group = Group.objects.create(name="crew")
group.user_set.add(admin)
from signal_log import SignalEvent
event = SignalEvent.objects.filter(sender="auth.Group", signal="post_save").get()
client = Client()
assert client.get("/signals/events/").status_code == 302
client.force_login(admin)
pages = ["", "events/", f"events/{event.pk}/", f"traces/{event.trace_id}/", f"objects/auth.Group/{group.pk}/"]
for page in pages:
    answer = client.get("/signals/" + page)
    assert answer.status_code == 200, (page, answer.status_code)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
for page in ["events/999999/", "traces/00000000-0000-4000-8000-000000000000/", "objects/auth.Group/999999/"]:
    assert client.get("/signals/" + page).status_code == 404, page
assert client.get("/admin/signal_log/signalevent/").status_code == 200
print("crew" in client.get("/signals/events/").content.decode(), event.changes["name"])
"""


@pytest.fixture
def manage(wheel: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line of a new project with the wheel installed beside it."""
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    subprocess.run([sys.executable, "-m", "django", "startproject", "host", tmp_path], check=True, cwd=tmp_path)
    for name, lines in (("settings", SETTINGS), ("urls", URLS)):
        with (tmp_path / "host" / f"{name}.py").open("a") as file:
            file.write(lines)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
    env["PYTHONPATH"] = str(installed)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    return run


def test_three_lines_of_settings_are_enough(manage: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Check, migrate, save, and every page of the log work, under a prefix and without our accounts."""
    checked = manage("check", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr
    assert manage("migrate", "--verbosity", "0").returncode == 0
    visited = manage("shell", "--no-imports", "--command", VISIT)
    assert visited.returncode == 0, visited.stderr
    assert visited.stdout.strip() == "True [None, 'crew']"


def test_check_reports_a_wrong_setting(manage: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    """A misspelled key leads to a message with what is accepted, not to a traceback."""
    with (tmp_path / "host" / "settings.py").open("a") as file:
        file.write('SIGNAL_LOG = {"MODLES": ["auth.User"]}\n')
    checked = manage("check")
    assert checked.returncode == 1
    assert "SIGNAL_LOG has an unknown key 'MODLES'" in checked.stderr
    assert "Accepted: MODELS, EXCLUDE" in checked.stderr
    assert "Traceback" not in checked.stderr
