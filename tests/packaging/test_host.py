"""A foreign project installs the wheel, adds the README's code as it is printed, and has a log."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command

from tests.newcomer import Newcomer

# What the README takes for granted: an app that has a model, and a name under which the site is visited. Settings may
# be tuples, and the last pattern may match everything.
APP = """
from django.db import models

class Order(models.Model):
    name = models.CharField(max_length=20)
"""
SETTINGS = """
INSTALLED_APPS = (*INSTALLED_APPS, "shop")
MIDDLEWARE = (*MIDDLEWARE,)
ALLOWED_HOSTS = ["testserver"]
"""
URLS = """
from django.http import HttpResponse
from django.urls import re_path

urlpatterns += [re_path("", lambda request: HttpResponse("a page of our own"))]
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
    page = await HttpCommunicator(application, "GET", "/signals/events/", headers=[host]).get_response(20)
    socket = WebsocketCommunicator(
        application, "/ws/events/", headers=[host, (b"origin", b"http://testserver")]
    )
    await socket.connect(timeout=20)
    refused = await socket.receive_output(timeout=20)
    print(page["status"], refused["type"], refused["code"])

asyncio.run(ask())
"""


@pytest.fixture
def project(wheel: Path, tmp_path: Path) -> Newcomer:
    """A project with an app of its own, into which the README's code has been pasted."""
    made = Newcomer(tmp_path, wheel)
    (tmp_path / "shop").mkdir()
    call_command("startapp", "shop", str(tmp_path / "shop"))
    (tmp_path / "shop" / "models.py").write_text(APP)
    made.append("mysite/settings.py", SETTINGS)
    made.append("mysite/urls.py", URLS)
    made.follow_the_readme()
    made.append("mysite/settings.py", 'SIGNAL_LOG["MODELS"].append("shop.*")\n')
    return made


def test_the_code_in_the_readme_is_enough(project: Newcomer) -> None:
    """Check, migrate, save, and every page of the log work, under a prefix and without our accounts."""
    project.succeed("manage.py", "check", "--fail-level", "WARNING")
    project.succeed("manage.py", "makemigrations", "shop", "--verbosity", "0")
    project.succeed("manage.py", "migrate", "--verbosity", "0")
    visited = project.succeed("manage.py", "shell", "--no-imports", "--command", VISIT)
    assert visited.strip() == "True [None, 'crew']"


def test_the_asgi_file_in_the_readme_serves_pages_and_websockets(project: Newcomer) -> None:
    """It is imported before anything has set up Django; a stranger is asked to log in, and is refused the socket."""
    project.succeed("manage.py", "migrate", "--verbosity", "0")
    assert project.succeed("-c", SERVE).split() == ["302", "websocket.close", "4401"]


def test_check_reports_a_wrong_setting(project: Newcomer) -> None:
    """A misspelled key leads to a message with what is accepted, not to a traceback."""
    project.append("mysite/settings.py", 'SIGNAL_LOG = {"MODLES": ["auth.User"]}\n')
    checked = project.run("manage.py", "check")
    assert checked.returncode == 1
    assert "SIGNAL_LOG has an unknown key 'MODLES'" in checked.stderr
    assert "Accepted: MODELS, EXCLUDE" in checked.stderr
    assert "Traceback" not in checked.stderr
