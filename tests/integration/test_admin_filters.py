"""The admin's lists take no filter from the address that they do not list: above all no regular expression."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import CharField, Model, TextField
from django.test import Client, RequestFactory
from django.urls import reverse

from signal_log.models import SharedView, SignalEvent
from users.models import Profile

pytestmark = pytest.mark.django_db

NEVER_ENDS = "^(a+)+$"


@pytest.fixture
def root(client: Client) -> Client:
    """A client of someone who may see every list."""
    client.force_login(User.objects.create_superuser("root"))
    return client


def list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def test_no_list_of_the_site_takes_a_regular_expression(root: Client) -> None:
    """Each text column of each registered model is tried, and answered with 400."""
    tried = {model for model in admin.site._registry if model._meta.app_label in ("auth", "signal_log", "users")}
    assert {User, Group, Profile, SignalEvent, SharedView} <= tried
    for model in tried:
        for field in model._meta.concrete_fields:
            if isinstance(field, (CharField, TextField)):
                for lookup in ("regex", "iregex", "gt"):
                    answer = root.get(list_of(model), {f"{field.name}__{lookup}": NEVER_ENDS})
                    assert answer.status_code == 400, f"{model.__name__}.{field.name}__{lookup}"


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (SignalEvent, "outcome__exact=failed"),
        (SignalEvent, "sender=shop.Item&signal=post_save&source=task"),
        (SignalEvent, "occurred_at__gte=2026-01-01+00%3A00%3A00%2B00%3A00&o=1&p=0"),
        (User, "is_staff__exact=1&q=ro"),
        (User, "groups__id__exact=1"),
        (User, "groups__isnull=True"),
        (User, "_popup=1&_to_field=id"),
        (Profile, "created__gte=2026-01-01+00%3A00%3A00%2B00%3A00"),
    ],
)
def test_the_filters_of_a_list_go_on_working(root: Client, model: type[Model], query: str) -> None:
    """Whatever the links of a list's own filters hold is taken, with search, order and page beside it."""
    assert root.get(f"{list_of(model)}?{query}").status_code == 200


@pytest.mark.parametrize(
    "query", ["groups__name__regex=a", "occurred_at__week=3", "outcome__regex=a", "sender__regex=a"]
)
def test_a_listed_filter_opens_no_other_lookup(root: Client, query: str) -> None:
    """Only plain comparisons of a listed field are taken."""
    model = User if query.startswith("groups") else SignalEvent
    assert root.get(f"{list_of(model)}?{query}").status_code == 400


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (SignalEvent, "occurred_at__year=99999"),
        (SignalEvent, "occurred_at__gte=0001-01-01+00:00:00%2B14:00"),
        (SignalEvent, "occurred_at__lt=9999-12-31+23:59:59-14:00"),
        (Profile, "created__year=0"),
        (Profile, "created__exact=0001-01-01+00:00:00%2B14:00"),
        (User, "is_staff__exact=maybe"),
    ],
)
def test_a_value_that_no_row_can_have_is_a_bad_one(root: Client, model: type[Model], query: str) -> None:
    """The list is shown without filters, as Django does for values that it notices in time."""
    answer = root.get(f"{list_of(model)}?{query}")
    if connection.vendor == "postgresql" and "14:00" in query:  # which knows years before the first
        assert answer.status_code == 200
        return
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{list_of(model)}?e=1")
    assert root.get(answer.headers["Location"]).status_code == 200


def test_a_fault_of_the_list_itself_is_no_bad_value(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not hidden behind an answer about the address."""

    def faulty(*_: object) -> None:
        raise ValueError("ours")

    monkeypatch.setattr(admin.site._registry[Profile], "get_queryset", faulty)
    with pytest.raises(ValueError, match="ours"):
        root.get(list_of(Profile))
    with pytest.raises(ValueError, match="ours"):
        root.get(list_of(Profile) + "?created__year=2026", follow=True)


def test_a_popup_is_narrowed_by_the_relation_that_opens_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a foreign key's ``limit_choices_to`` says is in the popup's address, and is taken with that value alone."""
    monkeypatch.setattr(User._meta, "related_fkey_lookups", [{"first_name": "Ada"}, lambda: {"last_name": "Byron"}])
    users = admin.site._registry[User]
    request = RequestFactory().get("/")
    assert users.lookup_allowed("first_name", "Ada", request)
    assert users.lookup_allowed("last_name", "Byron", request)
    assert not users.lookup_allowed("first_name", "Bob", request)
