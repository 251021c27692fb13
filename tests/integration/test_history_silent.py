"""A silent write on the pages: how many rows, what was set, the statement."""

import pytest
from django.db.models import F

from signal_log.models import SignalEvent
from tests.shop.models import Category

pytestmark = pytest.mark.django_db


def test_how_a_silent_write_is_shown(admin_client):
    """Rows, and what was set or the statement, in the list; the whole statement on the page; no invented old value."""
    Category.objects.bulk_create([Category(name="<b>x"), Category(name="y")])
    Category.objects.update(name=F("name"))
    page = admin_client.get("/events/?sender=shop.Category").content.decode()
    assert page.count("2 rows") == 2
    assert "INSERT INTO &quot;shop_category&quot;" in page
    assert "F(name)" in page
    event = SignalEvent.objects.get(signal="silent_update")
    page = admin_client.get(f"/events/{event.pk}/").content.decode()
    assert "UPDATE &quot;shop_category&quot; SET" in page
    assert "2 rows of shop.Category, without signals" in page
    assert 'class="null"' not in page
    assert "Origin" not in page
