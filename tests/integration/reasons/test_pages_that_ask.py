"""``REASONS``: the admin's own pages of a named model ask for a sentence that says why."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from signal_log.audit.reasons import field
from tests.integration.reasons.site import (
    WHY,
    at,
    form_of,
    reasons,
)
from tests.log import recorded
from tests.pages import text
from tests.shop.models import Category

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database]


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
