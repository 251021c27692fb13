"""An address or a form with more fields than Django takes is answered with 400, once and at once."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import TooManyFieldsSent
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings

from observatory.too_many_fields import refuse_too_many_fields
from tests.factories import make_event

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

TOO_MANY = urlencode([(f"field{number}", "1") for number in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)])
AS_MANY = TOO_MANY.rpartition("&")[0]
OURS = "observatory.too_many_fields.refuse_too_many_fields"


def pages() -> list[str]:
    event = make_event()
    return [
        "/", "/events/", f"/events/{event.pk}/", f"/traces/{event.trace_id}/", "/objects/auth.User/1/", "/views/",
        "/objects/auth.User/?pk=1",
    ]  # fmt: skip


@pytest.mark.parametrize("debug", [False, True])
def test_every_page_of_the_site_says_400(client: Client, caplog: pytest.LogCaptureFixture, *, debug: bool) -> None:
    """For strangers and for administrators, also where there is no page, and without a report of an error."""
    others = ["/accounts/login/", "/accounts/register/", "/admin/", "/admin/auth/user/", "/healthz", "/nowhere/"]
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    with override_settings(DEBUG=debug):
        for page in pages() + others:
            query = f"{page}{'&' if '?' in page else '?'}{TOO_MANY}"
            for one in (client, root):
                answer = one.get(query)
                assert answer.status_code == 400, page
                assert "This request cannot be answered" in answer.content.decode()
        assert client.get(f"/accounts/login/?{AS_MANY}").status_code == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_form_with_too_many_fields_says_400(client: Client) -> None:
    """Django itself looks at a form once; its answer has our words."""
    for page in ("/accounts/login/", "/accounts/register/"):
        answer = client.post(page, TOO_MANY, content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 400, page
        assert "This request cannot be answered" in answer.content.decode()


def test_the_pages_of_the_log_say_so_in_any_project(client: Client) -> None:
    """Where nothing else refuses such an address, they do, also beside middleware that looks at it afterwards."""
    without = [name for name in settings.MIDDLEWARE if name != OURS]
    assert len(without) < len(settings.MIDDLEWARE)
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    with override_settings(MIDDLEWARE=[f"{__name__}.looks_afterwards", *without]):
        for page in pages():
            for one in (client, root):
                assert one.get(f"{page}{'&' if '?' in page else '?'}{TOO_MANY}").status_code == 400, page


def looks_afterwards(get_response):  # type: ignore[no-untyped-def]
    """Middleware that reads the fields of the address on the way out, as the debug toolbar does."""

    def middleware(request):  # type: ignore[no-untyped-def]
        response = get_response(request)
        assert request.GET is not None
        return response

    return middleware


def test_it_works_in_an_asynchronous_chain() -> None:
    """It is no reason for Django to switch to a thread."""

    async def view(request: object) -> HttpResponse:
        return HttpResponse("fine")

    middleware = refuse_too_many_fields(view)
    good, bad = (RequestFactory().get(f"/?{query}") for query in ("a=1", TOO_MANY))
    assert asyncio.run(middleware(good)).content == b"fine"
    with pytest.raises(TooManyFieldsSent):
        bad.GET  # noqa: B018
    assert asyncio.run(middleware(bad)).status_code == 400
