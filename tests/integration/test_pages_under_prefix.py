"""The history's pages under a prefix, as a host mounts them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import include, path

from tests.factories import make_event
from tests.pages import text

pytestmark = pytest.mark.django_db


urlpatterns = [
    path("signals/", include("signal_log.urls")),
    path("accounts/", include("users.urls")),
]


@pytest.mark.urls(__name__)
def test_the_pages_work_below_a_prefix(root: Client) -> None:
    """Mounted at /signals/ and without an admin, every address on the pages stays below the prefix."""
    event = make_event(object_pk="5")
    for address in ("/signals/events/", f"/signals/events/{event.pk}/", f"/signals/traces/{event.trace_id}/",
                    "/signals/objects/auth.User/5/"):  # fmt: skip
        page = text(root.get(address))
        assert 'href="/events/' not in page, address
        assert 'href="/signals/events/' in page, address
