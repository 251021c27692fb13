"""*History* of every observed model's object in the admin shows what was recorded, whatever its admin class is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.contrib import admin
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.models import Permission, User
from django.db import DatabaseError
from django.http import HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import include, path

from signal_log.admin import HistoryLinkMixin
from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.capture.trace import answers
from signal_log.models import SignalEvent
from signal_log.show import admin_history
from tests.shop.models import Category, CheapItem, Item, Label, Note

pytestmark = pytest.mark.django_db
RECORDED = "<h2>Signal log</h2>"


class OwnPage(ModelAdmin):  # type: ignore[type-arg]
    """A host's admin class that makes its history page by itself."""

    def history_view(self, request: Any, object_id: str, extra_context: Any = None) -> Any:
        """Return a page with a template that has no name."""
        template = engines["django"].from_string("{% block content %}the host's own, {{ who }}{% endblock %}")
        return TemplateResponse(request, template, {"who": "untouched"})


class WithMixin(HistoryLinkMixin, ModelAdmin):  # type: ignore[type-arg]
    """A host's admin class that was there before the middleware did it."""


SITE = AdminSite("other")
SITE.register((Item, CheapItem, Note))
SITE.register(Category, OwnPage)
SITE.register(Label, WithMixin)
urlpatterns = [path("admin/", SITE.urls), path("", include("signal_log.urls"))]


@pytest.fixture(autouse=True)
def site() -> Iterator[None]:
    """Serve a site whose admin classes know nothing of the log."""
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.fixture
def root() -> Client:
    """A client of someone who may see everything."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def page_of(client: Client, thing: Any, name: str = "") -> str:
    """Return the history page of an object, under its own model's address or another one's."""
    answer = client.get(f"/admin/shop/{name or thing._meta.model_name}/{thing.pk}/history/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_observed_models_history_shows_what_was_recorded(root: Client) -> None:
    """With a plain admin class, a proxy's, one with a page of its own, and one that has the mixin: once each."""
    item = Item.objects.create(name="lamp")
    item.name = "lantern"
    item.save()
    for name in ("item", "cheapitem"):
        page = page_of(root, item, name)
        assert page.count(RECORDED) == 1
        assert "lantern" in page
        assert "<h2>Admin history</h2>" in page
        assert f"/{item.pk}/" in page.partition("Full object history")[0].rpartition("<a ")[2]
    page = page_of(root, Category.objects.create(name="oak"))
    assert RECORDED in page
    assert "the host&#x27;s own, untouched" in page or "the host's own, untouched" in page
    assert page_of(root, Label.objects.create(text="new")).count(RECORDED) == 1


def test_other_models_and_other_people_find_the_hosts_page(root: Client) -> None:
    """A model that is not observed, and staff who may not see events, get what they would get without the app."""
    note, item = Note.objects.create(), Item.objects.create(name="lamp")
    assert "Signal log" not in page_of(root, note)
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_item"))
    client = Client()
    client.force_login(staff)
    page = page_of(client, item)
    assert RECORDED not in page
    assert "signal_log/css" not in page
    assert client.get("/admin/").status_code == 200


def test_the_hosts_page_outlives_ours(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the log cannot be read the page says so; if adding to the page fails, it is shown as the host made it."""
    item = Item.objects.create(name="lamp")

    def unreadable(*_: object) -> None:
        raise DatabaseError("no")

    monkeypatch.setattr(admin_history, "of_row", unreadable)
    assert "The signal log cannot be read now." in page_of(root, item)
    monkeypatch.setattr(admin_history, "add_recorded", unreadable)
    assert RECORDED not in page_of(root, item)
    monkeypatch.undo()
    monkeypatch.setattr(admin_history, "AROUND", "nowhere.html")
    assert RECORDED not in page_of(root, item)


def test_a_host_that_has_not_mounted_the_pages(root: Client) -> None:
    """Its pages show what was recorded without links; the log's own lists lead nowhere, and say what is missing."""
    item = Item.objects.create(name="lamp")
    with override_settings(ROOT_URLCONF=(path("admin/", admin.site.urls), path("other/", SITE.urls))):
        page = root.get(f"/other/shop/item/{item.pk}/history/").content.decode()
        assert RECORDED in page
        assert "lamp" in page.partition("<h2>Admin history</h2>")[0]
        assert "Full object history" not in page
        event = SignalEvent.objects.latest("pk").pk
        for name in ("signalevent/", f"signalevent/{event}/change/", "deadletter/"):
            answer = root.get(f"/admin/signal_log/{name}", follow=True)
            assert answer.redirect_chain == [("/admin/", 302)]
            assert "include signal_log.urls in your URLs" in answer.content.decode()


def test_it_is_added_without_a_thread_where_the_server_is_asynchronous(rf: RequestFactory) -> None:
    """The hook is a coroutine there, and the same pages pass it."""

    async def get_response(_: object) -> HttpResponse:
        return HttpResponse()

    def passing(request: Any, response: Any) -> None:
        passed.append(response)

    passed: list[Any] = []
    dresses = [*answers._dresses]
    answers.dress_with(passing)
    try:
        hook: Any = SignalLogMiddleware(get_response).process_template_response
        assert iscoroutinefunction(hook)
        response = TemplateResponse(rf.get("/"), "x.html")
        assert async_to_sync(hook)(rf.get("/"), response) is response
    finally:
        answers.dress_with(*dresses)
    assert passed == [response]
