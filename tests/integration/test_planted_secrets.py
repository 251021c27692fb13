"""Secrets of every kind are planted, and searched for as bytes wherever the log and telemetry can be read (G7)."""

# ruff: noqa: S608

from __future__ import annotations

import json
import logging
from contextlib import suppress
from urllib.request import Request, urlopen

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.signals import user_login_failed
from django.db import Error, connection, connections, transaction
from django.db.models import F
from django.db.models.signals import post_save
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.urls import path

import signal_log
from signal_log import pipeline
from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.event import MASK
from signal_log.models import LogIdentity, ReceiverCall, SignalEvent, SignalTrace
from signal_log.telemetry import keeper
from tests.log import recorded
from tests.shop.models import Category, Item, Label, Patient, Setting, Token
from tests.tail import open_socket

pytestmark = pytest.mark.django_db(transaction=True)
LOG = "log"
S = "pl4nted-S3cret"
R = "pl4nted-4gain"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJwbDRudGVkIjoxfQ.pl4ntedpl4ntedpl4nted"
urlpatterns = [path("confirm/<str:token>/<str:code>/", HttpResponse)]


def fields() -> None:
    """Named as a secret, encrypted, keys, foreign keys to them, and rows of key and value."""
    item = Item.objects.create(api_token=S)
    item.api_token = f"another-{S}"
    item.save()
    Token.objects.create(key=S, note="n")
    Token.objects.filter(key=S).update(note=S)
    Token.objects.filter(key=S).delete()
    patient = Patient.objects.create(name="ada", diagnosis=S, history=S)
    patient.delete()
    get_user_model().objects.create_user("ada", password=S)
    setting = Setting.objects.create(key="smtp_password", value=S)
    setting.value = f"{S}-2"
    setting.save()
    Setting.objects.filter(key="smtp_password").update(value=S)
    Setting.objects.update(value=S)
    with signal_log.observed_bulk():
        Setting.objects.update(value=f"{S}-3")
        Setting.objects.bulk_create([Setting(key="api_keys", value=S)])
    setting.delete()


def shapes() -> None:
    """In fields whose names say nothing: JSON, text that is JSON, headers, addresses, hashes, tokens and keys."""
    held = {"password": S, "headers": [["Authorization", S]], "rows": [{"key": "pin_codes", "value": S}]}
    Item.objects.create(tags=[held, json.dumps([json.dumps(held)]), f"redis://:{S}@h"])
    Item.objects.create(tags={"long": "x" * 5000, "token": S})
    for text in (f"Authorization: Token {S}", f"https://x/?token={S}", make_password(None)[:1] + f"md5$a${S}",
                 f"$2b$12${S}", "sk-live-pl4ntedpl4ntedpl4nted"):  # fmt: skip
        Label.objects.create(text=text[:50])
    Category.objects.create(name=JWT[:50])
    Category.objects.create(name="-----BEGIN PRIVATE KEY-----\npl4nted"[:50])


def copies() -> None:
    """In the host's own change log, in other fields, and where the database copies."""
    item = Item.objects.create(api_token=S, name=f"copy of {S}")
    Label.objects.create(text=f"changed to {S}")
    item.name = F("api_token")
    item.save()
    Item.objects.filter(api_token=S).update(name=S)


def statements() -> None:
    """In the text of statements, as every kind of literal and comment, and of those that fail."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE shop_item SET name = \"{S}\", api_token = '{S}' /* {S} */ -- {S}")
        cursor.execute(f"UPDATE shop_item SET name = x'706c346e746564', stock = 0x{'12'} /* {S} */")
        for failing in (f'UPDATE shop_item SET nope = "{S}"', f"UPDATE shop_item SET name = '{S}' WHERE \"{S}\"(1)"):
            with suppress(Error), transaction.atomic():
                Category.objects.create(name=f"before {failing[-9:-6]}")
                cursor.execute(failing)


def errors() -> None:
    """In what receivers, fields and hosts raise."""

    def complain(instance: Item, **_: object) -> None:
        raise ValueError(f"bad token {instance.api_token}, {{'password': '{S}'}}")

    post_save.connect(complain, sender=Item)
    try:
        with suppress(ValueError), transaction.atomic():
            Item.objects.create(api_token=S)
        with suppress(ValueError):
            Item.objects.create(api_token=S)
    finally:
        post_save.disconnect(complain, sender=Item)
    with suppress(RuntimeError), transaction.atomic():
        Category.objects.create(name="undone")
        raise RuntimeError(f"Field 'pin' expected a number but got '{S}'.")


def arguments() -> None:
    """In labels and in the arguments of other signals."""
    with signal_log.context(api_keys=[S], seen=f"?token={S}", more={"auth_header": S}):
        Category.objects.create(name="labelled")
    user_login_failed.send("x", credentials={"username": "eve", "password": S}, request=None)


def repeats() -> None:
    """In other objects and in errors, when only its shape, or its name in a text, told that it was a secret."""
    Label.objects.create(text=f"Authorization: Token {R}")
    Category.objects.create(name=f"as told: {R}")
    Item.objects.create(
        name="note", tags=[json.dumps({"password": "pl4nted-6"}), "redis://:pl4nted-3@h", "?token=pl4nted_4"]
    )
    Item.objects.create(name="it was pl4nted_4, not pl4nted-3 or pl4nted-6")
    with suppress(RuntimeError), transaction.atomic():
        Category.objects.create(name="undone")
        raise RuntimeError(f"{R} and pl4nted-3 are not welcome")


PLANTS = (fields, shapes, copies, statements, errors, arguments, repeats)


@pytest.fixture
def log(tmp_path):
    """A database of the log's own, so that its file holds nothing of the host's."""
    fresh = connection.copy(LOG)
    fresh.settings_dict |= {"NAME": str(tmp_path / "log.sqlite3")}
    connections[LOG] = fresh
    with fresh.schema_editor() as editor:
        for model in (SignalEvent, SignalTrace, ReceiverCall, LogIdentity):
            editor.create_model(model)
    given = {
        **settings.SIGNAL_LOG,
        "DATABASE": LOG,
        "EXTRA_SIGNALS": ["django.contrib.auth.signals.user_login_failed"],
    }
    pipeline.stop()
    with override_settings(SIGNAL_LOG=given):
        pipeline.start()
        yield tmp_path
        pipeline.stop()
    connections[LOG].close()
    del connections[LOG]
    pipeline.start()


@pytest.mark.one_database
@pytest.mark.parametrize("plant", PLANTS)
def test_no_planted_secret_is_in_the_log_s_files(plant, log, caplog):
    """Neither in the database's file nor its write-ahead log, nor in the server's log."""

    @SignalLogMiddleware
    def view(request):
        plant()
        with suppress(ValueError), transaction.atomic():
            Category.objects.create(name="undone")
            raise ValueError(f"{request.POST['new_password1']} is too short, {request.GET['token']} too old")
        return HttpResponse()

    headers = {"Authorization": f"Bearer {S}", "Cookie": f"sessionid={S}", "X-Api-Key": S}
    posted = {"password": S, "new_password1": "pl4nted by hand"}
    request = RequestFactory().post(f"/confirm/{S}/pl4nted-code/?token=pl4nted-5", posted, headers=headers)
    with override_settings(ROOT_URLCONF=__name__), caplog.at_level(logging.INFO, "signal_log"):
        view(request).close()
        request.close()
    events = SignalEvent.objects.using(LOG)
    assert events.exclude(sender="").count() > 2
    assert set(events.values_list("path", flat=True)) == {f"/confirm/{MASK}/{MASK}/"}
    held = {file.name: file.read_bytes() for file in log.iterdir()}  # while the connection is open
    assert len(held["log.sqlite3-wal"]) > 20_000
    connections[LOG].close()
    held |= {f"closed {file.name}": file.read_bytes() for file in log.iterdir()}
    assert len(held["closed log.sqlite3"]) > 20_000
    for name, content in held.items():
        at = content.find(b"pl4nted")
        assert at < 0, (name, content[max(at - 300, 0) : at + 100])
    assert "pl4nted" not in caplog.text.replace(plant.__name__, "")


@pytest.mark.postgresql
@pytest.mark.parametrize("plant", [fields, shapes, copies, errors, arguments, repeats])
def test_no_planted_secret_is_in_the_log_s_rows(plant):
    """Nor in those of telemetry, read as PostgreSQL's own bytes."""
    with signal_log.context(source="task"):
        plant()
    keeper.write_kept()
    held = {}
    with connection.cursor() as cursor:
        for table in (model._meta.db_table for model in (SignalEvent, SignalTrace, ReceiverCall)):
            with cursor.copy(f"COPY {table} TO STDOUT") as rows:
                held[table] = b"".join(map(bytes, rows))
    assert len(held[SignalEvent._meta.db_table]) > 1_000
    for table, content in held.items():
        at = content.find(b"pl4nted")
        assert at < 0, (table, content[max(at - 300, 0) : at + 100])


def test_no_planted_secret_is_sent_live(server, session, mailoutbox):
    """Neither in the frames of a subscribed socket, nor in metrics, nor in mails, nor in that server's own log."""
    with open_socket(server, session) as page:
        page.subscribe()
        page.tell(type="subscribe", filters={S: S})
        page.wait_for("error")
        with signal_log.context(source="task"):
            for plant in PLANTS:
                if plant is not statements or connection.vendor == "sqlite":
                    plant()
        last = SignalEvent.objects.latest("pk").pk
        assert page.until(lambda: page.ids[-1:] == [last])
        told = json.dumps(page.frames[2:], ensure_ascii=False)  # the second says what is wrong with the question
    seen = {"frames": told, "log": server.log_text(), "mails": "".join(str(mail.message()) for mail in mailoutbox)}
    cookie = f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
    with urlopen(Request(f"{server.url}/metrics?token={S}", headers={"Cookie": cookie})) as answer:  # noqa: S310
        seen["metrics"] = answer.read().decode()
    assert all(len(text) > 500 for text in seen.values()), {where: len(text) for where, text in seen.items()}
    for where, text in seen.items():
        assert "pl4nted" not in text, (where, text[max(text.find("pl4nted") - 300, 0) :][:400])


@pytest.mark.parametrize("plant", [fields, shapes, copies, errors, arguments, repeats])
def test_no_planted_secret_is_shown(plant, admin_client):
    """Neither on the pages, nor in exports, nor in metrics."""
    with recorded() as events, signal_log.context(source="task"):
        plant()
    assert len(events) > 2
    trace = events[0].trace_id
    addresses = [f"/events/?trace={trace}", f"/traces/{trace}/", "/events/?format=json", "/receivers/", "/metrics"]
    addresses += [f"/events/{pk}/" for pk in SignalEvent.objects.order_by("-pk").values_list("pk", flat=True)[:8]]
    for address in addresses:
        assert "pl4nted" not in admin_client.get(address).content.decode(), address
    for kind in ("jsonl", "csv"):
        assert b"pl4nted" not in admin_client.get("/events/", {"format": kind}).getvalue()


def test_rows_of_key_and_value_show_what_is_no_secret():
    """The value of a row whose key says nothing is shown, and every key is."""
    with recorded() as events:
        setting = Setting.objects.create(key="site_name", value="Observatory")
        setting.key, setting.value = "api_key", "x"
        setting.save()
        Setting.objects.filter(key="site_name").update(value="y")
        Setting.objects.filter(pk=setting.pk).update(value="z")
    posts = [event.changes for event in events if event.signal == "post_save"]
    assert posts[0]["value"] == [None, "Observatory"]
    assert posts[1] == {"key": ["site_name", "api_key"], "value": [MASK, MASK]}
    assert [e.changes["value"][1] for e in events if e.signal == "silent_update"] == [MASK]
