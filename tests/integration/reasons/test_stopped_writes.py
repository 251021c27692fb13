"""``REASONS``: whatever else would write a named model in the admin is stopped, and nothing else is."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings
from django.urls import reverse

from signal_log import pipeline
from signal_log.audit.reasons import field
from tests.integration.reasons.site import (
    WHY,
    CategoryAdmin,
    ItemInline,
    UserAdmin,
    at,
    form_of,
    reasons,
)
from tests.log import recorded
from tests.settings import SIGNAL_LOG
from tests.shop.models import Category
from users.models import Profile

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database]


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
