"""``REASONS``: nothing of a named model is written in the admin without a sentence that says why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import clear_url_caches, path, reverse

from observatory.urls import urlpatterns as of_the_project
from signal_log import pipeline
from signal_log.audit.reasons import field
from signal_log.models import SignalEvent
from tests.log import recorded
from tests.pages import text
from tests.settings import SIGNAL_LOG
from tests.shop.models import Category, Item
from users.models import Profile

pytestmark = pytest.mark.django_db(transaction=True)

WHY = "She asked for it by mail."


class ItemInline(admin.TabularInline):
    model = Item
    fields = ("name",)
    extra = 1


class CategoryAdmin(admin.ModelAdmin):
    """Its own model is not named; that of its list is."""

    inlines = (ItemInline,)


@admin.action(description="Rename")
def rename(model_admin: Any, request: HttpRequest, rows: Any) -> None:
    rows.update(first_name="Renamed")


class Own(forms.ModelForm):
    class Meta:
        model = Group
        fields = ("name",)


class UserAdmin(admin.ModelAdmin):
    """A list that can be edited, an action, a form and a view that the host has made by itself."""

    list_display = ("username", "first_name")
    list_editable = ("first_name",)
    actions = (rename,)
    fields = ("username", "first_name")

    def get_urls(self) -> list[Any]:
        return [path("<int:pk>/rename/", self.admin_site.admin_view(self.rename), name="rename"), *super().get_urls()]

    def rename(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = User.objects.get(pk=pk)
        if request.method == "POST":
            user.first_name = request.POST["first_name"]
            user.save()
        elif "first_name" in request.GET:
            user.first_name = request.GET["first_name"]
            user.save()
        return HttpResponse("renamed")


class GroupAdmin(admin.ModelAdmin):
    """Not named; it writes a model that is, and takes no form from Django."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return Own

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        user = User.objects.get(username="ada")
        user.first_name = obj.name
        user.save()


class ProfileAdmin(admin.ModelAdmin):
    """Named, and with a form that Django has not made."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        class Form(forms.ModelForm):
            class Meta:
                model = Profile
                fields = ("headline",)

        return Form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [(None, {"fields": ["headline"]})]


class OtherSite(admin.AdminSite):
    """A site with a view of its own."""

    def get_urls(self) -> list[Any]:
        return [path("everybody/", self.admin_view(self.everybody), name="everybody"), *super().get_urls()]

    def everybody(self, request: HttpRequest) -> HttpResponse:
        for user in User.objects.all():
            user.first_name = request.POST.get("first_name", "")
            user.save()
        return HttpResponse("renamed")


other = OtherSite("other")
other.register(Category, CategoryAdmin)
other.register(User, UserAdmin)
other.register(Group, GroupAdmin)
other.register(Profile, ProfileAdmin)
urlpatterns: list[Any] = []


@pytest.fixture(autouse=True)
def _reasons() -> Iterator[None]:
    given = {**SIGNAL_LOG, "REASONS": ["auth.User", "shop.Item", "users.Profile"]}
    with override_settings(SIGNAL_LOG=given, ROOT_URLCONF=__name__):
        pipeline.start()
        # As a project's, which are loaded when apps are ready.
        urlpatterns[:] = [path("other/", other.urls), path("admin/", admin.site.urls), *of_the_project]
        clear_url_caches()
        yield
    pipeline.start()


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def ada() -> User:
    return User.objects.create(username="ada")


def at(view: str, *args: Any, site: str = "admin", model: str = "auth_user") -> str:
    return reverse(f"{site}:{model}_{view}", args=args)


def form_of(response: Any) -> dict[str, Any]:
    """What a browser would post of the page's last form."""
    html = response.content.decode()
    form = html[html.rindex("<form", 0, html.rindex("signal_log_reason")) :]
    found = re.findall(r'<input[^>]*type="(hidden|text|email)"[^>]*?name="([^"]+)"(?:[^>]*?value="([^"]*)")?', form)
    return {name: value for _, name, value in found}


def reasons(events: list[SignalEvent], sender: str) -> set[Any]:
    return {(event.labels or {}).get("reason") for event in events if event.sender == sender}


def test_a_change_needs_a_reason(root: Client, ada: User) -> None:
    """The form has a required field; without it, or with blanks, it comes back with an error and what was entered."""
    address = at("change", ada.pk)
    page = root.get(address)
    assert 'name="signal_log_reason"' in page.text
    data = {**page.context["adminform"].form.initial, "username": "ada2", "date_joined_0": "2026-11-28",
            "date_joined_1": "10:00:00", "groups": [], "user_permissions": []}  # fmt: skip
    data = {key: value for key, value in data.items() if value is not None}
    for missing in ({}, *({"signal_log_reason": given} for given in ("  ", "x" * 501, "\u200b\u2800\u3164 .\u202e"))):
        with recorded() as events:
            refused = root.post(address, {**data, **missing})
        assert refused.status_code == 200
        assert refused.context["adminform"].form.errors.keys() == {"signal_log_reason"}
        assert 'value="ada2"' in refused.text
        assert events == []
    assert field.MISSING in root.post(address, data).text
    with recorded() as events:
        assert root.post(address, {**data, "signal_log_reason": f"\u2800\u200b {WHY} \u3164"}).status_code == 302
    assert User.objects.filter(username="ada2").exists()
    assert reasons(events, "auth.User") == {WHY}
    assert "reason" not in LogEntry.objects.latest("pk").change_message.lower()
    event = next(event for event in events if event.sender == "auth.User")
    for page in (f"/events/{event.pk}/", f"/traces/{event.trace_id}/", "/events/", f"/objects/auth.User/{ada.pk}/"):
        assert WHY in text(root.get(page)), page


def test_adding_needs_one(root: Client) -> None:
    """Also where the host's fieldsets are those of an adding form alone."""
    data = {"username": "grace", "usable_password": "false", "password1": "", "password2": ""}
    assert 'name="signal_log_reason"' in root.get(at("add")).text
    refused = root.post(at("add"), data)
    assert refused.context["adminform"].form.errors.keys() == {"signal_log_reason"}
    assert not User.objects.filter(username="grace").exists()
    assert root.post(at("add"), {**data, "signal_log_reason": WHY}).status_code == 302
    assert User.objects.filter(username="grace").exists()


def test_a_deletion_needs_one(root: Client, ada: User) -> None:
    """The page that asks whether one is sure has the field; posted without it, it is shown again."""
    address = at("delete", ada.pk)
    page = root.get(address)
    assert page.text.count('name="signal_log_reason"') == 1
    assert page.text.index("<form method") < page.text.index("signal_log_reason") < page.text.index("cancel-link")
    with recorded() as events:
        refused = root.post(address, {"post": "yes", "signal_log_reason": ""})
    assert (refused.status_code, events) == (200, [])
    assert field.MISSING in refused.text
    with recorded() as events:
        assert root.post(address, {"post": "yes", "signal_log_reason": WHY}).status_code == 302
    assert not User.objects.filter(pk=ada.pk).exists()
    assert reasons(events, "users.Profile") == reasons(events, "auth.User") == {WHY}


def test_deleting_what_is_selected_needs_one(root: Client, ada: User) -> None:
    """Its page asks; who posts past it is asked."""
    address = at("changelist")
    data = {"action": "delete_selected", "_selected_action": [ada.pk]}
    page = root.post(address, {**data, "index": "0"})
    assert "Are you sure" in page.text
    assert page.text.count('name="signal_log_reason"') == 1
    asked = root.post(address, {**data, "post": "yes"})
    assert User.objects.filter(pk=ada.pk).exists()
    assert form_of(asked) == {"csrfmiddlewaretoken": form_of(asked)["csrfmiddlewaretoken"], "post": "yes",
                              "action": "delete_selected", "_selected_action": str(ada.pk)}  # fmt: skip
    root.post(address, {**form_of(asked), "signal_log_reason": WHY})
    assert not User.objects.filter(pk=ada.pk).exists()


def test_actions_and_lists_that_are_edited_need_one(root: Client, ada: User) -> None:
    """What was posted is carried over to a page that asks, also past signals: ``update()`` in an action."""
    address = at("changelist", site="other")
    rows = User.objects.order_by("-pk")
    edited = {
        "form-TOTAL_FORMS": len(rows), "form-INITIAL_FORMS": len(rows), "_save": "Save",
        **{f"form-{n}-id": row.pk for n, row in enumerate(rows)},
        **{f"form-{n}-first_name": "Edited" for n, _ in enumerate(rows)},
    }  # fmt: skip
    action = {"action": "rename", "_selected_action": [ada.pk], "index": "0"}
    for data, expected in ((edited, "Edited"), (action, "Renamed")):
        with recorded() as events:
            asked = root.post(address, data)
        assert "A reason is needed" in asked.text
        assert events == []
        with recorded() as events:
            assert root.post(address, {**form_of(asked), "signal_log_reason": WHY}).status_code == 302
        ada.refresh_from_db()
        assert ada.first_name == expected
        assert reasons(events, "auth.User") == {WHY}
    assert root.get(address).status_code == 200


def test_the_page_of_another_model_that_lists_a_named_one_asks(root: Client) -> None:
    """Its rows are changed there too."""
    address = at("add", site="other", model="shop_category")
    data = {"name": "lamps", "items-TOTAL_FORMS": 1, "items-INITIAL_FORMS": 0, "items-0-name": "one"}
    prefix = re.search(r'name="(\w+)-TOTAL_FORMS"', root.get(address).text)
    assert prefix is not None
    data = {key.replace("items-", f"{prefix[1]}-"): value for key, value in data.items()}
    assert root.post(address, data).context["adminform"].form.errors.keys() == {"signal_log_reason"}
    assert not Category.objects.exists()


def test_what_else_writes_a_named_model_is_stopped_before_it_has(root: Client, ada: User) -> None:
    """A model's own view, another model's ``save_model``: rolled back, asked, and done with the reason."""
    group = Group.objects.create(name="crew")
    custom, elsewhere = reverse("other:rename", args=[ada.pk]), at("change", group.pk, site="other", model="auth_group")
    of_the_site = reverse("other:everybody")
    for address, data in (
        (of_the_site, {"first_name": "All"}),
        (custom, {"first_name": "Ada"}),
        (elsewhere, {"name": "Sailors"}),
    ):
        with recorded() as events:
            asked = root.post(address, data)
        assert "A reason is needed" in asked.text
        assert events == []
        assert Group.objects.filter(name="crew").exists()
        with recorded() as events:
            root.post(address, {**form_of(asked), "signal_log_reason": WHY})
        assert reasons(events, "auth.User") == {WHY}
    ada.refresh_from_db()
    assert ada.first_name == "Sailors"


def test_a_get_that_writes_is_stopped_too(root: Client, ada: User) -> None:
    """In a custom view of a named model and of a site; with the reason the view gets its GET. Others show as before."""
    custom, of_the_site = reverse("other:rename", args=[ada.pk]), reverse("other:everybody")
    for address in (f"{custom}?first_name=Ada", of_the_site):
        with recorded() as events:
            asked = root.get(address)
        assert asked.text.count('name="signal_log_reason"') == 1
        assert events == []
        assert "A reason is needed" in root.post(address, {**form_of(asked), "signal_log_reason": "."}).text
        ada.refresh_from_db()
        before = ada.first_name
        with recorded() as events:
            assert root.post(address, {**form_of(asked), "signal_log_reason": WHY}).text == "renamed"
        assert reasons(events, "auth.User") == {WHY}
        ada.refresh_from_db()
        assert (before, ada.first_name) in {("", "Ada"), ("Ada", "")}
    with recorded() as events:
        assert root.get(custom).text == "renamed"
    assert events == []


def test_a_form_of_the_hosts_own_is_asked_for_one_too(root: Client, ada: User) -> None:
    """The field stands in the page; what is posted without it is stopped when it would be written."""
    address = at("change", ada.profile.pk, site="other", model="users_profile")
    assert root.get(address).text.count('name="signal_log_reason"') == 1
    asked = root.post(address, {"headline": "Sailor"})
    assert "A reason is needed" in asked.text
    ada.profile.refresh_from_db()
    assert ada.profile.headline == ""
    root.post(address, {**form_of(asked), "signal_log_reason": WHY})
    ada.profile.refresh_from_db()
    assert ada.profile.headline == "Sailor"


def test_ones_own_password_needs_none(root: Client) -> None:
    """It is nobody else's record that is changed."""
    user = User.objects.get(username="root")
    user.set_password("Correct-Horse-9")
    user.save()
    root.force_login(user)
    posted = {
        "old_password": "Correct-Horse-9",
        "new_password1": "Battery-Staple-8",
        "new_password2": "Battery-Staple-8",
    }
    assert root.post(reverse("other:password_change"), posted).status_code == 302
    user.refresh_from_db()
    assert user.check_password("Battery-Staple-8")


def test_neither_passwords_nor_files_are_carried_over(root: Client, ada: User) -> None:
    """They are asked for once more; the page of a password is shown again instead."""
    asked = root.post(
        reverse("other:rename", args=[ada.pk]),
        {"password": "swordfish", "first_name": "Ada", "photo": SimpleUploadedFile("ada.png", b"png")},
    )
    assert "swordfish" not in asked.text
    assert '<input type="password" name="password"' in asked.text
    assert '<input type="file" name="photo"' in asked.text
    address = reverse("admin:auth_user_password_change", args=[ada.pk])
    assert root.get(address).text.count('name="signal_log_reason"') == 1
    both = {"usable_password": "true", "password1": "Correct-Horse-9", "password2": "Correct-Horse-9",
            "set-password": "1"}  # fmt: skip
    refused = root.post(address, both)
    assert field.MISSING in refused.text
    assert "Correct-Horse-9" not in refused.text
    ada.refresh_from_db()
    assert ada.password == ""
    assert root.post(address, {**both, "signal_log_reason": WHY}).status_code == 302
    ada.refresh_from_db()
    assert ada.check_password("Correct-Horse-9")


def test_consequences_are_asked_about(root: Client, ada: User) -> None:
    """A receiver that makes a named row, one that deletes it, and a cascade that takes it along."""
    data = {"username": "grace", "usable_password": "false", "password1": "", "password2": ""}
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "REASONS": ["users.Profile"]}):
        for address, posted in ((at("add"), data), (at("delete", ada.pk), {"post": "yes"})):
            with recorded() as events:
                assert "A reason is needed" in root.post(address, posted).text
            assert [event for event in events if event.outcome == "committed"] == []
        assert set(User.objects.values_list("username", flat=True)) == {"root", "ada"}
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "REASONS": ["auth.User"]}):
        address = at("delete", ada.profile.pk, model="users_profile")  # the project deletes the user, too
        asked = root.post(address, {"post": "yes"})
        assert "A reason is needed" in asked.text
        assert Profile.objects.filter(pk=ada.profile.pk).exists()
        root.post(address, {**form_of(asked), "signal_log_reason": WHY})
        assert not User.objects.filter(pk=ada.pk).exists()


def test_other_models_and_other_code_are_not_asked(root: Client, ada: User) -> None:
    """A group that is nobody's business, a save outside of the admin, pages that show."""
    assert root.post(at("add", model="auth_group"), {"name": "crew"}).status_code == 302
    for address in (at("changelist"), at("history", ada.pk), reverse("admin:index")):
        assert "signal_log_reason" not in root.get(address).text
    ada.first_name = "Ada"
    ada.save()
    with recorded() as events:
        ada.save()
    assert reasons(events, "auth.User") == {None}


def test_a_page_that_only_shows_does_not_ask(client: Client, ada: User) -> None:
    """Without the permission to change nothing can be posted."""
    viewer = User.objects.create(username="viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_user"))
    client.force_login(viewer)
    page = client.get(at("change", ada.pk))
    assert page.status_code == 200
    assert "signal_log_reason" not in page.text
    assert client.post(at("change", ada.pk), {"signal_log_reason": WHY}).status_code == 403


def test_a_page_of_which_each_field_is_read_only_does_not_ask(
    root: Client, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless there is a list on it in which something can be entered."""
    category = Category.objects.create(name="lamps")
    address = at("change", category.pk, site="other", model="shop_category")
    user = at("change", ada.pk, site="other")
    monkeypatch.setattr(UserAdmin, "readonly_fields", UserAdmin.fields)
    monkeypatch.setattr(CategoryAdmin, "readonly_fields", [one.name for one in Category._meta.fields], raising=False)
    assert "signal_log_reason" not in root.get(user).text
    assert "signal_log_reason" in root.get(address).text
    monkeypatch.setattr(ItemInline, "has_add_permission", lambda *_: False)
    monkeypatch.setattr(ItemInline, "has_delete_permission", lambda *_: False)
    assert "signal_log_reason" in root.get(address).text
    monkeypatch.setattr(ItemInline, "readonly_fields", ItemInline.fields)
    assert "signal_log_reason" not in root.get(address).text


def test_everything_is_put_back() -> None:
    """Without the setting Django's own functions stand there."""
    assert hasattr(admin.ModelAdmin.get_form, "signal_log_replaced")
    with override_settings(SIGNAL_LOG=SIGNAL_LOG):
        pipeline.start()
        assert not hasattr(admin.ModelAdmin.get_form, "signal_log_replaced")
        assert not hasattr(admin.AdminSite.admin_view, "signal_log_replaced")
    pipeline.start()
