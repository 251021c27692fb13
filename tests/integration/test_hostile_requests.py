"""What the headers, the method and the path of a request may not do."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, Client, RequestFactory
from django.urls import reverse

from observatory.errors import DatabaseDownMiddleware
from observatory.logs import MaskingFormatter
from signal_log.models import SignalEvent
from tests.accounts import PASSWORD, all_mail_sent, person

REGISTRATION = {
    "username": "ada",
    "first_name": "Ada",
    "email": "ada@example.org",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


def post_event(client: Client, **headers: str) -> SignalEvent:
    """Register with these headers, and return the user's event."""
    assert client.post(reverse("users:register"), REGISTRATION, headers=headers).status_code == 302
    return SignalEvent.objects.filter(sender="auth.User", signal="post_save").earliest("pk")


# --- headers --------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ("fe80::1%" + "z" * 300, "fe80::1"),
        ("203.0.113.9, fe80::1%eth0", "fe80::1"),
        ("9" * 5000, None),
        ("2001:db8:" + "0:" * 2000, None),
        ("203.0.113.9%eth0\x00", "203.0.113.9"),
        ("203.0.113.9", "203.0.113.9"),
    ],
)
def test_a_forwarded_address_is_an_address_or_nothing(
    given: str, recorded: str | None, client: Client, settings: Any
) -> None:
    """However long it is and whatever stands behind it, the page is answered and both databases take what is kept."""
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "TRUSTED_PROXIES": 1}
    assert post_event(client, x_forwarded_for=given).remote_addr in (recorded, recorded or "")


@pytest.mark.django_db
def test_a_strangers_request_id_is_not_believed(client: Client, settings: Any) -> None:
    """Who reaches the server directly gets an id that is ours; a proxy of ours is believed if it sent one."""
    own = post_event(client, x_request_id="the-administrators")
    assert re.fullmatch(r"[0-9a-f]{32}", own.request_id)
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "TRUSTED_PROXIES": 1}
    for given, kept in (("r-1", "r-1"), ("r\n1", "[0-9a-f]{32}"), ("x" * 101, "[0-9a-f]{32}")):
        client.post(reverse("users:profile"), {"name": given}, headers={"x-request-id": given})
        event = SignalEvent.objects.latest("pk")
        assert re.fullmatch(kept, event.request_id)
    assert SignalEvent.objects.filter(trace_id=own.trace_id).values("request_id").distinct().count() == 1


@pytest.mark.django_db
def test_a_reset_mail_leads_to_the_site_and_nowhere_else(client: Client, settings: Any) -> None:
    """Somebody asks for the reset of another's password with a Host of their own: the link is not theirs."""
    settings.ALLOWED_HOSTS = ["*"]
    settings.SITE_URL = "https://site.example"
    person("ada")
    mail.outbox.clear()
    asked = client.post(reverse("users:password_reset"), {"email": "ada@example.org"}, headers={"host": "evil.example"})
    all_mail_sent()
    assert asked.status_code == 302
    [message] = mail.outbox
    assert re.search(r"https://site\.example/accounts/reset/\S+/\S+/$", message.body, re.MULTILINE)
    assert "evil" not in message.body + message.subject


# --- method and path ------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_live_page_is_read(mira: Client) -> None:
    """Other methods are answered with 405, whoever sends them."""
    for client in (mira, Client()):
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            assert client.generic(method, reverse("signal_log:live")).status_code == 405, method
    assert mira.head(reverse("signal_log:live")).status_code == 200


def outage(request: HttpRequest) -> str:
    """Return the 503 page for a request."""
    response = DatabaseDownMiddleware(lambda request: HttpResponse()).process_exception(request, OperationalError("no"))
    assert response is not None
    assert response.status_code == 503
    return response.content.decode()


def test_the_page_for_outages_links_to_this_site() -> None:
    """A path that begins with two slashes would be the address of another site."""
    for make in (RequestFactory(), AsyncRequestFactory()):
        assert 'href="/events/?q=1"' in outage(make.get("/events/", {"q": "1"}))
        for request, again in ((make.get("/", {"a": "1"}), "/%2Fevil.example/?a=1"), (make.post("/"), "/")):
            request.path = "//evil.example/"
            assert f'href="{again}"' in outage(request)


def test_a_path_does_not_write_lines_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Line breaks and control characters of a path are shown escaped, so that a request makes one line."""
    forged = "/a\n2026-11-28 ERROR root: all is well\r\x1b[2J\x85\u2028/"
    with caplog.at_level(logging.ERROR, "observatory.errors"):
        request = RequestFactory().get("/")
        request.path = forged
        outage(request)
    [record] = caplog.records
    record.exc_info = record.exc_text = None
    line = MaskingFormatter("%(levelname)s %(message)s").format(record)
    assert len(line.splitlines()) == 1
    assert r"GET /a\n2026-11-28 ERROR root: all is well\r\x1b[2J\x85\u2028/" in line
