"""What `manage.py check` says of a wrong installation: what happened, the likely cause, and the next move."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps
from django.conf import UserSettingsHolder, settings
from django.contrib import admin
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import User
from django.core.checks import CheckMessage, run_checks
from django.db import connections
from django.http import HttpResponse
from django.test import override_settings
from django.urls import include, path, re_path, set_script_prefix

MIDDLEWARE = "signal_log.capture.middleware.SignalLogMiddleware"
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
OPTIONS = {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;"}


def ours(**given: Any) -> dict[str, list[CheckMessage]]:
    """The messages of signal_log under these settings, by id."""
    found: dict[str, list[CheckMessage]] = {}
    with override_settings(**given):
        for message in run_checks(databases=[]):
            if str(message.id).startswith(("signal_log.E", "signal_log.W")):
                found.setdefault(str(message.id), []).append(message)
    return found


def of_log(**given: Any) -> dict[str, list[CheckMessage]]:
    """The same with these keys of ``SIGNAL_LOG``."""
    return ours(SIGNAL_LOG={"MODELS": ["shop.*", "auth.User"], **given})


def urls(*patterns: Any) -> ModuleType:
    """A URLconf, with the admin that the test project's checks ask for."""
    module = ModuleType("mysite.urls")
    vars(module)["urlpatterns"] = [*patterns, path("admin/", admin.site.urls)]
    return module


def said(messages: Iterable[CheckMessage]) -> str:
    """What is said, as a person reads it."""
    return "\n".join(f"{message.msg}\n{message.hint}" for message in messages)


def test_the_project_of_the_tests_has_nothing_to_mend() -> None:
    """A right installation gets no message at all."""
    assert ours() == {}


def test_other_apps_alone_are_checked_in_peace() -> None:
    """`manage.py check shop` says nothing of the log; `check signal_log` does."""
    with override_settings(SIGNAL_LOG={}, MIDDLEWARE=[]):
        for label, told in (("shop", False), ("signal_log", True)):
            found = {str(message.id) for message in run_checks(app_configs=[apps.get_app_config(label)])}
            assert ("signal_log.W001" in found) == ("signal_log.W002" in found) == told


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"models": ["auth.User"]}, "unknown key 'models'. Did you mean 'MODELS'?"),
        ({"MASK_FEILDS": []}, "Did you mean 'MASK_FIELDS'?"),
        ({"ATOMIC": True}, "It is gone"),
        ({1: 2}, "unknown key 1."),
        ({"MODELS": [User]}, "no text; write its label: 'auth.User'."),
        ({"MODELS": ["auth.User", 7]}, "7 is no text"),
        ({"MODELS": "auth.User"}, "One name needs a list too: ['auth.User']."),
        ({"MASK_FIELDS": {"auth.User": "email"}}, "One name needs a list too: {'auth.User': ['email']}."),
        ({"MASK_FIELDS": {User: ["email"]}}, "write its label: 'auth.User'."),
        ({"MASK_FIELDS": {"auth.User": [User.email]}}, "is no text"),
        ({"SILENT_WRITES": "x" * 1000}, "x…."),
        ({"METRICS_TOKEN": "hunter2"}, "is a str that is not shown here."),
        ({"SEAL_KEYS": "hunter2"}, "One name needs a list too."),
    ],
)
def test_a_wrong_key_or_value_says_what_is_wrong_in_it(given: dict[Any, Any], message: str) -> None:
    """The key that was meant, the entry that is no text, the list that is missing; a long value is cut."""
    (found,) = ours(SIGNAL_LOG=given)["signal_log.E001"]
    assert message in found.msg
    assert found.hint.startswith("Accepted: ")
    assert len(found.msg) < 400
    assert "hunter2" not in said([found])


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """A misspelled key or a value of the wrong kind hides nothing of the other settings."""
    found = of_log(
        MODLES=[],
        M2M="no",
        EXCLUDE="auth.User",
        MASK_FIELDS={"shop.Item": ["prize"], "shop.Itm": []},
        PERMISSION="signal_log.view",
        DATABASE="nowhere",
        EXTRA_SIGNALS=["no.such.signal"],
        RELAYS={"siem": {"sink": "webhook"}, "none": None, 7: {"sink": "file", "url": "/x"}},
    )
    assert {id_: len(messages) for id_, messages in found.items()} == {
        "signal_log.E001": 3,
        "signal_log.E002": 1,
        "signal_log.E003": 1,
        "signal_log.E007": 1,
        "signal_log.E009": 1,
        "signal_log.E010": 1,
        "signal_log.E023": 3,
    }
    assert [one.msg for one in found["signal_log.E023"]][1:] == [
        "SIGNAL_LOG['RELAYS']['none']: it is None, not a dict.",
        "SIGNAL_LOG['RELAYS'][7]: its name must be 1 to 100 letters, digits, '.', '_' and '-'.",
    ]
    assert set(ours(SIGNAL_LOG=["auth.User"])) == {"signal_log.E001"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"MODELS": ["shop.Itm"]}, "SIGNAL_LOG['MODELS'] names 'shop.Itm'"),
        ({"MODELS": ["shop.Itm"]}, "Did you mean 'shop.Item'?"),
        ({"MODELS": ["User"]}, "Did you mean 'auth.User'?"),
        ({"MODELS": ["django.contrib.auth.models.User"]}, "Did you mean 'auth.User'?"),
        ({"MODELS": ["shops.*"]}, "Did you mean 'shop.*'?"),
        ({"EXCLUDE": ["auth.Usre"]}, "SIGNAL_LOG['EXCLUDE'] names 'auth.Usre'"),
        ({"MASK_FIELDS": {"shop.Itm": ["name"]}}, "nothing of it is masked. Did you mean 'shop.Item'?"),
        ({"EXCLUDE_FIELDS": {"shop.*": ["name"]}}, "nothing of it is left out."),
    ],
)
def test_a_model_that_does_not_exist(given: dict[str, Any], message: str) -> None:
    """In each setting that names models, with the nearest one that exists."""
    (found,) = of_log(**given)["signal_log.E002"]
    assert message in found.msg
    assert "app_label.Model" in found.hint


def test_days_of_a_model_that_does_not_exist() -> None:
    """A slip would keep a person's events for ever, or remove what the law wants kept."""
    days = {"shop.Itm": 30, "shop.item": 30, "*": None}
    (found,) = of_log(MODELS=["shop.*"], RETENTION_DAYS=days)["signal_log.W026"]
    assert "names 'shop.Itm'" in found.msg
    assert "Did you mean 'shop.Item'?" in found.msg
    assert "signal_log.W026" not in of_log(MODELS=["shop.*"], RETENTION_DAYS=30)


def test_an_app_that_gets_ready_twice_says_everything_once() -> None:
    """As in a test that starts it again."""
    apps.get_app_config("signal_log").ready()
    assert len(of_log(MODELS=["shop.Itm"])["signal_log.E002"]) == 1


def test_a_field_that_does_not_exist() -> None:
    """It would be recorded in clear, so it is an error, with the nearest name and those that there are."""
    found = of_log(
        MASK_FIELDS={"auth.User": ["emial", "password"], "shop.Item": ["category_i?"]},
        UNMASK_FIELDS={"auth.User": ["first_nam"]},
        EXCLUDE_FIELDS={"shop.item": ["labels", "prize"]},
    )
    assert list(found) == ["signal_log.E009"]
    texts = [message.msg for message in found["signal_log.E009"]]
    assert len(texts) == 5
    text = said(found["signal_log.E009"])
    assert "the field 'emial' of auth.User, which has none of that name, so it is not masked. Did you mean" in text
    assert "Did you mean 'email'?" in text
    assert "'first_nam' of auth.User, which has none of that name, so it is not shown." in text
    assert "Did you mean 'category'?" in text
    assert "'prize' of shop.item, which has none of that name, so it is not left out. Did you mean 'price'?" in text
    assert "Accepted: api_token, category, " in text


def test_fields_that_exist() -> None:
    """A model's own, its relations, those of what inherits from it, whatever the case of the label."""
    found = of_log(
        MASK_FIELDS={"AUTH.user": ["email", "groups"], "auth.AbstractUser": ["last_name"]},
        EXCLUDE_FIELDS={"auth.PermissionsMixin": ["user_permissions", "date_joined"], "*": ["password", "email"]},
        UNMASK_FIELDS={"auth.user": ["username", "first_*"]},
    )
    assert found == {}


def test_a_slip_in_a_name_for_every_model() -> None:
    """Where any name is accepted, for it may be a key inside JSON, only one that nearly is a field's is told."""
    found = of_log(MASK_FIELDS=["emial", "pincode", "*mail*", "Mail", "user_name", "ema?l"], EXCLUDE_FIELDS=["usernam"])
    assert list(found) == ["signal_log.W007"]
    text = said(found["signal_log.W007"])
    assert "names 'emial' for every model, which no field is called. Did you mean 'email'?" in text
    assert "Did you mean 'username'?" in text
    assert "SILENCED_SYSTEM_CHECKS" in text
    assert "pincode" not in text
    assert "mail*" not in text
    assert "ema?l" not in text


def test_a_permission_that_does_not_exist() -> None:
    """Only superusers would see events; the models' own and Django's are accepted."""
    (found,) = of_log(PERMISSION="signal_log.view_signalevnt")["signal_log.E010"]
    assert "Did you mean 'signal_log.view_signalevent'?" in found.msg
    assert "signal_log.E010" in found.hint
    assert "signal_log.E010" not in of_log(PERMISSION="auth.change_group")
    silenced = ours(SILENCED_SYSTEM_CHECKS=["signal_log.E010"], SIGNAL_LOG={"MODELS": ["*"], "PERMISSION": "a.b"})
    with override_settings(SILENCED_SYSTEM_CHECKS=["signal_log.E010"]):
        assert silenced["signal_log.E010"][0].is_silenced()


def test_nothing_is_recorded() -> None:
    """Without models, without the setting, or with all of them excluded; each says which of the three."""
    (excluded,) = of_log(EXCLUDE=["auth.*", "shop.*"])["signal_log.W006"]
    assert "shop.*, auth.User" in excluded.msg
    assert "auth.*, shop.*" in excluded.msg
    assert "sessions.Session" in said(ours(SIGNAL_LOG={"MODELS": ["sessions.*"]})["signal_log.W006"])
    (empty,) = ours(SIGNAL_LOG={"MODELS": []})["signal_log.W001"]
    assert "'MODELS'] is empty" in empty.msg
    assert '"auth.User"]}' in empty.hint
    assert '"users.*"' in empty.hint
    with override_settings(SIGNAL_LOG={}):  # whose end tells the app, which a deletion in pytest's `settings` does not
        del settings.SIGNAL_LOG
        (missing,) = [message for message in run_checks() if message.id == "signal_log.W001"]
    assert missing.msg.startswith("SIGNAL_LOG is not in the settings")


class Ours(AuthenticationMiddleware):
    """A host's own."""


def test_the_middleware_is_missing_or_too_early() -> None:
    """After the session's and the account's; a subclass of any of them counts as one."""
    assert MIDDLEWARE in said(ours(MIDDLEWARE=[SESSIONS, AUTH])["signal_log.W002"])
    (early,) = ours(MIDDLEWARE=[MIDDLEWARE, SESSIONS, AUTH])["signal_log.W009"]
    assert "before SessionMiddleware and AuthenticationMiddleware" in early.msg
    assert f'right after "{AUTH}"' in early.hint
    between = ours(MIDDLEWARE=[SESSIONS, MIDDLEWARE, "tests.integration.test_checks.Ours", "not.there"])
    assert "before Ours in" in said(between["signal_log.W009"])
    assert not {"signal_log.W002", "signal_log.W009"} & set(ours(MIDDLEWARE=[SESSIONS, AUTH, MIDDLEWARE]))


def test_the_addresses_are_missing_or_taken() -> None:
    """`include` is forgotten, or a pattern above takes the address; the hint has the line."""
    log = path("log/", include("signal_log.urls"))
    assert 'path("signals/", include("signal_log.urls"))' in said(ours(ROOT_URLCONF=urls())["signal_log.W010"])
    everything = re_path("^", lambda _: HttpResponse(), name="everything")
    first, second = ours(ROOT_URLCONF=urls(everything, log))["signal_log.W011"]
    assert "/log/ is never reached: the pattern '^' (" in first.msg
    assert "/log/events/" in second.msg
    assert "signal_log.W011" not in ours(ROOT_URLCONF=urls(log, everything))
    set_script_prefix("/sub/")
    try:
        assert "signal_log.W011" not in ours(ROOT_URLCONF=urls(log, everything))
    finally:
        set_script_prefix("/")


def test_a_log_in_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner's own setting is named with where people go; Django's default is told only where they go nowhere."""
    log = path("log/", include("signal_log.urls"))
    for wrong in ("/nowhere/", "no:such-name"):
        (found,) = ours(ROOT_URLCONF=urls(log), LOGIN_URL=wrong)["signal_log.W023"]
        assert found.msg.startswith(f"LOGIN_URL is {wrong!r}, which leads nowhere: ")
        assert found.msg.endswith("sends people to /admin/login/ instead.")
        assert "mysite.urls" in found.hint
    for right in ("/log/", "signal_log:live", "https://sso.example.org/"):
        assert "signal_log.W023" not in ours(ROOT_URLCONF=urls(log), LOGIN_URL=right)
    without_admin = ModuleType("bare")
    vars(without_admin)["urlpatterns"] = [log]
    (found,) = ours(ROOT_URLCONF=without_admin, LOGIN_URL="/accounts/login/")["signal_log.W023"]
    assert "to a page that is not found" in found.msg
    assert "signal_log.W023" not in ours(ROOT_URLCONF=urls(), LOGIN_URL="/nowhere/")  # W010 says enough
    monkeypatch.setattr(UserSettingsHolder, "is_overridden", lambda *_: False)
    assert "signal_log.W023" not in ours(ROOT_URLCONF=urls(log), LOGIN_URL="/accounts/login/")


@pytest.mark.parametrize(
    ("options", "lacking"),
    [
        ({}, "without IMMEDIATE and WAL"),
        ({"transaction_mode": "immediate"}, "without WAL"),
        ({**OPTIONS, "transaction_mode": "DEFERRED"}, "without IMMEDIATE"),
        ({**OPTIONS, "init_command": "PRAGMA synchronous=1; pragma journal_mode = wal"}, ""),
        (OPTIONS, ""),
    ],
)
def test_sqlite_for_several_writers(options: dict[str, str], lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without both options it warns, with the lines to paste; one in memory has a single process."""
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": "log.sqlite3", "OPTIONS": options}
    monkeypatch.setitem(connections.settings, "lite", {**connections.settings["default"], **sqlite})
    found = of_log(DATABASE="lite").get("signal_log.W008", [])
    assert [lacking in message.msg for message in found] == [True] * bool(lacking)
    for message in found:
        block = "{" + message.hint.partition("{")[2].rstrip(",")
        assert eval(block) == OPTIONS | {  # noqa: S307  it can be pasted
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
        }
    del connections["lite"]
    monkeypatch.setitem(connections.settings, "lite", {**connections.settings["lite"], "NAME": ":memory:"})
    assert "signal_log.W008" not in of_log(DATABASE="lite")
    del connections["lite"]


def test_no_server_for_websockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what works all the same, and the application is not imported to find out."""
    for nothing in (None, ""):
        (found,) = ours(ASGI_APPLICATION=nothing)["signal_log.W012"]
        assert "asks the history every two seconds" in found.msg
        assert "signal_log.tail.routing.websocket_urlpatterns" in found.hint
    where = "signal_log.checks.live.get_commands"
    monkeypatch.setattr(where, lambda: {"runserver": "django.contrib.staticfiles"})
    assert "daphne" in said(ours(DEBUG=True, ASGI_APPLICATION="no.such.module")["signal_log.W013"])
    assert "signal_log.W013" not in ours(DEBUG=False)
    # WhiteNoise's takes over the next one's, which is Django's without daphne.
    monkeypatch.setattr(where, lambda: {"runserver": "whitenoise.runserver_nostatic"})
    for module, found in (
        ("django.core.management.commands.runserver", 1),
        ("daphne.management.commands.runserver", 0),
    ):
        wrapped = type("Command", (), {"__module__": module})
        made = type(
            "Command", (wrapped,), {"__module__": "whitenoise.runserver_nostatic.management.commands.runserver"}
        )
        monkeypatch.setattr("signal_log.checks.live.load_command_class", lambda *_, made=made: made())
        assert ("signal_log.W013" in ours(DEBUG=True, ASGI_APPLICATION="no.such.module")) == found, module
    monkeypatch.setattr(where, lambda: {"runserver": "daphne"})
    assert ours(DEBUG=True, ASGI_APPLICATION="no.such.module") == {}


ROUTED = 'ProtocolTypeRouter({"http": get_asgi_application(), "websocket": URLRouter([])})'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from django.core.asgi import get_asgi_application\napplication = get_asgi_application()", True),
        ("from django.core import asgi\nhttp = asgi.get_asgi_application()\napplication = http", True),
        (f"application = get_asgi_application()\napplication = {ROUTED}", False),
        ("http = get_asgi_application()\nfrom elsewhere import application", False),
        ("application = sockets(get_asgi_application())", False),
        ("a = application\napplication = a", False),
        ("no Python", False),
    ],
)
def test_an_application_that_routes_no_websocket(
    text: str, found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The asgi.py of `startproject`, as it was: its text is read, for importing it would set up Django again."""
    (tmp_path / "asgi_to_read.py").write_text(f"raise_if_imported\n{text}" if "no " not in text else text)
    monkeypatch.syspath_prepend(tmp_path)
    messages = ours(ASGI_APPLICATION="asgi_to_read.application").get("signal_log.W021", [])
    assert len(messages) == found
    for message in messages:
        assert f"asgi_to_read.application ({tmp_path}/asgi_to_read.py) is what startproject wrote" in message.msg
        assert "signal_log.tail.routing.websocket_urlpatterns" in message.hint
    monkeypatch.setattr("signal_log.checks.live.get_commands", lambda: {"runserver": "django.core"})
    both = ours(DEBUG=True, ASGI_APPLICATION="asgi_to_read.application")
    assert ("signal_log.W013" in both, "signal_log.W021" in both) == (True, found)  # all at once
    assert "asgi_to_read" not in sys.modules
    assert ours(ASGI_APPLICATION="nowhere.at.all") == ours(ASGI_APPLICATION="application") == {}
