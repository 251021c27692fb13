"""How the pages show a silent write: the number of rows, what was set, the statement."""

import re

import pytest
from django.db.models import F
from django.urls import reverse

import signal_log
from signal_log.models import SignalEvent
from tests.shop.models import Category

pytestmark = pytest.mark.django_db


def test_how_a_silent_write_is_shown(admin_client):
    """The list shows rows and what was set or the statement, the page the whole statement, and neither an old value."""
    Category.objects.bulk_create([Category(name="<b>x"), Category(name="y")])
    Category.objects.update(name=F("name"))
    page = admin_client.get("/events/?sender=shop.Category").content.decode()
    assert page.count("2 rows") == 2
    assert "INSERT INTO &quot;shop_category&quot;" in page
    assert "F(name)" in page
    event = SignalEvent.objects.get(signal="silent_update")
    page = admin_client.get(f"/events/{event.pk}/").content.decode()
    assert "UPDATE &quot;shop_category&quot; SET" in page
    assert "2 rows of shop.Category, written without signals" in page
    assert 'class="null"' not in page
    assert "Origin" not in page


def test_how_a_row_of_a_bulk_write_is_shown(admin_client):
    """The list shows old and new values; the event's page says how many rows the statement wrote."""
    with signal_log.observed_bulk():
        first, _ = Category.objects.bulk_create([Category(name="x"), Category(name="y")])
        Category.objects.filter(pk=first.pk).update(name="z")
        Category.objects.filter(pk=first.pk).update(name="z")
    page = admin_client.get("/events/?sender=shop.Category").content.decode()
    assert re.search(r'<del class="mono"[^>]*>x</del>', page)
    assert re.search(r'<ins class="mono"[^>]*>z</ins>', page)
    found = SignalEvent.objects.filter(sender="shop.Category")
    inserted, unchanged = found.earliest("id"), found.latest("id")
    assert "2 rows of shop.Category, written without signals" in content(admin_client, inserted)
    assert "No fields changed" in content(admin_client, unchanged)
    assert "1 row of shop.Category" in content(admin_client, unchanged)


def test_a_row_at_a_time_between_bulk_writes(admin_client):
    """Bulk writes show what the row was, and that it came or went, as saves and deletes do."""
    with signal_log.observed_bulk():
        [category] = Category.objects.bulk_create([Category(name="first")])
        Category.objects.update(name="second")
        Category.objects.all()._raw_delete("default")
    came, changed, gone = (e.occurred_at for e in SignalEvent.objects.filter(sender="shop.Category").order_by("id"))
    address = reverse("signal_log:object", args=["shop.Category", category.pk])

    def at(moment):
        return admin_client.get(address, {"at": moment.isoformat()}).content.decode()

    assert "first" in at(came)
    assert "second" in at(changed)
    assert "no longer existed" in at(gone)
    assert '<span class="kind deleted">deleted</span>' in admin_client.get(address).content.decode()


def content(client, event):
    return client.get(f"/events/{event.pk}/").content.decode()
