"""A foreign project installs the wheel, adds the README's code as it is printed, and has a log."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()

# What the README takes for granted: an app that has a model, and a name under which the site is visited.
APP = """
from django.db import models

class Order(models.Model):
    name = models.CharField(max_length=20)
"""
SETTINGS = """
INSTALLED_APPS += ["shop"]
ALLOWED_HOSTS = ["testserver"]
"""
VISIT = """
from django.contrib.auth.models import User
from django.test import Client
from shop.models import Order
admin = User.objects.create_superuser("root", password="secret-1234")
order = Order.objects.create(name="crew")
from signal_log import SignalEvent
event = SignalEvent.objects.filter(sender="shop.Order", signal="post_save").get()
client = Client()
assert client.get("/signals/events/").status_code == 302
client.force_login(admin)
pages = ["", "events/", f"events/{event.pk}/", f"traces/{event.trace_id}/", f"objects/shop.Order/{order.pk}/"]
for page in pages:
    answer = client.get("/signals/" + page)
    assert answer.status_code == 200, (page, answer.status_code)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
for page in ["events/999999/", "traces/00000000-0000-4000-8000-000000000000/", "objects/shop.Order/999999/"]:
    assert client.get("/signals/" + page).status_code == 404, page
assert client.get("/admin/signal_log/signalevent/").status_code == 200
print("crew" in client.get("/signals/events/").content.decode(), event.changes["name"])
"""
SERVE = """
import asyncio
from mysite.asgi import application
from channels.testing import HttpCommunicator, WebsocketCommunicator

async def ask():
    host = (b"host", b"testserver")
    page = await HttpCommunicator(application, "GET", "/signals/events/", headers=[host]).get_response()
    socket = WebsocketCommunicator(
        application, "/ws/events/", headers=[host, (b"origin", b"http://testserver")]
    )
    await socket.connect()
    refused = await socket.receive_output()
    print(page["status"], refused["type"], refused["code"])

asyncio.run(ask())
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def printed(name: str) -> str:
    """Return the code that the README prints for a file."""
    (found,) = re.findall(rf"^```python\n(# {re.escape(name)}\b.*?)^```", README, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def run(wheel: Path, tmp_path: Path) -> Run:
    """Runs Python in a new project that has the wheel installed beside it and the README's code in it."""
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    call_command("startproject", "mysite", str(tmp_path))
    (tmp_path / "shop").mkdir()
    call_command("startapp", "shop", str(tmp_path / "shop"))
    (tmp_path / "shop" / "models.py").write_text(APP)
    site = tmp_path / "mysite"
    with (site / "settings.py").open("a") as file:
        file.write(SETTINGS + printed("settings.py"))
    with (site / "urls.py").open("a") as file:
        file.write(printed("urls.py"))
    (site / "asgi.py").write_text(printed("asgi.py"))
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
    env["PYTHONPATH"] = str(installed)

    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    return python


def test_the_code_in_the_readme_is_enough(run: Run) -> None:
    """Check, migrate, save, and every page of the log work, under a prefix and without our accounts."""
    checked = run("manage.py", "check", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr
    assert run("manage.py", "makemigrations", "shop", "--verbosity", "0").returncode == 0
    assert run("manage.py", "migrate", "--verbosity", "0").returncode == 0
    visited = run("manage.py", "shell", "--no-imports", "--command", VISIT)
    assert visited.returncode == 0, visited.stderr
    assert visited.stdout.strip() == "True [None, 'crew']"


def test_the_asgi_file_in_the_readme_serves_pages_and_websockets(run: Run) -> None:
    """It is imported before anything has set up Django; a stranger is asked to log in, and is refused the socket."""
    assert run("manage.py", "migrate", "--verbosity", "0").returncode == 0
    served = run("-c", SERVE)
    assert served.returncode == 0, served.stderr
    assert served.stdout.split() == ["302", "websocket.close", "4401"]


def test_check_reports_a_wrong_setting(run: Run, tmp_path: Path) -> None:
    """A misspelled key leads to a message with what is accepted, not to a traceback."""
    with (tmp_path / "mysite" / "settings.py").open("a") as file:
        file.write('SIGNAL_LOG = {"MODLES": ["auth.User"]}\n')
    checked = run("manage.py", "check")
    assert checked.returncode == 1
    assert "SIGNAL_LOG has an unknown key 'MODLES'" in checked.stderr
    assert "Accepted: MODELS, EXCLUDE" in checked.stderr
    assert "Traceback" not in checked.stderr
