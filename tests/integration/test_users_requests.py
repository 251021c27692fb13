"""What a request changes is one transaction, and requests that only read, or that take long, hold none."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, path, reverse

from observatory.urls import urlpatterns as project
from signal_log.models import SignalEvent
from tests.accounts import PASSWORD, all_mail_sent, person
from users import signals
from users.models import Profile


def regretted(request: HttpRequest) -> HttpResponse:
    """A page that anybody might add: it knows nothing of transactions, and fails."""
    person("ada")
    User.objects.get(username="grace").delete()
    raise RuntimeError


urlpatterns = [path("regretted/", regretted), *project]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]

FORM = {"username": "ada", "email": "ada@example.org", "password1": PASSWORD, "password2": PASSWORD}
LOG_IN = {"username": "grace", "password": PASSWORD}
READ = (
    "/",
    "/events/",
    "/accounts/register/",
    "/accounts/login/",
    "/accounts/profile/",
    "/accounts/delete/",
    "/accounts/password/",
    "/accounts/reset/",
    "/admin/login/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/favicon.ico",
)


@pytest.fixture(autouse=True)
def no_admins(settings: Any) -> None:
    """Nobody is mailed Django's reports of errors, which these tests raise."""
    settings.ADMINS = []


@pytest.fixture
def grace(client: Client) -> User:
    """A client that is logged in, as somebody who may see events."""
    user = person("grace", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_signalevent"))
    client.force_login(user)
    mail.outbox.clear()
    return user


@pytest.mark.usefixtures("grace")
def test_a_page_that_fails_has_changed_nothing() -> None:
    """The user that it made and the one that it deleted are as before, with their profiles, and nobody is mailed."""
    assert Client(raise_request_exception=False).get("/regretted/").status_code == 500
    assert User.objects.get().username == Profile.objects.get().username == "grace"
    assert mail.outbox == []


def test_a_registration_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Account and profile are one, so that the person can register again."""

    def fail(*args: Any) -> None:
        assert Profile.objects.get().username == "ada"
        raise RuntimeError

    monkeypatch.setattr(signals.mail, "send_welcome", fail)
    assert Client(raise_request_exception=False).post(reverse("users:register"), FORM).status_code == 500
    assert [model.objects.count() for model in (User, Profile, Session)] == [0, 0, 0]


def test_the_log_knows_nobody_before_the_log_in(client: Client) -> None:
    """Who registers is anonymous, and logs in as the new user."""
    client.post(reverse("users:register"), FORM)
    saves = SignalEvent.objects.filter(signal="post_save").order_by("pk")
    assert list(saves.values_list("sender", "actor_repr")) == [
        ("auth.User", "anonymous"),
        ("users.Profile", "anonymous"),
        ("auth.User", "ada"),
    ]


@pytest.fixture
def slow_steps(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each password that is hashed and each mail that is sent, whether a transaction was open."""
    seen = []
    encode, send = MD5PasswordHasher.encode, EmailMessage.send

    def noting(original: Callable[..., Any]) -> Callable[..., Any]:
        def note(*args: Any, **kwargs: Any) -> Any:
            seen.append(connection.in_atomic_block)
            return original(*args, **kwargs)

        return note

    monkeypatch.setattr(MD5PasswordHasher, "encode", noting(encode))
    monkeypatch.setattr(EmailMessage, "send", noting(send))
    return seen


@pytest.mark.parametrize(
    ("page", "form"),
    [
        ("users:register", FORM),
        ("users:login", LOG_IN),
        ("users:login", LOG_IN | {"password": "wrong"}),
        ("admin:login", LOG_IN),
        ("users:password_reset", {"email": "grace@example.org"}),
        ("users:delete", {"password": PASSWORD}),
    ],
    ids=["register", "log in", "wrong password", "admin", "reset", "delete"],
)
def test_no_transaction_is_open_while_a_password_is_hashed_or_a_mail_sent(
    page: str, form: dict[str, str], client: Client, grace: User, slow_steps: list[bool]
) -> None:
    """On SQLite nobody else could write meanwhile, and anybody can ask for these pages."""
    if page != "users:delete":
        client.logout()
    assert client.post(reverse(page), form).status_code == (200 if "wrong" in form.values() else 302)
    all_mail_sent()
    assert slow_steps
    assert not any(slow_steps)


@pytest.fixture
def writer(transactional_db: None) -> Iterator[Callable[[], Any]]:
    """A function that makes another connection hold SQLite's write lock, while this one waits for nobody."""
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        yield lambda: other.execute("BEGIN IMMEDIATE")
    connection.close()


@pytest.mark.one_database
@pytest.mark.parametrize("page", READ)
def test_pages_that_only_read_do_not_wait_for_a_writer(
    page: str, client: Client, grace: User, writer: Callable[[], Any]
) -> None:
    """SQLite gives every transaction the write lock, so these pages must take none."""
    if page in ("/accounts/register/", "/accounts/login/", "/admin/login/"):
        client.logout()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")
    writer()
    assert client.get(page).status_code in (200, 302 if page == "/favicon.ico" else 200)


def all_pages(patterns: Any, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from all_pages(pattern.url_patterns, address)
        else:
            yield address, pattern


def test_only_the_admin_is_one_transaction_for_each_request() -> None:
    """Every other page has said that it takes care of itself; Django refuses async pages that have not."""
    outside: dict[str, set[str]] = {}
    for address, page in all_pages(project):
        outside.setdefault(address, getattr(page.callback, "_non_atomic_requests", set()))  # the first match is used
    assert [address for address in outside if address.startswith("admin/") and outside[address]] == ["admin/login/"]
    others = {address: aliases for address, aliases in outside.items() if not address.startswith("admin/")}
    assert [address for address, aliases in others.items() if "default" not in aliases] == []
    assert set(connections) <= outside["events/"]  # whichever database a host has them on
