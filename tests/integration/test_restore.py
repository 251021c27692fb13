"""Former values are filled into the admin's own form, for a person to save; nothing else writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import models
from django.test import Client
from django.urls import include, path

import signal_log
from signal_log.event import MASK
from signal_log.models import SignalEvent
from signal_log.show.story.restorable import python_value
from tests.factories import make_event
from tests.pages import text
from tests.shop.models import Category, Item

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>\"'><img src=x>{{ 7 }}"


class ItemInline(admin.TabularInline):
    model = Item
    fields = ("name", "price", "stock", "tags", "sold_on")
    extra = 0


class CategoryAdmin(admin.ModelAdmin):
    inlines = (ItemInline,)


class ItemAdmin(admin.ModelAdmin):
    readonly_fields = ("weight",)

    def get_form(self, request: Any, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.base_fields["stock"].help_text = "as hosts do"
        return form


@pytest.fixture
def shop(settings: Any) -> Iterator[None]:
    """The shop's models in the admin, one with the other as an inline."""
    admin.site.register(Category, CategoryAdmin)
    admin.site.register(Item, ItemAdmin)

    class Addresses:
        urlpatterns = (path("admin/", admin.site.urls), path("", include("observatory.urls")))

    settings.ROOT_URLCONF = Addresses
    yield
    admin.site.unregister([Category, Item])


def offered(response: Any) -> dict[str, tuple[str, bool, str]]:
    """Return of each field on the page its former value, whether it is to be filled in, and why it cannot."""
    return {
        each.name: (each.then.text if each.then else "", wanted, each.why_not)
        for each, wanted in response.context["fields"]
    }


def form_of(client: Client, page: Any) -> Any:
    """Submit the page's choice as a browser would, and return the admin's form."""
    hidden = page.context["hidden"]
    chosen = [each.name for each, wanted in page.context["fields"] if wanted]
    query: dict[str, Any] = {"field": chosen}
    for key, value in hidden:
        query.setdefault(key, []).append(value)
    return client.get("/restore/form/", query)


class Fields(HTMLParser):
    """Collects the form with the id, and what a browser would send of it."""

    def __init__(self) -> None:
        super().__init__()
        self.address = ""
        self.sent: list[tuple[str, str]] = []
        self._inside = False
        self._select = self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value")
        if tag == "form":
            self._inside = (given.get("id") or "").endswith("_form")
            self.address = given.get("action") or "" if self._inside else self.address
        elif not self._inside:
            return
        elif tag == "input" and name and given.get("type") not in ("submit", "file", "button"):
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.sent.append((name, value if value is not None else "on" if "checked" in given else ""))
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given:
            self.sent.append((self._select, value or ""))
        elif tag == "textarea":
            self._area = name
            self.sent.append((name, ""))

    def handle_data(self, data: str) -> None:
        if self._area:
            self.sent[-1] = (self._area, self.sent[-1][1] + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area:
            self.sent[-1] = (self._area, self.sent[-1][1].removeprefix("\r\n").removeprefix("\n"))
            self._area = ""


def posted(response: Any, **more: str) -> tuple[str, dict[str, Any]]:
    """Return where the admin's form is posted to, and what a browser would send if nobody changed anything."""
    fields = Fields()
    fields.feed(text(response))
    sent: dict[str, Any] = {}
    for name, value in fields.sent:
        sent.setdefault(name, []).append(value)
    return fields.address, {**sent, **more}


def test_old_values_are_filled_in_and_a_person_saves_them(root: Client) -> None:
    """From the line of the change, by the admin's form; until it is saved nothing is written."""
    ada = User.objects.create_user("ada", email="old@example.com", first_name="Ada", password="first-secret-1")
    ada.email = "new@example.com"
    ada.save()
    ada.first_name = "Augusta"
    ada.save()
    lines = root.get(f"/objects/auth.User/{ada.pk}/").context["parts"][0].lines
    assert lines[-1].restore_url == ""  # nothing was before a creation
    events = SignalEvent.objects.count()
    [line] = [line for line in lines if line.is_own and set(line.event.changes) == {"email"}]
    page = root.get(line.restore_url)
    fields = offered(page)
    assert fields["email"] == ("old@example.com", True, "")
    assert fields["first_name"] == ("Ada", False, "")  # it was the same before that change
    assert fields["password"][1:] == (False, "masked, the log never held it: stays as it is")
    assert "key" in fields["id"][2]
    form = form_of(root, page)
    assert form.context["adminform"].form.initial["email"] == "old@example.com"
    assert form.context["adminform"].form.initial["first_name"] == "Augusta"
    assert "not saved yet" in text(form)
    assert "secret" not in text(form)
    assert SignalEvent.objects.count() == events
    assert User.objects.get(pk=ada.pk).email == "new@example.com"
    address, sent = posted(form)
    assert address == f"/admin/auth/user/{ada.pk}/change/"
    assert root.post(address, sent).status_code == 302
    ada = User.objects.get(pk=ada.pk)
    assert (ada.email, ada.first_name) == ("old@example.com", "Augusta")
    assert ada.check_password("first-secret-1")


def test_a_moment_is_restored_as_a_whole(root: Client) -> None:
    """The page of a state leads there too: every field that differs is chosen."""
    ada = User.objects.create_user("ada", email="old@example.com")
    then = SignalEvent.objects.filter(sender="auth.User", signal="post_save").latest("id").occurred_at
    User.objects.get(pk=ada.pk).save()
    ada.email, ada.is_staff = "new@example.com", True
    ada.save()
    state = root.get(f"/objects/auth.User/{ada.pk}/", {"at": then.isoformat()})
    fields = offered(root.get(state.context["restore_url"]))
    assert {name for name, (_, wanted, _) in fields.items() if wanted} == {"email", "is_staff"}


def test_a_deleted_user_is_restored_with_the_profile(root: Client) -> None:
    """By one form each: the user's add form, then the forms of what was added, also of the row that a receiver made."""
    ada = User.objects.create_user("ada", email="ada@example.com")
    ada.profile.headline = "poet"
    ada.profile.save()
    old = ada.pk
    ada.delete()
    address = root.get(f"/objects/auth.User/{old}/").context["restore_url"]
    page = root.get(address)
    assert [then.title for then, _ in page.context["others"]] == ["ada"]
    assert offered(page)["email"][2] == "not a field of the form: as a new row has it"
    form = form_of(root, page)
    assert form.context["adminform"].form.initial["username"] == "ada"
    target, sent = posted(form, usable_password="false")
    assert target == "/admin/auth/user/add/"
    root.post(target, sent)
    new = User.objects.get(username="ada")
    assert (new.email, new.profile.headline) == ("", "")  # neither is in the admin's add form
    [(key, name, again)] = root.get(address).context["same"]
    assert (key, name) == (str(new.pk), "username")
    page = root.get(again)
    target, sent = posted(form_of(root, page))
    root.post(target, sent)
    [(_, profile)] = page.context["others"]
    [(key, name, again)] = root.get(profile).context["same"]
    assert (key, name) == (str(new.profile.pk), "user")
    target, sent = posted(form_of(root, root.get(again)))
    assert target == f"/admin/users/profile/{new.profile.pk}/change/"
    root.post(target, sent)
    new = User.objects.get(username="ada")
    assert (new.email, new.profile.headline) == ("ada@example.com", "poet")


@pytest.mark.usefixtures("shop")
def test_a_deleted_object_is_restored_with_its_inlines(root: Client) -> None:
    """They are filled into the same form, as the admin has them there; a changed one of a living object too."""
    lamps = Category.objects.create(name="lamps")
    for name, stock in (("lamp", 3), ("lantern", 4)):
        Item.objects.create(name=name, stock=stock, price=Decimal("2.50"), tags=["a"], sold_on=date(2026, 1, 2),
                            category=lamps)  # fmt: skip
    pk = lamps.pk
    lamps.delete()
    page = root.get(root.get(f"/objects/shop.Category/{pk}/").context["restore_url"])
    assert sorted(then.title for then in page.context["inlines"]) == ["lamp in lamps", "lantern in lamps"]
    assert page.context["others"] == []
    target, sent = posted(form_of(root, page))
    assert root.post(target, sent).status_code == 302
    lamps = Category.objects.get(name="lamps")
    told = sorted(lamps.item_set.values_list("name", "stock", "price", "tags", "sold_on"))
    rest = (Decimal("2.50"), ["a"], date(2026, 1, 2))
    assert told == [("lamp", 3, *rest), ("lantern", 4, *rest)]
    lamp, lantern = lamps.item_set.order_by("name")
    then = SignalEvent.objects.latest("id").occurred_at
    lamp.stock = 77
    lamp.save()
    lantern.delete()
    page = root.get("/restore/", {"label": "shop.Category", "pk": lamps.pk, "at": then.isoformat()})
    target, sent = posted(form_of(root, page))
    root.post(target, sent)
    assert sorted(lamps.item_set.values_list("name", "stock")) == [("lamp", 3), ("lantern", 4)]


@pytest.mark.usefixtures("shop")
def test_values_of_every_kind_come_back(root: Client) -> None:
    """What the log tells becomes what the field holds; what the form has no field for, or a file, is left and said."""
    category = Category.objects.create(name="lamps")
    item = Item.objects.create(name=HOSTILE, price=Decimal("3.50"), weight=1.5, stock=4, tags=[{"a": 1}, None],
                               category=category, sold_on=date(2026, 1, 2), picture="a.png")  # fmt: skip
    before = Item.objects.values().get(pk=item.pk)
    Item(pk=item.pk, name="x", price=0, weight=0, stock=0, tags=[], category=None, sold_on=None).save()
    change = SignalEvent.objects.filter(sender="shop.Item", signal="post_save").latest("id")
    page = root.get("/restore/", {"label": "shop.Item", "pk": item.pk, "event": change.pk})
    fields = offered(page)
    assert fields["picture"][2].startswith("a file")
    assert fields["weight"][2].startswith("not a field of the form")
    form = form_of(root, page)
    for shown in (text(page), text(form)):
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown
        assert "{{ 7" in shown
        assert "as hosts do" in shown or shown is not text(form)
    target, sent = posted(form)
    root.post(target, sent)
    after = Item.objects.values().get(pk=item.pk)
    assert {name for name in before if before[name] != after[name]} == {"weight", "picture", "changed_at"}


def test_every_conversion_is_undone() -> None:
    """Durations below zero, too, which Python spells otherwise than the log."""
    duration, flag = models.DurationField(), models.BooleanField()
    for value, logged in [
        (timedelta(days=1, seconds=2), "1 day, 0:00:02"),
        (timedelta(0) - timedelta(days=1, seconds=2), "-1 day, 0:00:02"),
        (timedelta(0) - timedelta(microseconds=5), "-0:00:00.000005"),
    ]:
        assert python_value(duration, logged) == value
    assert python_value(flag, True) is True
    assert python_value(models.DecimalField(), "1.10") == Decimal("1.10")
    assert python_value(models.JSONField(), {"a": None}) == {"a": None}


def test_what_cannot_be_known_is_said(root: Client) -> None:
    """Masked in part, cut, unknown, no value any more: each is named, and none is filled in."""
    with signal_log.pause():
        ada = User.objects.create_user("ada")
    cut = "x" * 30 + "… (5000 characters, SHA-256 " + "a" * 64 + ")"
    event = make_event(object_pk=str(ada.pk), object_repr="ada", changes={
        "first_name": [f"token={MASK}", "a"], "last_name": [cut, "b"], "email": [{"unknown": True}, "c@example.com"],
        "date_joined": ["soon", None], "gone": ["x", "y"],
    })  # fmt: skip
    fields = offered(root.get("/restore/", {"label": "auth.User", "pk": ada.pk, "event": event.pk}))
    for name, why in [
        ("first_name", "masked"), ("last_name", "only the beginning"), ("email", "unknown"),
        ("date_joined", "no value of this field"), ("gone", "no such field"),
    ]:  # fmt: skip
        assert why in fields[name][2], name
        assert not fields[name][1], name


def test_before_a_change_is_what_the_change_found(root: Client) -> None:
    """Where something wrote the row unseen, the value that was there is offered, not the newest one known."""
    ada = User.objects.create_user("ada", first_name="Ada")
    event = make_event(object_pk=str(ada.pk), object_repr="ada", changes={"first_name": ["Augusta", "A."]})
    fields = offered(root.get("/restore/", {"label": "auth.User", "pk": ada.pk, "event": event.pk}))
    assert fields["first_name"][0] == "Augusta"


def test_it_takes_the_permission_of_the_log_and_the_admins_of_the_model(client: Client) -> None:
    """Without the latter the page says so and offers no form, and the form's address answers 403."""
    ada = User.objects.create_user("ada", email="old@example.com")
    ada.email = "new@example.com"
    ada.save()
    event = SignalEvent.objects.filter(sender="auth.User", signal="post_save").latest("id")
    query = {"label": "auth.User", "pk": ada.pk, "event": event.pk, "field": "email"}
    eve = User.objects.create_user("eve", is_staff=True)
    client.force_login(eve)
    assert client.get("/restore/", query).status_code == 403
    eve.user_permissions.add(Permission.objects.get(codename="view_signalevent"))
    eve.user_permissions.add(Permission.objects.get(codename="view_user"))
    page = client.get("/restore/", query)
    assert "You need the admin" in text(page)
    assert "Fill in the change form" not in text(page)
    assert client.get("/restore/form/", query).status_code == 403
    assert client.get(f"/objects/auth.User/{ada.pk}/").context["parts"][0].lines[0].restore_url == ""
    eve.user_permissions.add(Permission.objects.get(codename="change_user"))
    assert client.get("/restore/form/", query).status_code == 200
    assert client.post("/restore/form/", query).status_code == 405
    User.objects.filter(pk=eve.pk).update(is_staff=False)
    assert client.get("/restore/form/", query).status_code == 403


def test_what_makes_no_sense_is_a_sentence(root: Client) -> None:
    """Unknown labels, keys, events and moments are 404 with what is wrong."""
    event, other = make_event(object_pk="5"), make_event(object_pk="6")
    for query, why in [
        ({}, "has no events"),
        ({"label": "auth.User", "pk": "777"}, "has no events"),
        ({"label": "no.Model", "pk": "5"}, "has no events"),
        ({"label": "auth.User", "pk": "5"}, "from when"),
        ({"label": "auth.User", "pk": "5", "at": "noon"}, "must be a date or a time"),
        ({"label": "auth.User", "pk": "5", "event": "x"}, "must be an event number"),
        ({"label": "auth.User", "pk": "5", "event": other.pk}, "no such event of this object"),
        ({"label": "auth.User", "pk": "5", "event": event.pk, "into": "99999"}, "to fill in"),
    ]:
        for address in ("/restore/", "/restore/form/"):
            response = root.get(address, query)
            assert response.status_code == 404, query
            assert why in text(response), query
