"""The pages in a project that has little of its own: no log-in page, no tables yet, none of our templates."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path

from signal_log import models
from signal_log.store.row import TABLE
from tests.factories import make_event

urlpatterns = [
    path("signals/", include("signal_log.urls")),
    path("admin/", admin.site.urls),
    path("own/", lambda _: HttpResponse(), name="own"),
]

ADMIN = ("/admin/signal_log/signalevent/", "/admin/signal_log/signalevent/5/change/")
ADMINS = "/admin/login/?next=/signals/"


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("login", "leads_to"),
    [
        ("/accounts/login/", ADMINS),  # Django's default, which a new project has no page for
        ("no:such-name", ADMINS),
        ("no_such_name", ADMINS),
        ("/nowhere/?a=1", ADMINS),
        ("own", "/own/?next=/signals/"),
        ("/own/?a=1", "/own/?a=1&next=/signals/"),
        ("https://sso.example.org/in", "https://sso.example.org/in?next=/signals/"),
    ],
)
def test_a_log_in_that_does_not_exist_is_the_admins(client: Client, settings: Any, login: str, leads_to: str) -> None:
    """Otherwise a stranger is redirected to a 404 or gets a 500; one that exists is left alone."""
    settings.LOGIN_URL = login
    answer = client.get("/signals/")
    assert answer.status_code == 302
    assert answer["Location"] == leads_to


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_pages_in_a_project_without_our_accounts(client: Client, settings: Any) -> None:
    """They go by a neutral name, and link to the admin's log-out and to no page of accounts."""
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": []}]
    settings.LOGIN_URL = "no:such-name"
    client.force_login(User.objects.create_superuser("root"))
    make_event()
    for address in ("/signals/", "/signals/events/", "/signals/events/77777/"):
        page = client.get(address).content.decode()
        title = page.partition("<title>")[2].partition("</title>")[0]
        assert title.endswith(" · Signal log"), address
        assert 'action="/admin/logout/"' in page, address
        assert "Observatory" not in page, address
        assert 'href="/accounts/' not in page, address


def test_an_app_that_is_not_installed_is_one_sentence() -> None:
    """The URLs are often included before the app is added; Django alone speaks of a model's missing label."""
    with pytest.raises(ImproperlyConfigured, match='add "signal_log" to INSTALLED_APPS'):
        runpy.run_path(models.__file__, run_name="of_nothing_installed")


@contextmanager
def renamed(what: str, back: str) -> Iterator[None]:
    """The log's table altered for a while."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {what}")
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {back}")


def test_before_its_migrations(client: Client, transactional_db: None) -> None:
    """Every page and the export say which table is missing and which command makes it; a stranger is not told."""
    client.force_login(User.objects.create_superuser("root"))
    with renamed(f"{TABLE} RENAME TO elsewhere", f"elsewhere RENAME TO {TABLE}"):
        for address in ("/", "/events/", "/events/?format=json", "/events/5/", "/objects/auth.User/5/", *ADMIN):
            answer = client.get(address)
            assert answer.status_code == 503, address
            page = answer.content.decode()
            assert f"lacks the table {TABLE}. Run: python manage.py migrate signal_log" in page, address
        assert Client().get("/").status_code == 302
        with pytest.raises(CommandError, match=f"lacks the table {TABLE}. Run: python manage.py migrate signal_log"):
            call_command("signal_export")


def test_a_column_of_a_later_version(client: Client, transactional_db: None) -> None:
    """A table that an earlier version made is told apart."""
    client.force_login(User.objects.create_superuser("root"))
    column = f"{TABLE} RENAME COLUMN"
    with renamed(f"{column} call_site TO elsewhere", f"{column} elsewhere TO call_site"):
        assert f"lacks the column call_site of the table {TABLE}" in client.get("/").content.decode()


def test_any_other_error_of_the_database_is_not_explained_away(admin_client: Client, monkeypatch: Any) -> None:
    """With all tables there it is raised as it was."""

    def fail(*_: Any) -> None:
        raise ProgrammingError("a mistake of ours")

    monkeypatch.setattr("signal_log.show.pages.live.notices", fail)
    with pytest.raises(ProgrammingError, match="a mistake of ours"):
        admin_client.get("/")
