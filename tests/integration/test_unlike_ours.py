"""A project that differs from ours in all that it can: accounts, language, times, address, databases, no layer."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest

from tests.integration.host_project import HostProject

SETTINGS = """
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
    *INSTALLED_APPS, "people",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "signal_log.capture.middleware.SignalLogMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
    "context_processors": [f"django.{name}" for name in (
        "template.context_processors.request", "contrib.auth.context_processors.auth",
        "contrib.messages.context_processors.messages")]}}]
MIGRATION_MODULES = {name.rpartition(".")[2]: None for name in INSTALLED_APPS}  # a custom user's would be long
AUTH_USER_MODEL = "people.Account"
ROOT_URLCONF = "people.urls"
STATIC_URL = "static/"
ALLOWED_HOSTS = ["testserver"]
FORCE_SCRIPT_NAME = "/intranet"
LANGUAGE_CODE = "de"
USE_THOUSAND_SEPARATOR = True
USE_TZ = False
TIME_ZONE = "Europe/Berlin"
DATABASE_ROUTERS = ["people.router.Router"]
SIGNAL_LOG = {"MODELS": ["people.Account", "crew.Person"]}
"""
MODELS = """
import uuid
from django.contrib.auth.models import AbstractUser
from django.db import models

class Account(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
"""
ROUTER = """
class Router:
    def db_for_read(self, model, **hints):
        return "staff" if model._meta.app_label == "crew" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return (db == "staff") == (app_label == "crew")
"""
URLS = """
from django.contrib import admin
from django.http import HttpResponse
from django.urls import include, path

def rename(request):
    request.user.first_name = "Augusta"
    request.user.save()
    return HttpResponse()

urlpatterns = [
    path("umbenennen/", rename),
    path("signale/", include("signal_log.urls")), path("admin/", admin.site.urls),
]
"""
VISIT = """
import asyncio, json
from django.test import Client
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
import signal_log
from crew.models import Person
from people.models import Account
from signal_log import SignalEvent
from signal_log.tail.origin import same_origin
from signal_log.tail.routing import websocket_urlpatterns

ada = Account.objects.create_superuser("ada", email="ada@example.org")
client = Client()
client.force_login(ada)
client.post("/umbenennen/")
renamed = SignalEvent.objects.filter(signal="post_save", object_pk=ada.pk, source="http").get()
with signal_log.batch(using="staff"):  # so many that ids would get a thousands separator
    for number in range(510):
        Person.objects.create(name=str(number))
person = Person.objects.create(name="Zoë")
event = SignalEvent.objects.filter(sender="crew.Person").latest("id")
account = f"objects/people.Account/{ada.pk}/"
addresses = [
    "", "events/", "events/?format=json", "events/?format=counts", "events/?format=csv",
    "events/?since=2020-01-01T00:00", f"events/{event.pk}/", f"events/?actor={ada.pk}", f"traces/{event.trace_id}/",
    account, f"objects/crew.Person/{person.pk}/",
]
pages = {}
for address in addresses:
    answer = client.get(f"/signale/{address}")
    text = b"".join(answer.streaming_content) if answer.streaming else answer.content
    pages[address] = [answer.status_code, text.decode()]
pages["admin"] = [client.get("/admin/signal_log/signalevent/").status_code, ""]
async def listen():
    cookie = f"sessionid={client.cookies['sessionid'].value}".encode()
    headers = [(b"host", b"testserver"), (b"origin", b"http://testserver"), (b"cookie", cookie)]
    application = same_origin(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))
    socket = WebsocketCommunicator(application, "/ws/events/", headers=headers)
    assert (await socket.connect())[0]
    await socket.send_json_to({"type": "subscribe", "after": None, "backfill": 0, "filters": {}})
    ready = await socket.receive_json_from(5)
    await Person.objects.acreate(name="live")
    seen = []
    while not any(one["object_repr"].startswith("Person") and one["signal"] == "post_save" for one in seen):
        seen += (await socket.receive_json_from(5)).get("events", [])
    await socket.disconnect()
    return ready["type"], seen[-1]["using"]

print(json.dumps({
    "pages": pages, "ada": str(ada.pk), "event": event.pk, "using": event.using,
    "moment": event.occurred_at.isoformat(),
    "renamed": [renamed.actor_pk, renamed.actor_repr, renamed.path, renamed.changes],
    "socket": asyncio.run(listen())}))
"""


@pytest.fixture(scope="module")
def told(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What its pages and its socket answered, in a process of its own."""
    project = HostProject(tmp_path_factory.mktemp("unlike"), ("default", "staff"), SETTINGS)
    for name, text in (("__init__", ""), ("models", MODELS), ("router", ROUTER), ("urls", URLS)):
        project.write(f"people/{name}.py", text)
    return json.loads(
        project.python(f"""
from django.core.management import call_command
for alias in ("default", "staff"):
    call_command("migrate", database=alias, run_syncdb=True, verbosity=0)
{VISIT}""").splitlines()[-1]
    )


pytestmark = pytest.mark.django_db


def test_all_pages_answer(told: Any) -> None:
    """With accounts whose keys are UUIDs, in German, without time zones, below a prefix, and under WSGI."""
    assert {address: status for address, (status, _) in told["pages"].items() if status != 200} == {}


def test_addresses_stay_below_the_prefix(told: Any) -> None:
    """Links, static files and the socket; the prefix is the server's (`FORCE_SCRIPT_NAME`) and the URLs'."""
    for address, (_, page) in told["pages"].items():
        for link in re.findall(r'(?:href|src|action)="(/[^"]*)"', page):
            assert link.startswith("/intranet/"), (address, link)
    live = told["pages"][""][1]
    assert "/intranet/ws/events/" in live
    assert "/intranet/signale/events/" in live


def test_numbers_in_addresses_are_no_german_ones(told: Any) -> None:
    """A host's thousands separator is for people: `/events/1.023/` would lead nowhere."""
    assert told["event"] > 1000
    for address, (_, page) in told["pages"].items():
        assert re.findall(r'(?:href|value|id|for|data-[\w-]+)="[^"]*\b1\.\d{3}\b[^"]*"', page) == [], address
    assert f"/intranet/signale/events/{told['event']}/" in told["pages"]["events/"][1]


def test_accounts_with_uuids_are_actors_and_objects(told: Any) -> None:
    """The key is text in the log, and both filters find it."""
    pk, name, path, changes = told["renamed"]
    assert (pk, name, path, changes) == (told["ada"], "ada", "/intranet/umbenennen/", {"first_name": ["", "Augusta"]})
    assert "Augusta" in told["pages"][f"events/?actor={pk}"][1]
    assert "Augusta" in told["pages"][f"objects/people.Account/{pk}/"][1]


def test_times_are_right_without_time_zones(told: Any) -> None:
    """The moment is stored in UTC, whatever the host's zone."""
    assert abs(dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(told["moment"])) < dt.timedelta(minutes=5)


def test_a_change_in_another_database_is_heard_without_a_layer(told: Any) -> None:
    """A router sends the model elsewhere, no channel layer is configured, and the socket hears of it all the same."""
    assert told["using"] == "staff"
    assert told["socket"] == ["ready", "staff"]
