"""One row has one history, whichever class was saved: the model, a proxy, a multi-table parent or child."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import AdminSite, ModelAdmin, site
from django.contrib.auth.models import User
from django.db import models
from django.test import Client, RequestFactory, override_settings
from django.test.utils import isolate_apps
from django.urls import path, set_urlconf

from signal_log import clock, pipeline, rows
from signal_log.admin import HistoryLinkMixin
from signal_log.capture.model.same_row import families, root_of
from signal_log.filters import Filters
from signal_log.models import SignalEvent
from signal_log.show.admin_links import admin_url
from signal_log.show.words.state import EXISTS, NO_LONGER
from signal_log.store.read import as_mapping, events, filtered
from tests.factories import make_event
from tests.settings import SIGNAL_LOG
from tests.shop.models import Book, CheapItem, Item

pytestmark = pytest.mark.django_db

FAMILY = ("shop.Book", "shop.CheapItem", "shop.Item")


@pytest.fixture
def book() -> Book:
    """Create a book, save it under each of its classes, and leave another item beside it."""
    Item.objects.create(name="lamp")
    book = Book.objects.create(name="Dune", pages=412)
    CheapItem.objects.filter(pk=book.pk).get().save()
    item = Item.objects.get(pk=book.pk)
    item.name = "Dune Messiah"
    item.save()
    return book


def words(response: Any) -> list[tuple[str, str]]:
    """Return class and kind of each line of a history, newest first."""
    return [(line.event.sender, line.kind.word) for line in response.context["parts"][0].lines]


@pytest.mark.parametrize("label", FAMILY)
def test_the_same_history_under_each_label(label: str, book: Book, root: Client) -> None:
    """Parent, proxy and child lead to the same lines, from creation to the end."""
    address = f"/objects/{label}/{book.pk}/"
    response = root.get(address)
    saved = [("shop.Item", "updated"), ("shop.CheapItem", "updated"), ("shop.Book", "created")]
    assert words(response) == saved
    assert response.context["also"] == [other for other in FAMILY if other != label]
    assert not response.context["is_gone"]
    book.delete()
    response = root.get(address)
    assert words(response) == [("shop.Item", "deleted"), ("shop.Book", "deleted"), *saved]
    assert response.context["is_gone"]


def test_a_parent_that_was_only_ever_saved_through_its_child(root: Client) -> None:
    """The parent's row has a history although none of its own signals fired."""
    book = Book.objects.create(name="Dune")
    assert words(root.get(f"/objects/shop.Item/{book.pk}/")) == [("shop.Book", "created")]


@pytest.mark.parametrize("label", FAMILY)
def test_the_state_comes_from_all_of_them(label: str, book: Book, root: Client) -> None:
    """What the parent, a proxy and the child wrote is put together; the child's own columns come last."""
    fields = {
        known.name: known.value and known.value.text
        for known in root.get(f"/objects/{label}/{book.pk}/", {"at": str(clock.now())}).context["state"].fields
    }
    assert (fields["name"], fields["pages"]) == ("Dune Messiah", "412")


def test_a_child_that_goes_without_its_parent(book: Book, root: Client) -> None:
    """With ``keep_parents`` the parent's row stays, with its values, and the child's is gone."""
    pk = book.pk
    book.delete(keep_parents=True)
    assert not root.get(f"/objects/shop.Item/{pk}/").context["is_gone"]
    assert root.get(f"/objects/shop.Book/{pk}/").context["is_gone"]
    now = {"at": str(clock.now())}
    state = root.get(f"/objects/shop.Item/{pk}/", now).context["state"]
    fields = {known.name: known.value and known.value.text for known in state.fields}
    assert (state.presence, fields["name"], fields["pages"]) == (EXISTS, "Dune Messiah", "null")
    assert root.get(f"/objects/shop.Book/{pk}/", now).context["state"].presence == NO_LONGER


def test_a_parent_that_nobody_observes_ends_with_its_child(root: Client) -> None:
    """Its own deletion has no event, so the child's counts."""
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "EXCLUDE": ["shop.Item", "shop.CheapItem"]}):
        pipeline.stop()
        pipeline.start()
        book = Book.objects.create(name="Dune")
        pk = book.pk
        book.delete()
        response = root.get(f"/objects/shop.Item/{pk}/")
        pipeline.stop()
    pipeline.start()
    assert words(response) == [("shop.Book", "deleted"), ("shop.Book", "created")]
    assert response.context["is_gone"]


@pytest.mark.parametrize("label", FAMILY)
def test_filters_find_the_row_under_each_label(label: str, book: Book) -> None:
    """A row's address as a filter matches all of its events, and no other row's, in SQL as in Python."""
    wanted = set(events().filter(object_pk=str(book.pk), sender__in=FAMILY).values_list("pk", flat=True))
    make_event(sender="auth.User", object_pk=str(book.pk), object_repr="somebody")
    for spelled in (f"{label}/{book.pk}", f"{label.lower()}/{book.pk}"):
        filters = Filters.parse({"object": spelled})
        assert {event.pk for event in filtered(events(), filters)} == wanted
        assert {event.pk for event in events() if filters.matches(as_mapping(event))} == wanted
        others = Filters.parse({"object": f"!{spelled}"})
        assert {event.pk for event in filtered(events(), others)}.isdisjoint(wanted)
        assert not any(others.matches(as_mapping(event)) for event in events() if event.pk in wanted)


@pytest.mark.parametrize("model", [Book, CheapItem, Item])
def test_the_admins_history_shows_all_of_them(
    model: type[models.Model], book: Book, rf: RequestFactory, admin_user: User
) -> None:
    """An admin page's history has the row's lines, and the log links to whichever page there is."""

    class WithHistory(HistoryLinkMixin, ModelAdmin):  # type: ignore[type-arg]
        """The page of one of the classes."""

    request = rf.get("/")
    request.user = admin_user
    response: Any = WithHistory(model, AdminSite()).history_view(request, str(book.pk))
    assert [line.event.sender for line in response.context_data["signal_log"].lines] == [
        "shop.Item", "shop.CheapItem", "shop.Book",
    ]  # fmt: skip


def test_the_link_to_the_admin_of_another_class(book: Book, rf: RequestFactory, admin_user: User) -> None:
    """A child without an admin page of its own is opened as its parent."""
    request = rf.get("/")
    request.user = admin_user
    event = SignalEvent.objects.filter(sender="shop.Book").latest("pk")
    assert admin_url(request, event) == ""
    site.register(Item)
    set_urlconf((path("admin/", site.urls),))  # type: ignore[arg-type]  as it would be with the class registered
    try:
        assert admin_url(request, event) == f"/admin/shop/item/{book.pk}/change/"
    finally:
        set_urlconf(None)
        site.unregister(Item)


@isolate_apps("tests.shop")
def test_a_link_to_a_parent_that_is_not_the_key_is_another_row() -> None:
    """The second parent of a class, or a parent with other keys, has a history of its own."""

    class Left(models.Model):
        class Meta:
            app_label = "shop"

    class Right(models.Model):
        right = models.AutoField(primary_key=True)

        class Meta:
            app_label = "shop"

    class Both(Left, Right):
        class Meta:
            app_label = "shop"

    class Own(Left):
        id_of_its_own = models.AutoField(primary_key=True)
        left = models.OneToOneField(Left, models.CASCADE, parent_link=True)

        class Meta:
            app_label = "shop"

    class Grandchild(Both):
        class Meta:
            app_label = "shop"

    class Nickname(Grandchild):
        class Meta:
            app_label = "shop"
            proxy = True

    assert [root_of(model) for model in (Both, Grandchild, Nickname, Left)] == [Left] * 4
    assert (root_of(Right), root_of(Own)) == (Right, Own)


def test_labels_that_are_known() -> None:
    """Every installed model is in one family; a label is found however it is written, and an unknown one alone."""
    assert FAMILY in families()
    assert sorted(label for family in families() for label in family) == sorted(
        model._meta.label for model in apps.get_models(include_auto_created=True)
    )
    assert rows.labels_of_row("SHOP.book") == FAMILY
    assert rows.labels_of_row("no.Such") == ("no.Such",)
