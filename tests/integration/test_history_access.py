"""Every page of the log, for every kind of user."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import reverse

from signal_log import urls
from signal_log.audit.own_events import EXPORTED
from signal_log.models import FoundBreak, SignalEvent
from signal_log.permission import may
from signal_log.show.export.answer import FORMATS
from tests.factories import make_event
from tests.log import recorded

pytestmark = pytest.mark.django_db

SECRET = "marker-of-an-event"
NUMBERS = (
    "counts", "facets", "marks", "values", "receivers", "receivers_of_all", "compared", "compared_json",
    "compared_text", "choice", "pins",
)  # fmt: skip
"""Pages that name no object."""


@pytest.fixture
def event() -> SignalEvent:
    """An event that nobody without the permission may see."""
    event = make_event(object_repr=SECRET, object_pk="77")
    FoundBreak.objects.create(before=event.pk, after=event.pk, field="first_name", found_at=event.occurred_at)
    return event


@pytest.fixture
def addresses(event: SignalEvent) -> dict[str, str]:
    """Return every address on which the event is shown."""
    return {
        "events": "/events/",
        "event": f"/events/{event.pk}/",
        "json": f"/events/{event.pk}/?format=json",
        "events_json": "/events/?format=json",
        "csv": "/events/?format=csv",
        "jsonl": "/events/?format=jsonl",
        "counts": "/events/?format=counts",
        "values": "/events/?format=values&key=actor",
        "find": "/events/?format=find&text=a",
        "facets": "/events/?format=facets",
        "marks": "/events/?format=marks",
        "receivers": f"/events/{event.pk}/?format=receivers",
        "receivers_of_all": "/events/?format=receivers",
        "trace": f"/traces/{event.trace_id}/",
        "trace_json": f"/traces/{event.trace_id}/?format=json",
        "trace_text": f"/traces/{event.trace_id}/?format=text",
        "compared": f"/traces/{event.trace_id}/?with={event.trace_id}",
        "compared_json": f"/traces/{event.trace_id}/?with={event.trace_id}&format=json",
        "compared_text": f"/traces/{event.trace_id}/?with={event.trace_id}&format=text",
        "choice": f"/traces/{event.trace_id}/?with=",
        "object": "/objects/auth.User/77/",
        "at": "/objects/auth.User/77/?at=2100-01-01",
        "between": "/objects/auth.User/77/?from=2000-01-01&to=2100-01-01",
        "actor": "/actors/7/",
        "past_writes": "/past-writes/",
        "pins": "/pins/",
        "restore": "/restore/?label=auth.User&pk=77&at=2100-01-01",
        "admin_list": "/admin/signal_log/signalevent/?q=77",
        "admin_event": f"/admin/signal_log/signalevent/{event.pk}/change/",
    }


def logged_in(name: str, *, permission: bool = False, **fields: Any) -> Client:
    """Return a client logged in with a new account."""
    user = get_user_model().objects.create_user(name, **fields)
    if permission:
        user.user_permissions.add(*Permission.objects.filter(codename__in=("view_signalevent", "export_signalevent")))
    client = Client()
    client.force_login(user)
    return client


def pages(client: Client, addresses: dict[str, str]) -> Iterator[tuple[str, HttpResponse]]:
    """Yield the response of each page."""
    for name, address in addresses.items():
        yield name, client.get(address)


def body(response: Any) -> bytes:
    """Return everything that was sent, streamed files included."""
    sent: bytes = response.getvalue()
    return sent


@pytest.mark.one_database
def test_strangers_are_asked_to_log_in(addresses: dict[str, str]) -> None:
    """They are redirected to the log-in, which leads back, and see nothing of the event."""
    for name, response in pages(Client(), addresses):
        assert response.status_code == 302, name
        assert "login" in response["Location"], name
        assert "next=/" in response["Location"], name
        assert SECRET.encode() not in body(response), name


@pytest.mark.one_database
def test_accounts_without_the_permission_get_a_clear_403(addresses: dict[str, str]) -> None:
    """Staff get a 403 too: the admin's pages of the log need its permission as well."""
    for client in (logged_in("ada"), logged_in("staff", is_staff=True)):
        for name, response in pages(client, addresses):
            if name.startswith("admin") and response.status_code == 302:  # the admin's own log-in, for non-staff
                continue
            assert response.status_code == 403, name
            assert SECRET.encode() not in body(response), name
            if name == "events":
                assert b"need the permission" in body(response)


def test_people_with_the_permission_see_it(addresses: dict[str, str]) -> None:
    """They see it on every page, including the admin's if they are staff."""
    for client in (
        logged_in("ada", permission=True, is_staff=True),
        logged_in("root", is_superuser=True, is_staff=True),
    ):
        for name, response in pages(client, addresses):
            assert response.status_code == 200, name
            assert name in NUMBERS or SECRET.encode() in body(response), name


@pytest.mark.one_database
def test_head_reveals_no_more_than_get(addresses: dict[str, str]) -> None:
    """HEAD is answered as GET is, for everyone."""
    for client in (Client(), logged_in("ada"), logged_in("root", is_superuser=True, is_staff=True)):
        for name, response in pages(client, addresses):
            head = client.head(addresses[name])
            assert head.status_code == response.status_code, name
            for close in (*response._resource_closers, *head._resource_closers):  # files that nobody reads
                close()


@pytest.mark.one_database
def test_the_setting_names_the_permission(addresses: dict[str, str]) -> None:
    """With another PERMISSION the default one no longer opens anything, the admin included."""
    client = logged_in("ada", permission=True, is_staff=True)
    with override_settings(SIGNAL_LOG={"MODELS": ["auth.User"], "PERMISSION": "auth.delete_user"}):
        assert {response.status_code for _, response in pages(client, addresses)} == {403}


@pytest.mark.one_database
def test_an_account_that_is_deactivated_sees_nothing_more(addresses: dict[str, str]) -> None:
    """Access ends at once, even if the session is still open."""
    client = logged_in("ada", permission=True, is_staff=True)
    get_user_model().objects.filter(username="ada").update(is_active=False)
    for name, response in pages(client, addresses):
        assert response.status_code == 302, name
        assert SECRET.encode() not in body(response), name


@pytest.mark.one_database
def test_pages_are_not_cached_and_allow_no_foreign_code(addresses: dict[str, str]) -> None:
    """Every page of the log is sent with no-store and a policy that forbids inline code."""
    client = logged_in("root", is_superuser=True, is_staff=True)
    for name, response in pages(client, addresses):
        policy = response["Content-Security-Policy"]
        assert "default-src 'none'" in policy, name
        assert "unsafe" not in policy, name
        assert "no-store" in response["Cache-Control"], name


@pytest.mark.one_database
def test_pages_only_answer_questions(addresses: dict[str, str]) -> None:
    """POST, PUT and DELETE are refused on every page, and nothing changes."""
    client = logged_in("root", is_superuser=True, is_staff=True)
    before = SignalEvent.objects.count()
    for name, address in addresses.items():
        if not name.startswith("admin"):
            for send in (client.post, client.put, client.delete, client.patch):
                refused = send(address, headers={"accept": "text/html"})
                assert refused.status_code == 405, name
                assert refused["Allow"] == "GET, HEAD"
                assert "only for reading" in refused.content.decode(), name
                assert f'href="{address.replace("&", "&amp;")}"' in refused.content.decode(), name
                assert "default-src 'none'" in refused["Content-Security-Policy"]
    assert SignalEvent.objects.count() == before


PARAMETERS = {
    "path": "checkpoint",
    "generation": "1",
    "number": "1",
    "trace": "00000000-0000-4000-8000-000000000000",
    "label": "auth.User",
    "pk": "77",
}
"""A value for each parameter of an address. It need not exist: a stranger is turned away before anything is read."""


@pytest.mark.parametrize("name", [one.name for one in urls.urlpatterns])
@pytest.mark.one_database
def test_every_address_is_guarded(name: str) -> None:
    """Strangers and accounts without the permission are turned away from every address, those added later included."""
    (pattern,) = (one for one in urls.urlpatterns if one.name == name)
    parameters = {key: PARAMETERS[key] for key in pattern.pattern.converters}
    address = reverse(f"signal_log:{name}", kwargs=parameters)
    stranger, account = Client(), logged_in("ada")
    for send in ("get", "post"):
        answer = getattr(stranger, send)(address)
        assert answer.status_code == 405 or "login" in answer["Location"], (send, answer.status_code)
        assert getattr(account, send)(address).status_code in (403, 405), send
        if answer.status_code == 405:  # a line for programs, and for people who may not see the log
            assert answer["Content-Type"].startswith("text/plain")
            assert "It answers" in answer.content.decode()
    assert {getattr(stranger, send)(address).status_code for send in ("get", "post")} != {405}


@pytest.mark.parametrize("name", [one.name for one in urls.urlpatterns])
@pytest.mark.one_database
def test_no_address_takes_a_format_that_it_does_not_know(name: str) -> None:
    """Whatever the method, it is refused with those there are: as a page, and as a line of text to programs."""
    (pattern,) = (one for one in urls.urlpatterns if one.name == name)
    address = reverse(f"signal_log:{name}", kwargs={key: PARAMETERS[key] for key in pattern.pattern.converters})
    client = logged_in("root", is_superuser=True)
    for send in (client.get, client.post):
        page = send(f"{address}?q=ada&format=x<ml", headers={"accept": "text/html,*/*;q=0.8"})
        line = send(f"{address}?format=xml", headers={"accept": "*/*"})
        if page.status_code == 405:
            continue
        assert (page.status_code, line.status_code) == (400, 400)
        assert "There is no format &#x27;x&lt;ml&#x27; of this page." in page.content.decode()
        assert f'href="{address}?q=ada"' in page.content.decode()
        assert "default-src 'none'" in page["Content-Security-Policy"]
        assert re.search(r"Accepted: [a-z, ]+\.|has no other formats", line.content.decode())
        assert "<" not in line.content.decode()


@pytest.mark.parametrize(
    ("path", "formats", "refused"),
    [
        ("/traces/{trace}/", ("json", "text", "pytest"), "report"),
        ("/traces/{trace}/?with={trace}", ("json", "text"), "pytest"),
        ("/traces/{trace}/?with=", (), "json"),
        ("/objects/auth.User/77/", ("report",), "json"),
        ("/events/{event}/", ("json", "receivers", "proof"), "csv"),
    ],
)
@pytest.mark.one_database
def test_each_view_of_a_page_has_its_own_formats(
    path: str, formats: tuple[str, ...], refused: str, event: SignalEvent
) -> None:
    """Those of the page by itself are not taken in silence where a parameter makes it another view."""
    client, address = logged_in("root", is_superuser=True), path.format(trace=event.trace_id, event=event.pk)
    joined = "&" if "?" in address else "?"
    for name in formats:
        assert client.get(f"{address}{joined}format={name}").status_code != 400, name
    answer = client.get(f"{address}{joined}format={refused}")
    assert answer.status_code == 400
    said = f"Accepted: {', '.join(formats)}." if formats else "It has no other formats"
    assert said in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.one_database
def test_an_export_needs_a_permission_of_its_own_and_is_an_event() -> None:
    """Without it the page has no link, and the address answers 403 and says why; with it the log tells who and what."""
    viewer, taker = logged_in("viewer", permission=True), logged_in("taker", permission=True)
    get_user_model().objects.get(username="viewer").user_permissions.remove(
        Permission.objects.get(codename="export_signalevent")
    )
    make_event(object_repr="ada")
    with recorded() as events:
        for kind in FORMATS:
            refused = viewer.get("/events/", {"format": kind, "actor": "grace"})
            assert refused.status_code == 403
            assert b"signal_log.export_signalevent" in refused.content
        assert "format=csv" not in viewer.get("/events/").text
        assert "format=csv" in taker.get("/events/").text
        assert viewer.get("/events/", {"format": "json"}).status_code == 200  # what the page shows, page by page
        taker.head("/events/", {"format": "csv"})
        body(taker.get("/events/", {"format": "csv", "actor": "grace"}))
    (told,) = [event for event in events if event.signal == EXPORTED]
    assert (told.actor_repr, told.path, told.labels["format"]) == ("taker", "/events/", "csv")
    assert told.labels["filters"] == {"actor": ["grace"]}


@pytest.mark.one_database
def test_what_needs_a_permission_needs_that_to_see_events_too() -> None:
    """Somebody who may export may not do so without seeing events; an action that does not exist is an error."""

    class User:
        is_active = True

        def __init__(self, *permissions: str) -> None:
            self.has_perm = permissions.__contains__

    both = User("signal_log.view_signalevent", "signal_log.export_signalevent")
    assert may(both, "export")
    assert not may(both, "redact")
    assert not may(User("signal_log.export_signalevent"), "export")
    both.is_active = False
    assert not may(both, "export")
    with pytest.raises(ValueError, match="none of export, redact, hold, seal"):
        may(both, "exprt")
